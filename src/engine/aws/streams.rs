//! Where the container of a job or of a definition writes.

use aws_sdk_batch::types::{LogConfiguration, LogDriver};

use crate::ledger::LogStream;

/// Where a job writes whose definition names no other log group.
pub const LOG_GROUP: &str = "/aws/batch/job";

/// The log of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// The driver, if it is none that writes to `CloudWatch`.
    pub elsewhere: Option<String>,
    pub group: String,
    /// If not that of the job.
    pub region: Option<String>,
    /// How the names of streams begin, if not with that of the job definition.
    prefix: Option<String>,
}

impl Logs {
    pub fn of(logs: Option<&LogConfiguration>) -> Self {
        let option = |name: &str| {
            let options = logs.and_then(|logs| logs.options.as_ref());
            options.and_then(|options| options.get(name)).filter(|it| !it.is_empty()).cloned()
        };
        let driver = logs.and_then(|logs| logs.log_driver.as_ref());
        Self {
            elsewhere: driver
                .filter(|driver| **driver != LogDriver::Awslogs)
                .map(|driver| driver.as_str().to_owned()),
            group: option("awslogs-group").unwrap_or_else(|| LOG_GROUP.to_owned()),
            region: option("awslogs-region"),
            prefix: option("awslogs-stream-prefix"),
        }
    }

    /// The log of an attempt, by the stream that Batch names. Its name is `prefix/container/task`,
    /// whether Batch heeds the prefix there or not.
    pub fn stream(&self, named: &str) -> LogStream {
        let stream = match (&self.prefix, named.split_once('/')) {
            (Some(prefix), Some((_, rest))) if !named.starts_with(&format!("{prefix}/")) => {
                format!("{prefix}/{rest}")
            }
            _ => named.to_owned(),
        };
        LogStream { region: self.region.clone(), group: self.group.clone(), stream }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_the_driver_say_where_a_log_is() {
        let logs = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", "builds")
            .options("awslogs-region", "eu-west-1")
            .options("awslogs-stream-prefix", "ci")
            .build();
        let logs = Logs::of(Some(&logs));
        let expected = LogStream {
            region: Some("eu-west-1".to_owned()),
            group: "builds".to_owned(),
            stream: "ci/default/abc".to_owned(),
        };
        assert_eq!(logs.stream("default/default/abc"), expected);
        assert_eq!(logs.stream("ci/default/abc"), expected);
        let usual = Logs::of(None);
        assert_eq!((usual.group.as_str(), usual.region.as_ref()), (LOG_GROUP, None));
        assert_eq!(usual.stream("default/default/abc").stream, "default/default/abc");
    }
}
