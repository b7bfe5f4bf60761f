//! The one job that a person means.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::{Ledger, LedgerError, record};
use crate::job::{JobId, JobRef, State};

/// So many are named when several may be meant.
pub const NAMED: u16 = 5;

/// One of the jobs that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// As much of its id as is asked for.
    pub id: String,
    pub name: String,
    pub state: State,
}

/// Jobs of which each may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Several {
    /// The newest come first.
    pub first: Vec<Meant>,
    pub more: u64,
}

impl std::fmt::Display for Several {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, job) in self.first.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} {} ({})", job.id, job.name, job.state)?;
        }
        if self.more > 0 {
            write!(f, ", and {} more", self.more)?;
        }
        Ok(())
    }
}

const BY_ID: &str = "id IN (
     SELECT id FROM jobs WHERE id >= :from AND id < :to
     UNION SELECT id FROM jobs WHERE substr(id, 25) >= :from AND substr(id, 25) < :to
     UNION SELECT id FROM jobs WHERE engine_id = :text)";

const BY_NAME: &str = "name = :text";

/// Jobs that fit, the newest first, and how many there are.
struct Fits {
    first: Vec<(JobId, String, State)>,
    count: u64,
}

impl Fits {
    /// As they are told to whoever said `text`.
    fn told(self, text: &str) -> Several {
        let more = self.count - self.first.len() as u64;
        let first = self.first.into_iter().map(|(id, name, state)| {
            // The short form may be the very text.
            let short = Some(id.short()).filter(|short| short != text);
            Meant { id: short.unwrap_or_else(|| id.to_string()), name, state }
        });
        Several { first: first.collect(), more }
    }
}

impl Ledger {
    /// Finds the one job that a person means.
    ///
    /// # Errors
    /// When the text fits no job or several.
    pub fn find(&self, job: &JobRef) -> Result<JobId, LedgerError> {
        let text = match job {
            JobRef::Last => return self.newest(),
            // The empty text would fit every job; it is what an unset shell variable leaves.
            JobRef::Text(text) if text.is_empty() => return Err(LedgerError::no_job(job)),
            JobRef::Text(text) => text,
        };
        let lower = text.to_lowercase();
        // `~` comes after every character of an id.
        let to = format!("{lower}~");
        let fits = self.fits(
            BY_ID,
            named_params! {":text": text, ":from": lower, ":to": to, ":limit": NAMED},
        )?;
        match fits.first.as_slice() {
            [] => {
                let jobs = self.called(text)?;
                Err(jobs.map_or_else(
                    || LedgerError::no_job(job),
                    |jobs| LedgerError::Name { text: text.clone(), jobs },
                ))
            }
            [(id, ..)] => Ok(*id),
            _ => Err(LedgerError::Ambiguous { text: text.clone(), jobs: fits.told(&lower) }),
        }
    }

    /// The jobs that are called so, if any are.
    fn called(&self, text: &str) -> Result<Option<Several>, LedgerError> {
        let fits = self.fits(BY_NAME, named_params! {":text": text, ":limit": NAMED})?;
        Ok(Some(fits).filter(|fits| fits.count > 0).map(|fits| fits.told(text)))
    }

    fn fits(
        &self,
        condition: &'static str,
        said: &[(&str, &dyn ToSql)],
    ) -> Result<Fits, LedgerError> {
        let mut fits = self.db.prepare_cached(&format!(
            "SELECT id, name, state, count(*) OVER () FROM jobs WHERE {condition}
             ORDER BY seq DESC LIMIT :limit",
        ))?;
        let mut rows = fits.query(said)?;
        let (mut first, mut count) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let state = record::state(&row.get::<_, String>(2)?)?;
            count = row.get::<_, i64>(3)?.unsigned_abs();
            first.push((record::id(&row.get::<_, String>(0)?)?, row.get(1)?, state));
        }
        Ok(Fits { first, count })
    }

    fn newest(&self) -> Result<JobId, LedgerError> {
        self.db
            .prepare_cached("SELECT id FROM jobs ORDER BY seq DESC LIMIT 1")?
            .query_row([], |row| row.get::<_, String>(0))
            .optional()?
            .map_or_else(|| Err(LedgerError::no_job(&JobRef::Last)), |id| record::id(&id))
    }
}
