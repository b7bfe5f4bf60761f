//! Which setting was meant.

use super::settings;

/// Below this two names have little in common.
const ALIKE: f64 = 0.8;

/// The setting or table that is most like `key`, if any is. The names alone are compared
/// too, because a setting is easily written into the wrong table.
pub(super) fn meant(key: &str) -> Option<String> {
    let key = &key.to_ascii_lowercase();
    let name = last(key);
    // What both are in makes them no more alike.
    let whole = |known: &str| match table(key) {
        Some(its) if table(known) == Some(its) => 0.0,
        _ => strsim::jaro_winkler(key, known),
    };
    let alike = |known: &str| whole(known).max(strsim::jaro_winkler(name, last(known)));
    settings()
        .iter()
        .flat_map(|setting| [Some(setting.key), setting.split().0])
        .flatten()
        // That was said.
        .filter(|known| table(key) != Some(known))
        .map(|known| (alike(known), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known.to_owned())
}

fn table(key: &str) -> Option<&str> {
    key.rsplit_once('.').map(|(table, _)| table)
}

fn last(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        for (key, known) in [
            ("quue", "queue"),
            ("cpus", "vcpus"),
            ("job-definition", "job_definition"),
            ("lease", "local.lease"),
            ("idle", "local.idle_exit"),
            ("local.leese", "local.lease"),
            ("local.queue", "queue"),
            ("locl", "local"),
            ("MEMORY", "memory"),
        ] {
            assert_eq!(meant(key).as_deref(), Some(known), "{key}");
        }
        for key in ["x", "state_dir", "zzz.yyy", "local.foo", ""] {
            assert_eq!(meant(key), None, "{key}");
        }
    }
}
