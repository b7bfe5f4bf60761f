//! From a file to its settings.

use toml::de::{DeTable, DeValue};

use super::said::Said;
use super::source::Source;
use super::toml_value::{in_order, kind_of};
use super::{Config, ConfigError, Problem, Setting, settings, suggest};

impl Config {
    pub(super) fn read(&mut self, source: &Source) -> Result<(), ConfigError> {
        let document = DeTable::parse(&source.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            source.place(start).wrong(Problem::Syntax(error.message().replace('\n', ", ")))
        })?;
        self.walk(source, None, document.get_ref())
    }

    fn walk(
        &mut self,
        source: &Source,
        section: Option<&str>,
        table: &DeTable<'_>,
    ) -> Result<(), ConfigError> {
        for (name, value) in in_order(table) {
            let known = settings()
                .iter()
                .find(|setting| setting.split() == (section, name.get_ref().as_ref()));
            if let Some(setting) = known {
                (setting.store)(self, &Said::in_file(setting, source, value))?;
            } else if section.is_none() && settings().iter().any(|it| it.is_in(name.get_ref())) {
                let DeValue::Table(inner) = value.get_ref() else {
                    let what = format!("`{name}`");
                    let (expected, found) = ("a table".to_owned(), kind_of(value.get_ref()));
                    let problem = Problem::WrongKind { what, expected, found, hint: None };
                    return Err(source.place(value.span().start).wrong(problem));
                };
                self.walk(source, Some(name.get_ref()), inner)?;
            } else {
                let key =
                    section.map_or_else(|| name.to_string(), |section| format!("{section}.{name}"));
                let meant = suggest::meant(&key);
                return Err(source.place(name.span().start).wrong(Problem::Unknown { key, meant }));
            }
        }
        Ok(())
    }
}

impl Setting {
    fn is_in(&self, section: &str) -> bool {
        self.split().0 == Some(section)
    }
}
