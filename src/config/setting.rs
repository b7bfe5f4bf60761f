//! What a setting is: a row of the table.

use std::fmt;

use super::said::Said;
use super::{Config, ConfigError};

/// One setting, with all that is known about it.
#[derive(Debug)]
pub struct Setting {
    /// Its name in a file; what stands before the dot is the TOML table it is in.
    pub key: &'static str,
    /// The heading it is shown under.
    pub group: &'static str,
    pub kind: Kind,
    pub default: Preset,
    /// One sentence.
    pub doc: &'static str,
    /// Checks what a source says and puts it where it belongs.
    pub(super) store: Store,
}

pub(super) type Store = fn(&mut Config, &Said<'_>) -> Result<(), ConfigError>;

/// What a setting's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    WholeNumber,
    /// May have a fraction.
    Number,
    Duration,
    Size,
    Choice(&'static [&'static str]),
    Names,
    Table,
    /// A table, or a list as on the command line.
    Environment,
    /// A list of tables.
    Rules,
}

/// What holds where no source says anything. Lists and tables are written as TOML, all else
/// as in an environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    Is(&'static str),
    /// On AWS it is for the job definition to say.
    OnThisMachine(&'static str),
    Nothing {
        example: &'static str,
    },
}

impl Setting {
    /// `COMPUTES_LOCAL_LEASE` for `local.lease`; tables have none.
    #[must_use]
    pub fn variable(&self) -> Option<String> {
        match self.kind {
            Kind::Table | Kind::Environment | Kind::Rules => None,
            _ => Some(format!("COMPUTES_{}", self.key.replace('.', "_").to_ascii_uppercase())),
        }
    }

    /// The TOML table it is in, and its name there.
    #[must_use]
    pub fn split(&self) -> (Option<&'static str>, &'static str) {
        match self.key.split_once('.') {
            Some((section, name)) => (Some(section), name),
            None => (None, self.key),
        }
    }

    /// Its default as TOML, or an example where there is none.
    #[must_use]
    pub fn toml(&self) -> String {
        let (Preset::Is(text) | Preset::OnThisMachine(text) | Preset::Nothing { example: text }) =
            self.default;
        match self.kind {
            Kind::Text | Kind::Duration | Kind::Size | Kind::Choice(_) => format!("\"{text}\""),
            Kind::WholeNumber
            | Kind::Number
            | Kind::Names
            | Kind::Table
            | Kind::Environment
            | Kind::Rules => text.to_owned(),
        }
    }
}

/// As in "takes …".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text in quotes",
            Self::WholeNumber => "a whole number",
            Self::Number => "a number",
            Self::Duration => "a number of seconds or a duration such as `\"1h\"`",
            Self::Size => "a number of MiB or a size such as `\"1GiB\"`",
            Self::Choice(choices) => {
                let quoted: Vec<_> = choices.iter().map(|name| format!("`\"{name}\"`")).collect();
                return match quoted.split_last() {
                    Some((last, rest)) if !rest.is_empty() => {
                        write!(f, "{} or {last}", rest.join(", "))
                    }
                    _ => f.write_str(&quoted.concat()),
                };
            }
            Self::Names => "a list of names",
            Self::Table => "a table of names and texts",
            Self::Rules => "a list of rules, each a table with `action` and patterns",
            Self::Environment => {
                "a table of names and texts, or a list of `\"NAME\"` and `\"NAME=value\"`"
            }
        })
    }
}
