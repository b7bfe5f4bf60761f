//! Which queues on AWS are on Fargate, as they were last seen: a submit may not ask.

use super::{Change, Ledger, LedgerError};

impl Change<'_> {
    /// How a queue was found.
    ///
    /// # Errors
    /// When the database fails.
    pub fn say_fargate(
        &self,
        region: &str,
        queue: &str,
        is_fargate: bool,
    ) -> Result<(), LedgerError> {
        let sql = if is_fargate {
            "INSERT OR IGNORE INTO fargate (region, queue) VALUES (?1, ?2)"
        } else {
            "DELETE FROM fargate WHERE region = ?1 AND queue = ?2"
        };
        self.db.prepare_cached(sql)?.execute((region, queue))?;
        Ok(())
    }
}

impl Ledger {
    /// Was the queue on Fargate when somebody looked?
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_fargate(&self, region: &str, queue: &str) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM fargate WHERE region = ?1 AND queue = ?2)";
        Ok(self.db.prepare_cached(sql)?.query_row((region, queue), |row| row.get(0))?)
    }
}
