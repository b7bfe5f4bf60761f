//! Which certificate authorities are believed.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};

/// Where systems keep all of them in one file: Debian, Fedora, SUSE, older Red Hat, Alpine. The
/// folders beside these hold the same again, one file each, and take ten times as long to read.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Those that whoever calls names, as the AWS CLI and OpenSSL have it.
const NAMED: [&str; 2] = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"];

/// Gives `build` the authorities of the first file that is there; without any, or where it has
/// one that can't be read, those of wherever else a system may have them.
///
/// The SDK panics over a certificate of a file that it can't read, and leaves out such a one of
/// the system's.
pub fn believed<T>(build: impl Fn(TlsContext) -> T) -> T {
    let of_system = || build(context(TrustStore::empty().with_native_roots(true)));
    let Some(bundle) = bundle() else { return of_system() };
    let of_file = || build(context(TrustStore::empty().with_pem_certificate(bundle.as_slice())));
    // What the SDK says of it on the way is no user's business. Nobody else runs meanwhile.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(of_file));
    panic::set_hook(hook);
    result.unwrap_or_else(|_| {
        tracing::warn!("a certificate authority can't be read; the system's folders are looked at");
        of_system()
    })
}

fn bundle() -> Option<Vec<u8>> {
    let named = NAMED.iter().filter_map(std::env::var_os).filter(|file| !file.is_empty());
    let mut files = named.chain(BUNDLES.map(Into::into));
    files.find_map(|file| std::fs::read(Path::new(&file)).ok())
}

fn context(store: TrustStore) -> TlsContext {
    // Nothing but a store is put together here, which can't fail.
    TlsContext::builder().with_trust_store(store).build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn where_a_file_makes_the_sdk_panic_the_system_is_asked() {
        let tries = Cell::new(0);
        let built = believed(|_| {
            tries.set(tries.get() + 1);
            assert!(tries.get() > 1 || bundle().is_none(), "as the SDK does");
            "built"
        });
        assert_eq!(built, "built");
    }
}
