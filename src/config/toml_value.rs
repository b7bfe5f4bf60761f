//! TOML's values, as settings look at them.

use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use super::Problem;

pub(super) const IN_QUOTES: &str = "put it in quotes";

/// What to do about a text without quotes, if the parser complains of one.
#[must_use]
pub fn quotes_missing(message: &str) -> Option<&'static str> {
    message.contains("must be quoted").then_some("put the text in quotes, as in queue = \"asap\"")
}

/// A name with its value, as both stand in a file.
pub(super) type Pair<'t, 'i> = (&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>);

/// As they stand in the file, so that the first mistake is the first to be told.
pub(super) fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Pair<'t, 'i>> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}

/// `1024` for `0x400`. What is too big for TOML stays as it is, and is too big for us.
pub(super) fn decimal(number: &DeInteger<'_>) -> String {
    i64::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| number.to_string(), |number| number.to_string())
}

/// A text that is a part of the setting `what`.
pub(super) fn quoted_text(
    value: &Spanned<DeValue<'_>>,
    what: impl FnOnce() -> String,
) -> Result<String, Problem> {
    let hint = match value.get_ref() {
        DeValue::String(text) => return Ok(text.clone().into_owned()),
        DeValue::Array(_) | DeValue::Table(_) => None,
        _ => Some(IN_QUOTES),
    };
    let (expected, found) = ("text in quotes".to_owned(), kind_of(value.get_ref()));
    Err(Problem::WrongKind { what: what(), expected, found, hint })
}

/// As in "not …". The value itself is not shown: it may be what nobody should see.
pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
