//! When an attempt that went wrong is followed by another, as AWS Batch decides it.

use serde::{Deserialize, Serialize};

use super::{FailureClass, Outcome, Verdict};

/// SubmitJob's `retryStrategy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryStrategy {
    /// How often the job is started at the most, 1 to 10.
    #[serde(default = "one")]
    pub attempts: u8,
    /// At most five rules; the first that matches decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluate_on_exit: Vec<ExitRule>,
}

const fn one() -> u8 {
    1
}

/// Once: what the local engine makes of a job of which nothing else was said.
impl Default for RetryStrategy {
    fn default() -> Self {
        Self { attempts: 1, evaluate_on_exit: Vec::new() }
    }
}

/// One rule of `evaluateOnExit`. All patterns that are set have to match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExitRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_status_reason: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_reason: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_exit_code: Option<Pattern>,
    pub action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "RETRY", alias = "retry", alias = "Retry")]
    Retry,
    #[serde(rename = "EXIT", alias = "exit", alias = "Exit")]
    Exit,
}

/// Text that has to be equal, or to start so where it ends in `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(pub String);

impl Pattern {
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => text == self.0,
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RetryError {
    #[error("{0} attempts: AWS Batch takes 1 to 10")]
    Attempts(u64),
    #[error("{0} retry rules: AWS Batch takes at most 5")]
    TooManyRules(usize),
    #[error("retry rule {0} has no pattern: it needs onStatusReason, onReason or onExitCode")]
    NoPattern(usize),
    #[error("`{0}` is no pattern: AWS Batch knows `*` only as the last character")]
    Star(String),
    #[error(
        "`{0}` is no pattern: AWS Batch takes letters, digits, `.`, `:` and spaces, and `*` at the end"
    )]
    Character(String),
    #[error("`{0}` is neither `interruption` nor `any`, which a job can be retried on")]
    On(String),
}

/// Rules by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// Only what was no fault of the job: its host was taken away.
    Interruption,
    /// Every failure but a timeout.
    Any,
}

impl RetryOn {
    /// As `evaluateOnExit`. The last rule ends what no other matched, which Batch would retry.
    #[must_use]
    pub fn rules(self) -> Vec<ExitRule> {
        let none = ExitRule {
            on_status_reason: None,
            on_reason: None,
            on_exit_code: None,
            action: Action::Retry,
        };
        let pattern = |text: &str| Some(Pattern(text.to_owned()));
        match self {
            Self::Any => Vec::new(),
            Self::Interruption => vec![
                ExitRule { on_status_reason: pattern(HOST_TERMINATED), ..none.clone() },
                ExitRule { on_status_reason: pattern(FARGATE_SPOT), ..none.clone() },
                ExitRule { on_reason: pattern("*"), action: Action::Exit, ..none },
            ],
        }
    }
}

/// How Batch begins the status reason of an attempt whose host went away: on EC2, and on
/// Fargate.
const HOST_TERMINATED: &str = "Host EC2*";
const FARGATE_SPOT: &str = "Your Spot Task was interrupted*";

impl std::str::FromStr for RetryOn {
    type Err = RetryError;
    fn from_str(text: &str) -> Result<Self, RetryError> {
        match text {
            "interruption" => Ok(Self::Interruption),
            "any" => Ok(Self::Any),
            _ => Err(RetryError::On(text.to_owned())),
        }
    }
}

impl RetryStrategy {
    /// # Errors
    /// When Batch would refuse the strategy.
    pub fn new(attempts: u64, rules: Vec<ExitRule>) -> Result<Self, RetryError> {
        let count = u8::try_from(attempts).ok().filter(|count| (1..=10).contains(count));
        let attempts = count.ok_or(RetryError::Attempts(attempts))?;
        if rules.len() > 5 {
            return Err(RetryError::TooManyRules(rules.len()));
        }
        for (index, rule) in rules.iter().enumerate() {
            let patterns = [&rule.on_status_reason, &rule.on_reason, &rule.on_exit_code];
            if patterns.iter().all(|pattern| pattern.is_none()) {
                return Err(RetryError::NoPattern(index + 1));
            }
            for Pattern(text) in patterns.into_iter().flatten() {
                let start = text.strip_suffix('*').unwrap_or(text);
                if start.contains('*') {
                    return Err(RetryError::Star(text.clone()));
                }
                // SubmitJob: letters, digits, periods, colons and white space.
                let known =
                    |c: char| c.is_ascii_alphanumeric() || ".:".contains(c) || c.is_whitespace();
                if !start.chars().all(known) {
                    return Err(RetryError::Character(text.clone()));
                }
            }
        }
        Ok(Self { attempts, evaluate_on_exit: rules })
    }
}

/// What follows an attempt's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Again(RetryReason),
    Over,
}

/// Why another attempt follows one that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryReason {
    /// The first rule that matches says so. Its number, from 1.
    Rule(usize, ExitRule),
    NoRules,
    NoRuleMatches,
    /// The worker was asked to leave.
    Interrupted,
    WorkerLost,
    /// The engine decided so, and its rules don't tell why.
    Engine,
}

impl std::fmt::Display for RetryReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rule(number, rule) => write!(f, "retry rule {number} matches, {rule}"),
            Self::NoRules => f.write_str("every failure is tried again"),
            Self::NoRuleMatches => f.write_str("what no retry rule matches is tried again"),
            Self::Interrupted => f.write_str("an interruption does not count"),
            Self::Engine => f.write_str("the engine tries it again"),
            Self::WorkerLost => f.write_str("a lost worker does not count"),
        }
    }
}

impl std::fmt::Display for ExitRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let patterns = [
            ("onStatusReason", &self.on_status_reason),
            ("onReason", &self.on_reason),
            ("onExitCode", &self.on_exit_code),
        ];
        let set = patterns.into_iter().filter_map(|(name, it)| Some((name, it.as_ref()?)));
        let set: Vec<_> = set.map(|(name, Pattern(text))| format!("{name} `{text}`")).collect();
        f.write_str(&set.join(" and "))
    }
}

/// `used` counts the attempts that were used up, the ended one among them.
///
/// A timeout is never retried, and an outcome that no rule matches is: both as Batch does.
#[must_use]
pub fn decide(strategy: &RetryStrategy, used: u32, outcome: &Outcome) -> Decision {
    match outcome.verdict {
        Verdict::Succeeded
        | Verdict::Cancelled
        | Verdict::Failed(FailureClass::TimedOut | FailureClass::Refused) => Decision::Over,
        Verdict::Failed(_) if used >= u32::from(strategy.attempts) => Decision::Over,
        Verdict::Failed(_) => {
            let rules = &strategy.evaluate_on_exit;
            let rule = rules.iter().enumerate().find(|(_, rule)| rule.matches(outcome));
            match rule {
                Some((_, rule)) if rule.action == Action::Exit => Decision::Over,
                Some((index, rule)) => Decision::Again(RetryReason::Rule(index + 1, rule.clone())),
                None if rules.is_empty() => Decision::Again(RetryReason::NoRules),
                None => Decision::Again(RetryReason::NoRuleMatches),
            }
        }
    }
}

impl ExitRule {
    fn matches(&self, outcome: &Outcome) -> bool {
        let holds = |pattern: &Option<Pattern>, text: Option<&str>| match (pattern, text) {
            (None, _) => true,
            (Some(pattern), Some(text)) => pattern.matches(text),
            // Batch's own "everything else" is `onReason: "*"`, also where it gives no reason.
            (Some(pattern), None) => pattern.0 == "*",
        };
        let code = outcome.exit_code.map(|code| code.to_string());
        holds(&self.on_status_reason, Some(&outcome.status_reason))
            && holds(&self.on_reason, outcome.reason.as_deref())
            && holds(&self.on_exit_code, code.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: FailureClass, code: i32, status_reason: &str) -> Outcome {
        Outcome {
            verdict: Verdict::Failed(class),
            exit_code: Some(code),
            signal: None,
            status_reason: status_reason.to_owned(),
            reason: None,
        }
    }

    fn spot_rules() -> RetryStrategy {
        RetryStrategy::new(3, RetryOn::Interruption.rules()).expect("valid rules")
    }

    #[test]
    fn spot_rules_retry_what_was_interrupted_and_nothing_else() {
        let reclaimed =
            failed(FailureClass::Interrupted, 143, "Host EC2 (instance i-0a1) terminated.");
        let broken = failed(FailureClass::ExitCode, 1, "Essential container in task exited");
        let Decision::Again(reason) = decide(&spot_rules(), 1, &reclaimed) else {
            panic!("it is over")
        };
        assert_eq!(reason.to_string(), "retry rule 1 matches, onStatusReason `Host EC2*`");
        assert_eq!(decide(&spot_rules(), 3, &reclaimed), Decision::Over);
        assert_eq!(decide(&spot_rules(), 1, &broken), Decision::Over);
        let fargate = failed(FailureClass::Interrupted, 137, "Your Spot Task was interrupted.");
        assert!(matches!(
            decide(&spot_rules(), 1, &fargate),
            Decision::Again(RetryReason::Rule(2, _))
        ));
    }

    #[test]
    fn what_no_rule_matches_is_retried_and_a_timeout_never() {
        let plain = RetryStrategy::new(2, vec![]).expect("valid");
        let broken = failed(FailureClass::ExitCode, 1, "Essential container in task exited");
        let late = failed(FailureClass::TimedOut, 137, "Job attempt duration exceeded timeout");
        assert_eq!(decide(&plain, 1, &broken), Decision::Again(RetryReason::NoRules));
        assert_eq!(decide(&plain, 2, &broken), Decision::Over);
        assert_eq!(decide(&plain, 1, &late), Decision::Over);
    }

    #[test]
    fn all_patterns_of_a_rule_have_to_match() {
        let rule = ExitRule {
            on_status_reason: Some(Pattern("Essential*".into())),
            on_reason: None,
            on_exit_code: Some(Pattern("7*".into())),
            action: Action::Exit,
        };
        let strategy = RetryStrategy::new(5, vec![rule]).expect("valid");
        let with =
            |code| failed(FailureClass::ExitCode, code, "Essential container in task exited");
        assert_eq!(decide(&strategy, 1, &with(75)), Decision::Over);
        assert_eq!(decide(&strategy, 1, &with(1)), Decision::Again(RetryReason::NoRuleMatches));
    }

    #[test]
    fn strategies_that_batch_refuses() {
        assert_eq!(RetryStrategy::new(0, vec![]), Err(RetryError::Attempts(0)));
        assert_eq!(RetryStrategy::new(11, vec![]), Err(RetryError::Attempts(11)));
        let empty = ExitRule {
            on_status_reason: None,
            on_reason: None,
            on_exit_code: None,
            action: Action::Exit,
        };
        assert_eq!(RetryStrategy::new(1, vec![empty.clone()]), Err(RetryError::NoPattern(1)));
        assert_eq!(RetryStrategy::new(1, vec![empty.clone(); 6]), Err(RetryError::TooManyRules(6)));
        let odd = ExitRule { on_reason: Some(Pattern("Host (i-0".into())), ..empty.clone() };
        assert_eq!(
            RetryStrategy::new(1, vec![odd]),
            Err(RetryError::Character("Host (i-0".into()))
        );
        let starred = ExitRule { on_reason: Some(Pattern("a*b".into())), ..empty };
        assert_eq!(RetryStrategy::new(1, vec![starred]), Err(RetryError::Star("a*b".into())));
    }
}
