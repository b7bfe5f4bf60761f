//! Credentials that can't be had: for a while, or for good.

use std::error::Error;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_batch::config::http::HttpResponse;
use aws_sdk_batch::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::Trouble;
use super::error::of_answer;

/// What it says of a call that it was to be signed with credentials that could not be had; `None`
/// if that was not what went wrong. A call that is not signed is not sent.
pub fn trouble(error: &(dyn Error + 'static)) -> Option<Trouble> {
    let mut is_of_credentials = false;
    let mut next = Some(error);
    while let Some(cause) = next {
        next = cause.source();
        // The SDK keeps its type to itself.
        if cause.to_string().starts_with("identity resolver timed out") {
            return Some(Trouble::NotSent);
        }
        match cause.downcast_ref() {
            Some(CredentialsError::ProviderTimedOut(_)) => return Some(Trouble::NotSent),
            // They are looked for in many places, of which most are not there.
            Some(
                CredentialsError::CredentialsNotLoaded(_)
                | CredentialsError::InvalidConfiguration(_),
            ) => return Some(Trouble::Credentials),
            Some(_) => is_of_credentials = true,
            None => {}
        }
        if is_of_credentials && passes(cause) {
            return Some(Trouble::NotSent);
        }
    }
    is_of_credentials.then_some(Trouble::Credentials)
}

/// May the same succeed a little later? Whoever gives credentials did not answer, or said that it
/// can't just now.
fn passes(cause: &(dyn Error + 'static)) -> bool {
    // However the exchange ended: it was not whoever gives them that refused.
    if cause.is::<ConnectorError>() {
        return true;
    }
    if let Some(ImdsError::ErrorResponse(answer)) = cause.downcast_ref() {
        return is_for_a_while(answer.response().status().as_u16(), "");
    }
    // Of the endpoint of a container only the text has it.
    let text = cause.to_string();
    if text.starts_with("invalid JSON in response") {
        return true;
    }
    let status = text.rsplit_once("StatusCode(").and_then(|(_, rest)| rest.strip_suffix(')'));
    status.and_then(|status| status.parse().ok()).is_some_and(|status| is_for_a_while(status, ""))
        || answer_passes::<AssumeRoleError>(cause)
        || answer_passes::<AssumeRoleWithWebIdentityError>(cause)
        || answer_passes::<GetRoleCredentialsError>(cause)
}

/// The same of a service of AWS.
fn answer_passes<E>(cause: &(dyn Error + 'static)) -> bool
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(error) = cause.downcast_ref::<SdkError<E, HttpResponse>>() else { return false };
    match error {
        SdkError::TimeoutError(_) => true,
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            is_for_a_while(answer.raw().status().as_u16(), code)
        }
        _ => false,
    }
}

fn is_for_a_while(status: u16, code: &str) -> bool {
    matches!(of_answer(status, code), Trouble::Throttled | Trouble::Unclear)
}
