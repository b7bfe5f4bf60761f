//! Batch's reasons, turned into a class of failure and a sentence. Nothing else reads them.
//!
//! Sources: the texts of the ECS agent (`container.reason` is `Name: text`) and what Batch is
//! seen to say in `statusReason`, which mirrors the stopped reason of the ECS task. Texts are
//! compared by how they begin, field by field.

use super::began::Began;
use super::came::Came;
use super::describe::{Ended, Status};
use crate::job::{FailureClass, Outcome, Verdict};

/// A text of Batch, by its beginning, and what it means.
struct Reason {
    /// In which field; a text of one is no text of the other.
    field: Field,
    starts: &'static str,
    class: FailureClass,
    /// What it means, and what to do, for `explain`.
    advice: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Status,
    Container,
    /// EC2 says it of the container, and Fargate of the task.
    Either,
}

/// The first that fits is meant: a host that goes away kills the container too, and a container
/// that is killed for its memory has an exit code as well.
const REASONS: &[Reason] = &[
    Reason {
        field: Field::Status,
        starts: "Host EC2",
        class: FailureClass::Interrupted,
        advice: "the host was taken away (spot capacity, or a fault of the machine): give the job \
                 more --attempts, or a queue that is never interrupted",
    },
    Reason {
        field: Field::Status,
        starts: "Your Spot Task was interrupted",
        class: FailureClass::Interrupted,
        advice: "Fargate took its spot capacity back: give the job more --attempts, or a queue \
                 that is never interrupted",
    },
    Reason {
        field: Field::Status,
        starts: "Job attempt duration exceeded timeout",
        class: FailureClass::TimedOut,
        advice: "the attempt ran longer than its timeout; Batch never retries that: raise \
                 --timeout, or split the work",
    },
    Reason {
        field: Field::Status,
        starts: "Dependent Job failed",
        class: FailureClass::DependencyFailed,
        advice: "a job that this one waited for failed: look at that one",
    },
    Reason {
        field: Field::Status,
        starts: "Array Child Job failed",
        class: FailureClass::DependencyFailed,
        advice: "a child of the array failed: look at the children",
    },
    Reason {
        field: Field::Status,
        starts: "Container Overrides length",
        class: FailureClass::Refused,
        advice: "command, environment and sizes together are too long for ECS: put large values \
                 into a file",
    },
    Reason {
        field: Field::Status,
        starts: BY_THE_QUEUE,
        class: FailureClass::Refused,
        advice: "the queue ends jobs that can't start for too long; the reason says why it could \
                 not",
    },
    Reason {
        field: Field::Status,
        starts: "JobQueue deleted",
        class: FailureClass::Refused,
        advice: "somebody deleted the queue: submit to another",
    },
    Reason {
        field: Field::Either,
        starts: "OutOfMemoryError",
        class: FailureClass::OutOfMemory,
        advice: "it used more memory than it asked for: raise --memory",
    },
    Reason {
        field: Field::Container,
        starts: "OOMKilled",
        class: FailureClass::OutOfMemory,
        advice: "it used more memory than its pod may have: raise --memory",
    },
    Reason {
        field: Field::Container,
        starts: "ErrImagePull",
        class: FailureClass::ImagePull,
        advice: "the image of the pod can't be had: does it exist, and may the cluster pull it?",
    },
    Reason {
        field: Field::Container,
        starts: "ImagePullBackOff",
        class: FailureClass::ImagePull,
        advice: "the image of the pod can't be had: does it exist, and may the cluster pull it?",
    },
    Reason {
        field: Field::Either,
        starts: "CannotPull",
        class: FailureClass::ImagePull,
        advice: "the image of the job definition can't be had: does it exist, for this \
                 architecture, and may the execution role (or the instance) pull it?",
    },
    Reason {
        field: Field::Container,
        starts: "DockerTimeoutError",
        class: FailureClass::StartFailed,
        advice: "the host was too busy to start the container: try again, or use larger hosts",
    },
    Reason {
        field: Field::Container,
        starts: "CannotInspectContainerError",
        class: FailureClass::StartFailed,
        advice: "the host lost track of the container, which may have done its work: look at its \
                 log, then try again",
    },
    Reason {
        field: Field::Container,
        starts: "CannotStartContainerError",
        class: FailureClass::StartFailed,
        advice: "the command or the log driver of the image can't be started: is there a `sh` in \
                 it, and does the log group exist?",
    },
    Reason {
        field: Field::Container,
        starts: "CannotCreateContainerError",
        class: FailureClass::StartFailed,
        advice: "the container can't be made: look at volumes and user of the job definition",
    },
    Reason {
        field: Field::Either,
        starts: "ResourceInitializationError",
        class: FailureClass::StartFailed,
        advice: "secrets, image or file system can't be reached: the reason names which; look at \
                 the execution role, the mount targets and the network",
    },
    Reason {
        field: Field::Either,
        starts: "Fetching secret data",
        class: FailureClass::StartFailed,
        advice: "a secret is not there, or the execution role may not read it",
    },
    Reason {
        field: Field::Status,
        starts: "Error response from daemon: create",
        class: FailureClass::StartFailed,
        advice: "the file system can't be mounted: is it there, with a mount target in the zone \
                 of the host that lets it in? `computes doctor` looks",
    },
    Reason {
        field: Field::Status,
        starts: "Task failed to start",
        class: FailureClass::StartFailed,
        advice: "the container never ran; the reason says why",
    },
];

/// Nobody asked for that end but the queue's own rule.
const BY_THE_QUEUE: &str = "Canceled by JobStateTimeLimit";

/// The exit codes of processes that a signal ended, as shells and containers give them.
const SIGNALLED: std::ops::RangeInclusive<i32> = 129..=192;

/// What Batch says of a container that ended, by itself or not.
const ESSENTIAL: &str = "Essential container in task exited";

/// Did Batch's own rules bring the end about, or the host? Batch marks that as it marks an end that
/// somebody asked for, whose words the status reason has then.
pub fn is_of_batch(attempt: &Ended) -> bool {
    let status = attempt.status_reason.as_deref().unwrap_or_default();
    let are_batchs =
        |reason: &Reason| reason.field != Field::Container && status.starts_with(reason.starts);
    let is_batchs = status.starts_with(ESSENTIAL) || REASONS.iter().any(are_batchs);
    is_batchs && meant(attempt).is_some()
}

/// Did the queue give up a job that could not start?
pub fn is_of_the_queue(newest: &Ended) -> bool {
    newest.status_reason.as_deref().is_some_and(|reason| reason.starts_with(BY_THE_QUEUE))
}

/// What an attempt that is over came to. `ended`: that was brought about.
pub fn outcome(status: Status, attempt: &Ended, ended: bool) -> Outcome {
    let status_reason = attempt.status_reason.clone().unwrap_or_default();
    let verdict = match status {
        Status::Succeeded => Verdict::Succeeded,
        _ if ended && !is_of_batch(attempt) => Verdict::Cancelled,
        _ => Verdict::Failed(class(attempt)),
    };
    // A job that Batch counts as a success has exit code 0, told or not.
    let exit_code = match verdict {
        Verdict::Succeeded => Some(0),
        _ => attempt.exit_code,
    };
    let signal = match (verdict, exit_code) {
        (Verdict::Failed(_), Some(code)) if SIGNALLED.contains(&code) => Some(code - 128),
        _ => None,
    };
    let reason = match verdict {
        // It says "Essential container in task exited" then, which is no news.
        Verdict::Succeeded => None,
        Verdict::Failed(FailureClass::ExitCode | FailureClass::Signal) => {
            Some(attempt.reason.clone().unwrap_or_else(|| of_exit_code(exit_code)))
        }
        _ => attempt.reason.clone(),
    };
    Outcome { verdict, exit_code, signal, status_reason, reason }
}

/// Why a success is none.
pub const NEVER_BEGAN: &str = "the container ended with exit code 0, and the command never began: \
    its log lacks the line that precedes it";
/// Why it is none yet.
pub const NOT_SHOWN_YET: &str =
    "AWS Batch has its end, and its log is to show that its command ran";
/// What a log shows that came later than it was waited for.
pub const BEGAN_AFTER_ALL: &str = "its log, which came too late, shows that the command began after \
    all, and so that it succeeded";

/// Was a success taken for none, because its log lacked the line?
pub fn never_began(class: Option<FailureClass>, exit_code: Option<i32>) -> bool {
    (class, exit_code) == (Some(FailureClass::StartFailed), Some(0))
}

/// And what to do, whatever its exit code was.
pub const ENTRYPOINT: &str = "the image has an ENTRYPOINT that does not run what it is given, a shell \
    most often: use an image without one (`computes doctor` looks), or send the command as it is \
    with --no-files";

/// The same, once it is known whether the command ran.
pub fn begun(outcome: Outcome, began: &Began) -> Outcome {
    match (outcome.verdict, began) {
        (Verdict::Succeeded, Began::No) => Outcome {
            verdict: Verdict::Failed(FailureClass::StartFailed),
            reason: Some(NEVER_BEGAN.to_owned()),
            ..outcome
        },
        (Verdict::Succeeded, Began::Unknown(why)) => {
            let reason = format!("nobody could see whether the command ran: {why}");
            Outcome { reason: Some(reason), ..outcome }
        }
        _ => outcome,
    }
}

/// The same of an attempt that ended as at the fence, once it is known whether it was that.
pub fn fenced(outcome: Outcome, attempt: &Ended, came: &Came) -> Outcome {
    let reason = match came {
        _ if !attempt.is_as_fenced() => return outcome,
        Came::First | Came::Later => return outcome,
        Came::Second(reason) => reason.clone(),
        Came::Unknown(why) => format!(
            "the command's own, or another job of the same submission came first and nothing ran \
             here; nobody could see which: {why}"
        ),
    };
    match outcome.verdict {
        Verdict::Failed(_) => Outcome { reason: Some(reason), ..outcome },
        _ => outcome,
    }
}

/// The reason of one that ended by itself.
pub fn of_exit_code(exit_code: Option<i32>) -> String {
    match exit_code {
        Some(code) if SIGNALLED.contains(&code) => format!("ended by signal {}", code - 128),
        Some(code) => format!("exit code {code}"),
        None => "without an exit code".to_owned(),
    }
}

fn class(attempt: &Ended) -> FailureClass {
    match (meant(attempt), attempt.exit_code) {
        (Some(reason), _) => reason.class,
        // `sh` and ECS give 126 and 127 to what they can't execute or find. Without a code it
        // never ran, and nobody says why.
        (None, Some(126 | 127) | None) => FailureClass::StartFailed,
        (None, Some(code)) if SIGNALLED.contains(&code) => FailureClass::Signal,
        (None, Some(_)) => FailureClass::ExitCode,
    }
}

/// What Batch's words mean, and what to do.
pub fn advice(attempt: &Ended) -> Option<&'static str> {
    meant(attempt).map(|reason| reason.advice)
}

fn meant(attempt: &Ended) -> Option<&'static Reason> {
    let (of_status, of_container) = (attempt.status_reason.as_deref(), attempt.reason.as_deref());
    let is = |text: Option<&str>, starts| text.is_some_and(|text| text.starts_with(starts));
    REASONS.iter().find(|reason| match reason.field {
        Field::Status => is(of_status, reason.starts),
        Field::Container => is(of_container, reason.starts),
        Field::Either => is(of_container, reason.starts) || is(of_status, reason.starts),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: &str, container: Option<&str>, exit_code: Option<i32>) -> Ended {
        Ended {
            status_reason: Some(status.to_owned()),
            reason: container.map(str::to_owned),
            exit_code,
            ..Ended::default()
        }
    }

    #[test]
    fn reasons_become_classes() {
        const FAILED: &str = "Task failed to start";
        for (attempt, class) in [
            (ended(ESSENTIAL, None, Some(3)), FailureClass::ExitCode),
            (ended(ESSENTIAL, None, Some(139)), FailureClass::Signal),
            (ended(ESSENTIAL, None, Some(137)), FailureClass::Signal),
            (ended(ESSENTIAL, None, Some(127)), FailureClass::StartFailed),
            (ended(ESSENTIAL, None, Some(255)), FailureClass::ExitCode),
            (
                ended("Host EC2 (instance i-0a1) terminated.", None, Some(137)),
                FailureClass::Interrupted,
            ),
            (ended("Your Spot Task was interrupted.", None, Some(137)), FailureClass::Interrupted),
            (
                ended("Job attempt duration exceeded timeout", None, Some(137)),
                FailureClass::TimedOut,
            ),
            (
                ended(
                    ESSENTIAL,
                    Some("OutOfMemoryError: Container killed due to memory usage"),
                    Some(0),
                ),
                FailureClass::OutOfMemory,
            ),
            (
                ended(FAILED, Some("CannotPullContainerError: manifest not found"), None),
                FailureClass::ImagePull,
            ),
            (
                ended(FAILED, Some("CannotPullImageManifestError: unknown"), None),
                FailureClass::ImagePull,
            ),
            (ended("CannotPullContainerError: denied", None, None), FailureClass::ImagePull),
            (
                ended(FAILED, Some("DockerTimeoutError: timed out after 4m0s"), None),
                FailureClass::StartFailed,
            ),
            (ended(FAILED, None, None), FailureClass::StartFailed),
            (ended("Dependent Job failed", None, None), FailureClass::DependencyFailed),
            (
                ended("Container Overrides length must be at most 8192", None, None),
                FailureClass::Refused,
            ),
            (Ended::default(), FailureClass::StartFailed),
        ] {
            let outcome = outcome(Status::Failed, &attempt, false);
            assert_eq!(outcome.verdict, Verdict::Failed(class), "{attempt:?}");
        }
    }

    #[test]
    fn a_success_needs_no_reason_and_a_wish_is_no_failure() {
        let attempt = ended("Essential container in task exited", None, None);
        let good = outcome(Status::Succeeded, &attempt, false);
        assert_eq!((good.verdict, good.exit_code), (Verdict::Succeeded, Some(0)));
        assert_eq!(good.why(), None);
        let own_words = ended("enough", Some("CannotPullContainerError: canceled"), None);
        assert_eq!(outcome(Status::Failed, &own_words, true).verdict, Verdict::Cancelled);
        let wished = outcome(Status::Failed, &ended("enough", None, Some(143)), true);
        assert_eq!((wished.verdict, wished.why()), (Verdict::Cancelled, Some("enough")));
    }

    /// Batch terminates what runs too long, and sets the same mark.
    #[test]
    fn a_reason_of_batchs_own_is_no_wish() {
        let oom = Some("OutOfMemoryError: Container killed due to memory usage");
        for (attempt, class) in [
            (
                ended("Job attempt duration exceeded timeout", None, Some(137)),
                FailureClass::TimedOut,
            ),
            (ended("Host EC2 (instance i-0a1) terminated.", None, None), FailureClass::Interrupted),
            (ended("Your Spot Task was interrupted.", None, None), FailureClass::Interrupted),
            (ended(ESSENTIAL, oom, Some(137)), FailureClass::OutOfMemory),
            (
                ended("Canceled by JobStateTimeLimit action due to reason: x", None, None),
                FailureClass::Refused,
            ),
        ] {
            let outcome = outcome(Status::Failed, &attempt, true);
            assert_eq!(outcome.verdict, Verdict::Failed(class), "{attempt:?}");
        }
        let asked_for = ended(ESSENTIAL, None, Some(143));
        assert_eq!(outcome(Status::Failed, &asked_for, true).verdict, Verdict::Cancelled);
    }
}
