//! Jobs of one submission in a list of AWS Batch: one that came second and ran nothing is no job of its
//! own. A list tells the exit code only, so that what else runs twice is shown twice.

use std::collections::{BTreeMap, HashSet};

use super::describe::Observed;
use super::list::Listed;
use crate::plan::FENCED;

/// The jobs of a list, as far as they are read.
pub struct Rows<'a> {
    is_meant: &'a dyn Fn(&Listed) -> bool,
    /// Those that are meant.
    jobs: Vec<Listed>,
    /// Names of those that did not end as one does that came second.
    names: HashSet<String>,
    /// Those that did, by their names; of several the oldest.
    seconds: BTreeMap<String, Listed>,
}

impl<'a> Rows<'a> {
    pub fn new(is_meant: &'a dyn Fn(&Listed) -> bool) -> Self {
        Self { is_meant, jobs: Vec::new(), names: HashSet::new(), seconds: BTreeMap::new() }
    }

    pub fn add(&mut self, job: Listed) {
        if job.may_be_second() {
            let seconds = &mut self.seconds;
            match seconds.get(&job.batch_name) {
                Some(other) if other.age_key() <= job.age_key() => {}
                _ => drop(seconds.insert(job.batch_name.clone(), job)),
            }
            return;
        }
        if job.ours.is_some() {
            self.names.insert(job.batch_name.clone());
        }
        if (self.is_meant)(&job) {
            self.jobs.push(job);
        }
    }

    /// So many are meant for sure.
    pub const fn len(&self) -> usize {
        self.jobs.len()
    }

    /// One that ended so and has no other beside it may have done that by itself.
    pub fn into_jobs(mut self) -> Vec<Listed> {
        let (names, is_meant) = (&self.names, self.is_meant);
        let alone = self.seconds.into_values().filter(|job| !names.contains(&job.batch_name));
        self.jobs.extend(alone.filter(is_meant));
        self.jobs
    }
}

impl Listed {
    /// Did it end as one of ours does that came second?
    #[must_use]
    pub fn may_be_second(&self) -> bool {
        self.ours.is_some() && self.exit_code == Some(i32::from(FENCED))
    }

    #[must_use]
    pub fn age_key(&self) -> (i64, &str) {
        (self.created_at, &self.engine_id)
    }
}

/// The oldest of jobs that are all of one submission, if no more than one of them runs: whoever looks
/// at it goes over to the one that does.
pub fn one_of(listed: &[Listed], observed: &[Observed]) -> Option<String> {
    let name = &listed.first()?.batch_name;
    let are_one = listed.iter().all(|job| job.ours.is_some() && job.batch_name == *name);
    let are_fenced = observed.len() == listed.len() && observed.iter().all(|job| job.is_fenced);
    let oldest = listed.iter().min_by_key(|job| job.age_key())?;
    (are_one && are_fenced).then(|| oldest.engine_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::aws::describe::Status;
    use crate::job::{JobId, Queue};

    fn listed(engine_id: &str, name: &str, exit_code: Option<i32>, created_at: i64) -> Listed {
        Listed {
            engine_id: engine_id.to_owned(),
            arn: String::new(),
            ours: Some((JobId::new(uuid::Uuid::max()), name.to_owned())),
            batch_name: name.to_owned(),
            queue: Queue::Default,
            status: Status::Failed,
            reason: None,
            exit_code,
            created_at,
            started_at: None,
            stopped_at: None,
            is_ended: false,
        }
    }

    #[test]
    fn what_came_second_is_no_row_whether_the_first_is_meant_or_not() {
        let second = |engine_id, created_at| listed(engine_id, "a", Some(119), created_at);
        let jobs = [second("3", 3), listed("2", "a", Some(0), 2), listed("1", "b", None, 1)];
        let shown = |jobs: &[Listed], is_meant: &dyn Fn(&Listed) -> bool| {
            let mut rows = Rows::new(is_meant);
            for job in jobs {
                rows.add(job.clone());
            }
            let jobs = rows.into_jobs();
            jobs.into_iter().map(|job| job.engine_id).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(&jobs, &|_| true), "2 1");
        assert_eq!(shown(&jobs, &|job| job.exit_code != Some(0)), "1");
        // Its command ended so by itself, or nobody can tell; one of them is shown.
        assert_eq!(shown(&[second("4", 4), second("3", 3)], &|_| true), "3");
        let foreign = Listed { ours: None, ..second("5", 5) };
        assert_eq!(shown(&[foreign.clone(), foreign], &|_| true), "5 5");
        // Both run: somebody may want to end one.
        let both = [listed("7", "a", None, 7), listed("6", "a", None, 6)];
        assert_eq!(shown(&both, &|_| true), "7 6");
    }
}
