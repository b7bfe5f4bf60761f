//! What goes into an object with others: small files, side by side. Pure.

/// A file of at most that many bytes goes into a bundle. S3 takes about as long for a request as for
/// sending that much (AWS, "Performance design patterns for Amazon S3": 100 to 200 ms until the
/// first byte of a small object, 85 to 90 MB/s with one request).
pub const SMALL: u64 = 1 << 20;
/// The most bytes of a bundle: those of a part of a large file, so that as many may be in memory.
const MOST: u64 = 8 << 20;

/// Puts small files together, in their order, so that neighbours lie beside each other.
pub fn bundled<T>(files: Vec<T>, bytes_of: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
    let mut bundles: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for file in files {
        let bytes = bytes_of(&file);
        match bundles.last_mut() {
            Some(bundle) if bytes <= room => {
                bundle.push(file);
                room -= bytes;
            }
            _ => {
                bundles.push(vec![file]);
                room = MOST.saturating_sub(bytes);
            }
        }
    }
    bundles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_full_and_no_larger_than_they_may_be() {
        let files: Vec<u64> = (0..2000).map(|number| number * 7919 % (SMALL + 1)).collect();
        let bundles = bundled(files.clone(), |bytes| *bytes);
        for (bundle, next) in bundles.iter().zip(bundles.iter().skip(1)) {
            let bytes: u64 = bundle.iter().sum();
            assert!(bytes <= MOST && bytes + next[0] > MOST, "{bytes}");
        }
        assert_eq!(bundles.concat(), files);
        assert_eq!(bundled(vec![0; 20_000], |bytes| *bytes).len(), 1);
        assert!(bundled(Vec::<u64>::new(), |bytes| *bytes).is_empty());
    }
}
