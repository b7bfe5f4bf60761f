//! Credentials that are waited for: whoever gives them may be away when a call is the first of a process.
//! Later on whoever makes the call knows whether to wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use tokio::time::{Instant, sleep};

use super::Trouble;
use super::credentials::trouble;

/// Between two tries, at first; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Patient<P> {
    inner: P,
    /// So long the first are waited for, a part of the time that a call may take.
    patience: Duration,
    /// They were had, or waited for in vain.
    is_done: AtomicBool,
}

impl<P: ProvideCredentials> Patient<P> {
    /// `timeout`: of a call.
    pub fn new(inner: P, timeout: Duration) -> Self {
        Self { inner, patience: timeout / 2, is_done: AtomicBool::new(false) }
    }

    async fn provide(&self) -> Result<Credentials, CredentialsError> {
        let end = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let provided = self.inner.provide_credentials().await;
            let is_away =
                provided.as_ref().is_err_and(|error| trouble(error) == Some(Trouble::NotSent));
            if !is_away || Instant::now() >= end || self.is_done.load(Ordering::Relaxed) {
                self.is_done.store(true, Ordering::Relaxed);
                return provided;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Patient<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.inner.fallback_on_interrupt()
    }
}
