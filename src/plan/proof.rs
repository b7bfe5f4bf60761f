//! What a job on AWS writes into its own log around its command, so that whoever follows it can
//! tell that the command was started: a container that ends with exit code 0 has not shown that.

use super::files;
use crate::job::JobId;

/// In the place of the id of a job that is not sent yet, as in a dry run.
const NO_ID: &str = "ID";

/// What the log of a job shows, whose command our own line precedes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    job: String,
}

impl Proof {
    /// That of a job that has, or will have, this id.
    #[must_use]
    pub fn new(job: Option<JobId>) -> Self {
        Self { job: job.map_or_else(|| NO_ID.to_owned(), |job| job.to_string()) }
    }

    /// `None`: no line of ours precedes the command.
    #[must_use]
    pub fn of_command(words: &[String]) -> Option<Self> {
        files::line_of(words).and_then(Self::of_line).map(|(proof, _)| proof)
    }

    pub(super) fn job(&self) -> &str {
        &self.job
    }

    /// Whoever sends what a dry run printed sends it as often as they like.
    pub(super) fn is_of_a_job(&self) -> bool {
        self.job != NO_ID
    }

    /// The first line of the log of an attempt, unless the image writes something before. The number is
    /// for people: Batch counts the attempts of each of its jobs from 1, and one of ours may have been two.
    #[must_use]
    pub fn began(&self, attempt: u32) -> String {
        format!("{BEGAN}{}{ATTEMPT}{attempt}", self.job)
    }

    /// Is this the line, of whichever attempt? Each has a log of its own.
    #[must_use]
    pub fn is_began(&self, line: &str) -> bool {
        self.after_began(line) == Some("")
    }

    /// What stands behind it.
    fn after_began<'a>(&self, text: &'a str) -> Option<&'a str> {
        let number = text.strip_prefix(BEGAN)?.strip_prefix(&*self.job)?.strip_prefix(ATTEMPT)?;
        let rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < number.len()).then_some(rest)
    }

    /// What writes it, before anything else.
    pub(super) fn shell(&self) -> String {
        format!("{ECHO}{}{ATTEMPT}{NUMBER}", self.job)
    }

    /// From the line in front of a command, and the rest of that line.
    pub(super) fn of_line(line: &str) -> Option<(Self, &str)> {
        let (job, rest) = line.strip_prefix(ECHO)?.split_once(ATTEMPT)?;
        Some((Self { job: job.to_owned() }, rest.strip_prefix(NUMBER)?))
    }
}

impl Proof {
    /// The last line of the log of an attempt, where something of ours stays beside the command.
    #[must_use]
    pub fn ended(&self, attempt: u32) -> String {
        format!("{}{ENDED}", self.began(attempt))
    }

    fn is_ended(&self, line: &str) -> bool {
        self.after_began(line) == Some(ENDED)
    }
}

/// Takes the lines that are about the job, and not from its command, out of the log of an attempt.
#[derive(Debug)]
pub struct OwnLines {
    proof: Proof,
    /// Among so many more the first one is looked for.
    first: usize,
    has_begun: bool,
    has_ended: bool,
}

impl OwnLines {
    /// `first`: so many lines the image may write before.
    #[must_use]
    pub const fn new(proof: Proof, first: usize) -> Self {
        Self { proof, first, has_begun: false, has_ended: false }
    }

    /// What is left of an event of the log, which may hold several lines.
    pub fn take_from<'a>(&mut self, message: &'a str) -> Option<&'a str> {
        let mut left = Some(message);
        if !self.has_begun && self.first > 0 {
            self.first = self.first.saturating_sub(message.lines().count().max(1));
            if let Some(rest) = self.proof.after_began(message) {
                let rest = rest.strip_prefix('\n').or_else(|| rest.is_empty().then_some(rest));
                self.has_begun = rest.is_some();
                left = rest.map_or(left, |rest| (!rest.is_empty()).then_some(rest));
            }
        }
        if left.is_some_and(|line| self.proof.is_ended(line)) {
            self.has_ended = true;
            left = None;
        }
        // That of a job that came second, for those who look for the first.
        left.filter(|line| self.proof.first_in(line).is_none())
    }

    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Nothing follows.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }
}

const BEGAN: &str = "computes: job ";
const ECHO: &str = "echo \"computes: job ";
const ATTEMPT: &str = " attempt ";
const NUMBER: &str = "$AWS_BATCH_JOB_ATTEMPT\"; ";
const ENDED: &str = " is over";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_from_the_line_that_writes_it() {
        let id = JobId::new(uuid::Uuid::from_u128(7));
        for proof in [Proof::new(Some(id)), Proof::new(None)] {
            let line = format!("{}exec \"$@\"", proof.shell());
            assert_eq!(Proof::of_line(&line), Some((proof, "exec \"$@\"")));
        }
        assert_eq!(
            Proof::new(Some(id)).began(2),
            "computes: job 00000000-0000-0000-0000-000000000007 attempt 2"
        );
        assert_eq!(Proof::of_line("exec \"$@\""), None);
    }

    #[test]
    fn the_line_is_known_whatever_the_number_of_the_attempt() {
        let proof = Proof::new(Some(JobId::new(uuid::Uuid::from_u128(7))));
        assert!(proof.is_began(&proof.began(1)) && proof.is_began(&proof.began(12)));
        let another = Proof::new(None).began(1);
        let none =
            [another, proof.ended(1), proof.came_second("x"), format!("{} ", proof.began(1))];
        assert!(none.iter().all(|line| !proof.is_began(line)), "{none:?}");
        let unnumbered = proof.began(1).trim_end_matches('1').to_owned();
        assert!(!proof.is_began(&unnumbered));
    }

    #[test]
    fn just_our_own_lines_are_taken_away() {
        let id = JobId::new(uuid::Uuid::from_u128(7));
        let proof = Proof::new(Some(id));
        let (began, ended) = (proof.began(1), proof.ended(1));
        let second = proof.came_second("another");
        let mut own = OwnLines::new(proof.clone(), 3);
        let kept: Vec<_> = ["a banner", &began, "x", &second, &began, "y", &ended]
            .into_iter()
            .filter_map(|line| own.take_from(line))
            .collect();
        assert_eq!(kept, ["a banner", "x", &began, "y"]);
        assert!(own.has_begun() && own.has_ended());
        // Too late.
        let mut own = OwnLines::new(proof.clone(), 1);
        assert_eq!(own.take_from("a banner"), Some("a banner"));
        assert_eq!(own.take_from(&began), Some(&*began));
        // Where a driver puts lines together.
        let mut own = OwnLines::new(proof.clone(), 3);
        assert_eq!(own.take_from(&format!("{began}\nx\ny")), Some("x\ny"));
    }
}
