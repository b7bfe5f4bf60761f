//! ARNs of AWS Batch: names that say where a thing is.

/// The parts of `arn:aws:batch:us-east-1:123456789012:job-queue/asap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    pub region: &'a str,
    pub account: &'a str,
    pub kind: &'a str,
    pub name: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no ARN of a {kind} of AWS Batch")]
pub struct NoArn {
    pub text: String,
    pub kind: &'static str,
}

impl<'a> Arn<'a> {
    pub const QUEUE: &'static str = "job-queue";
    pub const DEFINITION: &'static str = "job-definition";
    pub const JOB: &'static str = "job";

    /// `None` for a name that is no ARN.
    ///
    /// # Errors
    /// When it is one, of something else.
    pub fn of(text: &'a str, kind: &'static str) -> Result<Option<Self>, NoArn> {
        if !text.starts_with("arn:") {
            return Ok(None);
        }
        let arn = Self::parse(text).filter(|arn| arn.kind == kind);
        arn.map(Some).ok_or_else(|| NoArn { text: text.to_owned(), kind })
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':').skip(2);
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let (kind, name) = parts.next()?.split_once('/')?;
        let is_whole = service == "batch" && ![region, account, name].contains(&"");
        is_whole.then_some(Self { region, account, kind, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_where_a_thing_is() {
        let text = "arn:aws-cn:batch:cn-north-1:123456789012:job-definition/default:3";
        let arn = Arn::of(text, Arn::DEFINITION).expect("an ARN").expect("one");
        assert_eq!(
            (arn.region, arn.account, arn.name),
            ("cn-north-1", "123456789012", "default:3")
        );
        assert_eq!(Arn::of("default:3", Arn::DEFINITION), Ok(None));
        for text in [
            text,
            "arn:aws:batch:us-east-1:123456789012:job-queue/",
            "arn:aws:batch::123456789012:job-queue/asap",
            "arn:aws:sqs:us-east-1:123456789012:job-queue/asap",
            "arn:aws:batch:us-east-1:123456789012",
        ] {
            assert!(Arn::of(text, Arn::QUEUE).is_err(), "{text}");
        }
    }
}
