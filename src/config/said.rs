//! What one source says about one setting, read as the setting's kind.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::job::EnvironmentEntry;

use super::source::Source;
use super::toml_value::{IN_QUOTES, decimal, in_order, kind_of, quoted_text};
use super::{ConfigError, Kind, Place, Problem, Setting};

pub(super) struct Said<'a> {
    setting: &'static Setting,
    form: Form<'a>,
}

enum Form<'a> {
    InFile { source: &'a Source, value: &'a Spanned<DeValue<'a>> },
    InVariable { name: &'a str, text: &'a str },
}

impl<'a> Said<'a> {
    pub(super) fn in_file(
        setting: &'static Setting,
        source: &'a Source,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Self {
        Self { setting, form: Form::InFile { source, value } }
    }

    pub(super) fn in_variable(setting: &'static Setting, name: &'a str, text: &'a str) -> Self {
        Self { setting, form: Form::InVariable { name, text } }
    }

    pub(super) fn key(&self) -> &'static str {
        self.setting.key
    }

    pub(super) fn place(&self) -> Place {
        match self.form {
            Form::InFile { source, value } => source.place(value.span().start),
            Form::InVariable { name, .. } => Place::Variable(name.to_owned()),
        }
    }

    pub(super) fn wrong<P: Into<Problem>>(&self, problem: P) -> ConfigError {
        self.place().wrong(problem)
    }

    pub(super) fn on_or_off(&self) -> Result<bool, ConfigError> {
        let text = self.text()?;
        match text.as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(self.wrong(Problem::NotOnOrOff { key: self.key(), text })),
        }
    }

    /// A single value, as it would be on the command line.
    pub(super) fn text(&self) -> Result<String, ConfigError> {
        use Kind::{Choice, Duration, Number, Size, Text, WholeNumber};
        let value = match self.form {
            Form::InVariable { text, .. } => return Ok(text.to_owned()),
            Form::InFile { value, .. } => value,
        };
        match (self.setting.kind, value.get_ref()) {
            (Text | Number | Duration | Size | Choice(_), DeValue::String(text)) => {
                Ok(text.clone().into_owned())
            }
            (WholeNumber | Number | Duration | Size, DeValue::Integer(number)) => {
                Ok(decimal(number))
            }
            (Number, DeValue::Float(number)) => Ok(number.as_str().to_owned()),
            (_, found) => Err(self.wrong(self.wrong_kind(found))),
        }
    }

    pub(super) fn whole<T: std::str::FromStr>(&self) -> Result<T, ConfigError> {
        let text = self.text()?;
        text.parse().map_err(|_| self.wrong(Problem::NotWhole { key: self.key(), text }))
    }

    /// A list, with the place of each of its entries. In a variable it has commas between.
    pub(super) fn names(&self) -> Result<Vec<(Place, String)>, ConfigError> {
        let (source, value) = match self.form {
            Form::InFile { source, value } => (source, value.get_ref()),
            Form::InVariable { text, .. } => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                return Ok(names.map(|name| (self.place(), name.to_owned())).collect());
            }
        };
        let DeValue::Array(list) = value else {
            return Err(self.wrong(self.wrong_kind(value)));
        };
        let name = |entry: &Spanned<DeValue<'_>>| {
            let what = || format!("an entry of `{}`", self.key());
            let place = source.place(entry.span().start);
            Ok((place.clone(), quoted_text(entry, what).map_err(|problem| place.wrong(problem))?))
        };
        list.iter().map(name).collect()
    }

    /// The value as another type reads it. No variable holds such a one.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let Form::InFile { value, .. } = self.form else {
            return Err(self.wrong(Problem::Syntax(format!("takes {}", self.setting.kind))));
        };
        T::deserialize(toml::de::ValueDeserializer::from(value.clone()))
            .map_err(|error| self.wrong(Problem::Syntax(error.message().to_owned())))
    }

    /// A table, with the place of each of its names.
    pub(super) fn pairs(&self) -> Result<Vec<(Place, String, String)>, ConfigError> {
        match self.form {
            Form::InFile { source, value } => match value.get_ref() {
                DeValue::Table(table) => self.pairs_of(source, table),
                found => Err(self.wrong(self.wrong_kind(found))),
            },
            // No variable is asked for a table.
            Form::InVariable { .. } => Ok(Vec::new()),
        }
    }

    fn pairs_of(
        &self,
        source: &Source,
        table: &DeTable<'_>,
    ) -> Result<Vec<(Place, String, String)>, ConfigError> {
        let pair = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let what = || format!("`{}.{name}`", self.key());
            let text = quoted_text(value, what)
                .map_err(|problem| source.place(value.span().start).wrong(problem))?;
            Ok((source.place(name.span().start), name.to_string(), text))
        };
        in_order(table).into_iter().map(pair).collect()
    }

    /// A table or a list.
    pub(super) fn entries(&self) -> Result<Vec<(Place, EnvironmentEntry)>, ConfigError> {
        if let Form::InFile { value, .. } = self.form
            && value.get_ref().is_array()
        {
            let entry = |(place, text): (_, String)| (place, EnvironmentEntry::parse(&text));
            return Ok(self.names()?.into_iter().map(entry).collect());
        }
        let entry = |(place, name, value)| (place, EnvironmentEntry { name, value: Some(value) });
        Ok(self.pairs()?.into_iter().map(entry).collect())
    }

    fn wrong_kind(&self, found: &DeValue<'_>) -> Problem {
        let hint = match (self.setting.kind, found) {
            (Kind::Text | Kind::Choice(_), DeValue::Integer(_) | DeValue::Float(_)) => {
                Some(IN_QUOTES)
            }
            (Kind::WholeNumber, DeValue::String(_)) => Some("leave the quotes out"),
            (Kind::Names, DeValue::String(_)) => Some("put it in brackets"),
            _ => None,
        };
        let (what, expected) = (format!("`{}`", self.key()), self.setting.kind.to_string());
        Problem::WrongKind { what, expected, found: kind_of(found), hint }
    }
}
