//! Which file is the program of a job, and which it would be for the caller. Pure.

/// Where a program is looked for if the job does not say: what container images have.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a job is given as it starts. What lies there is not seen from outside.
const OF_THE_JOB: [&str; 2] = ["/files", "/source"];

/// Where the program may be, as `execvp` looks for it.
#[must_use]
pub fn candidates(program: &str, path: &str) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_owned()];
    }
    path.split(':')
        .map(|directory| match directory {
            "" => format!("./{program}"),
            directory => format!("{directory}/{program}"),
        })
        .collect()
}

/// Why a program could not be found. `exists`: is there such a file?
#[must_use]
pub fn missing(program: &str, path: &str, exists: &dyn Fn(&str) -> bool) -> String {
    if program.contains('/') {
        return "there is no such file, or none that its first line (`#!`) names".to_owned();
    }
    match candidates(program, path).into_iter().find(|candidate| exists(candidate)) {
        Some(there) => format!("there is no file that the first line (`#!`) of `{there}` names"),
        None => format!("it is not on the job's PATH, which is {path}"),
    }
}

/// A program that is not what the caller may expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surprise {
    /// The job does not find it, and the caller does.
    NotFound { program: String, here: String },
    /// The job finds another file than the caller.
    Another { program: String, in_job: String, here: String },
}

impl std::fmt::Display for Surprise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound { program, here } => write!(
                f,
                "`{program}` is not on the job's PATH; on yours it is {here}: -e PATH passes yours on"
            ),
            Self::Another { program, in_job, here } => write!(
                f,
                "`{program}` is {in_job} for the job, and {here} for you: -e PATH passes your PATH on"
            ),
        }
    }
}

/// Compares what a job runs on this machine with what the caller would run. `find` tells which file
/// a path is, if it is one that can be executed.
#[must_use]
pub fn surprise(
    program: &str,
    jobs_path: &str,
    callers_path: &str,
    find: &dyn Fn(&str) -> Option<String>,
) -> Option<Surprise> {
    if program.contains('/') {
        return None;
    }
    let is_unseen = |directory: &str| {
        OF_THE_JOB.iter().any(|top| {
            directory.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let seen = jobs_path.split(':').take_while(|directory| !is_unseen(directory));
    let is_whole = seen.clone().count() == jobs_path.split(':').count();
    let seen: Vec<_> = seen.collect();
    let first =
        |path: &str| candidates(program, path).into_iter().find_map(|it| Some((find(&it)?, it)));
    let in_job = if seen.is_empty() { None } else { first(&seen.join(":")) };
    let (file, here) = first(callers_path)?;
    let program = program.to_owned();
    match in_job {
        Some((same, _)) if same == file => None,
        Some((_, in_job)) => Some(Surprise::Another { program, in_job, here }),
        None => is_whole.then_some(Surprise::NotFound { program, here }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str) -> Option<String> {
        let files = [
            ("/usr/bin/python3", "/usr/bin/python3"),
            ("/bin/python3", "/usr/bin/python3"),
            ("/usr/bin/sh", "/usr/bin/sh"),
            ("/bin/sh", "/usr/bin/sh"),
            ("/home/me/.cargo/bin/cargo", "/home/me/.cargo/bin/cargo"),
            ("/home/me/venv/bin/python3", "/home/me/venv/bin/python3"),
        ];
        files.iter().find(|(known, _)| *known == path).map(|(_, file)| (*file).to_owned())
    }

    #[test]
    fn what_the_caller_may_not_expect_is_said_and_nothing_else() {
        const MINE: &str = "/home/me/venv/bin:/home/me/.cargo/bin:/bin:/usr/bin";
        let not_found = Surprise::NotFound {
            program: "cargo".to_owned(),
            here: "/home/me/.cargo/bin/cargo".to_owned(),
        };
        let another = Surprise::Another {
            program: "python3".to_owned(),
            in_job: "/usr/bin/python3".to_owned(),
            here: "/home/me/venv/bin/python3".to_owned(),
        };
        for (program, jobs, expected) in [
            ("cargo", DEFAULT_PATH, Some(&not_found)),
            ("python3", DEFAULT_PATH, Some(&another)),
            // The same file by another way.
            ("sh", DEFAULT_PATH, None),
            ("no-such-program", DEFAULT_PATH, None),
            // Passed on.
            ("cargo", MINE, None),
            ("python3", MINE, None),
            // Looked up where the job starts, or there alone.
            ("./cargo", DEFAULT_PATH, None),
            ("/usr/bin/python3", DEFAULT_PATH, None),
            // An input may bring it.
            ("cargo", "/files/bin:/usr/bin", None),
            ("cargo", "/source/bin", None),
            ("python3", "/usr/bin:/files", Some(&another)),
            ("cargo", "/filesystem:/usr/bin", Some(&not_found)),
        ] {
            assert_eq!(surprise(program, jobs, MINE, &find).as_ref(), expected, "{program} {jobs}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let nothing = |_: &str| false;
        assert_eq!(
            missing("cargo", "/bin", &nothing),
            "it is not on the job's PATH, which is /bin"
        );
        let there = |path: &str| path == "/bin/tool";
        assert!(missing("tool", "/usr/bin:/bin", &there).contains("`/bin/tool`"));
        assert!(missing("./tool", "/bin", &nothing).contains("first line"));
    }
}
