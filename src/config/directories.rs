//! Where state and the user's own settings lie, as the XDG base directories say.

use std::path::PathBuf;

use crate::ledger::StateDir;

use super::{Caller, ConfigError, FILE_NAME};

/// What belongs to `computes` within a base directory.
const OURS: &str = "computes";

/// Which no file has a say in.
///
/// # Errors
/// When the caller has no place for it.
pub fn state_dir(caller: &Caller<'_>) -> Result<StateDir, ConfigError> {
    if let Some(given) = caller.variable("COMPUTES_STATE_DIR") {
        // Absolute, so that a worker that works elsewhere finds it; without `.`, because it
        // is shown.
        let root: PathBuf = caller.directory.join(given).components().collect();
        return Ok(StateDir::new(root));
    }
    let base = base(caller, "XDG_STATE_HOME", ".local/state").ok_or(ConfigError::NoStateDir)?;
    Ok(StateDir::new(base.join(OURS)))
}

/// Nothing where the user has no home.
pub(super) fn users_file(caller: &Caller<'_>) -> Option<PathBuf> {
    Some(base(caller, "XDG_CONFIG_HOME", ".config")?.join(OURS).join(FILE_NAME))
}

/// The XDG specification: a path that isn't absolute is to be ignored.
fn base(caller: &Caller<'_>, variable: &str, in_home: &str) -> Option<PathBuf> {
    let absolute =
        |name| caller.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(in_home)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn root(variables: &[(&str, &str)]) -> Option<PathBuf> {
        let env = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        let caller = Caller { env: &env, directory: Path::new("/project") };
        state_dir(&caller).ok().map(|state| state.root().to_owned())
    }

    #[test]
    fn the_state_directory_has_three_places_in_order() {
        let all = [("COMPUTES_STATE_DIR", "/s"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(root(&all), Some("/s".into()));
        assert_eq!(root(&all[1..]), Some("/x/computes".into()));
        assert_eq!(root(&all[2..]), Some("/h/.local/state/computes".into()));
        assert_eq!(root(&[]), None);
        assert!(ConfigError::NoStateDir.hint().is_some_and(|hint| hint.contains("COMPUTES_")));
    }

    #[test]
    fn relative_is_our_own_from_the_working_directory_and_others_are_ignored() {
        assert_eq!(root(&[("COMPUTES_STATE_DIR", "./state")]), Some("/project/state".into()));
        assert_eq!(root(&[("COMPUTES_STATE_DIR", "../state")]), Some("/project/../state".into()));
        let home = ("HOME", "/h");
        assert_eq!(root(&[("XDG_STATE_HOME", "x"), home]), Some("/h/.local/state/computes".into()));
        assert_eq!(root(&[("HOME", "h")]), None);
    }

    #[test]
    fn empty_is_not_set() {
        let empty = [("COMPUTES_STATE_DIR", ""), ("XDG_STATE_HOME", ""), ("HOME", "/h")];
        assert_eq!(root(&empty), Some("/h/.local/state/computes".into()));
    }
}
