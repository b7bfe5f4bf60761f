//! What the end of a command means. Pure.
//!
//! The reasons are the words of AWS Batch, so that retry rules which were written for Batch
//! hold here too.

use crate::job::{FailureClass, Outcome, Verdict};

/// Why the worker is ending a job, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Cancel,
    Timeout,
    OutOfMemory,
    /// The worker was asked to leave.
    Leave,
    /// As if the host were taken away, to see what the job makes of it.
    Rehearsal,
}

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// The status reason of a host that was reclaimed, as spot rules look for it.
const HOST_GONE: &str = "Host EC2 (instance i-rehearsal) terminated.";
const ANSWERED: &str = "exit code 0 after SIGTERM";
const NOT_KEPT: i32 = 125;
const ESSENTIAL: &str = "Essential container in task exited";

#[must_use]
pub fn outcome(exit: Exit, stop: Option<Stop>) -> Outcome {
    let (code, signal) = match exit {
        Exit::Code(code) => (code, None),
        // What shells make of a signal, and containers with them.
        Exit::Signal(signal) => (128 + signal, Some(signal)),
    };
    let (verdict, status_reason, reason) = match stop {
        Some(Stop::Cancel) => (Verdict::Cancelled, "cancelled".to_owned(), None),
        // As on Batch, a job that answers SIGTERM with exit code 0 has succeeded.
        _ if exit == Exit::Code(0) => {
            let answered = stop.map(|_| ANSWERED.to_owned());
            (Verdict::Succeeded, ESSENTIAL.to_owned(), answered)
        }
        Some(Stop::Timeout) => (
            Verdict::Failed(FailureClass::TimedOut),
            "Job attempt duration exceeded timeout".to_owned(),
            None,
        ),
        Some(Stop::OutOfMemory) => (
            Verdict::Failed(FailureClass::OutOfMemory),
            ESSENTIAL.to_owned(),
            Some("OutOfMemoryError: Container killed due to memory usage".to_owned()),
        ),
        Some(Stop::Leave) => (
            Verdict::Failed(FailureClass::Interrupted),
            HOST_GONE.to_owned(),
            Some("the worker was asked to leave".to_owned()),
        ),
        Some(Stop::Rehearsal) => {
            (Verdict::Failed(FailureClass::Interrupted), HOST_GONE.to_owned(), None)
        }
        None => match signal {
            Some(signal) => (
                Verdict::Failed(FailureClass::Signal),
                ESSENTIAL.to_owned(),
                Some(format!("ended by {}", signal_name(signal))),
            ),
            None => (
                Verdict::Failed(FailureClass::ExitCode),
                ESSENTIAL.to_owned(),
                Some(format!("exit code {code}")),
            ),
        },
    };
    Outcome { verdict, exit_code: Some(code), signal, status_reason, reason }
}

/// The command could not be started at all.
#[must_use]
pub fn not_started(exit_code: i32, why: &str) -> Outcome {
    Outcome {
        verdict: Verdict::Failed(FailureClass::StartFailed),
        exit_code: Some(exit_code),
        signal: None,
        status_reason: "Task failed to start".to_owned(),
        reason: Some(why.to_owned()),
    }
}

/// The command succeeded, and its outputs can't be kept: as `computes inside` ends then.
#[must_use]
pub fn not_kept(why: &str) -> Outcome {
    Outcome {
        verdict: Verdict::Failed(FailureClass::ExitCode),
        exit_code: Some(NOT_KEPT),
        signal: None,
        status_reason: ESSENTIAL.to_owned(),
        reason: Some(format!("exit code {NOT_KEPT}: cannot keep the outputs of the job: {why}")),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_have_their_class_and_code() {
        let class = |exit, stop| outcome(exit, stop).verdict;
        let failed = Verdict::Failed;
        assert_eq!(class(Exit::Code(0), None), Verdict::Succeeded);
        assert_eq!(class(Exit::Code(3), None), failed(FailureClass::ExitCode));
        assert_eq!(class(Exit::Signal(9), None), failed(FailureClass::Signal));
        assert_eq!(outcome(Exit::Signal(9), None).exit_code, Some(137));
        assert_eq!(
            class(Exit::Signal(9), Some(Stop::OutOfMemory)),
            failed(FailureClass::OutOfMemory)
        );
        assert_eq!(class(Exit::Code(143), Some(Stop::Timeout)), failed(FailureClass::TimedOut));
        assert_eq!(class(Exit::Code(0), Some(Stop::Cancel)), Verdict::Cancelled);
    }

    #[test]
    fn a_job_that_answers_a_reclaim_with_0_has_succeeded_as_on_batch() {
        assert_eq!(outcome(Exit::Code(0), Some(Stop::Rehearsal)).verdict, Verdict::Succeeded);
        let gone = outcome(Exit::Signal(15), Some(Stop::Rehearsal));
        assert_eq!(gone.verdict, Verdict::Failed(FailureClass::Interrupted));
        assert!(gone.status_reason.starts_with("Host EC2"));
    }
}
