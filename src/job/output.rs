//! What is kept of a job: paths and patterns.

use serde::{Deserialize, Serialize};

use super::{JobPath, Root, SpecError};

/// One line of what is kept: a path or a pattern, or one of those that are left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Output {
    /// Written with a `!` before the path.
    pub is_left_out: bool,
    /// In a name of it `*` stands for any characters, and `?` for one.
    pub path: JobPath,
}

const LEFT_OUT: char = '!';
const ANY: char = '*';
const ONE: char = '?';

impl Output {
    /// # Errors
    /// When its path is none.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let (is_left_out, path) = match text.strip_prefix(LEFT_OUT) {
            Some(path) => (true, path),
            None => (false, text),
        };
        Ok(Self { is_left_out, path: JobPath::new(path)? })
    }

    /// Is something at or below what this names? What is below the root is asked name by name, so that
    /// no star stands for a `/`.
    #[must_use]
    pub fn covers(&self, root: Root, below: &str) -> bool {
        let mut names = below.split('/');
        let pattern = &self.path.below;
        root == self.path.root
            && (pattern.is_all()
                || pattern
                    .as_str()
                    .split('/')
                    .all(|pattern| names.next().is_some_and(|name| is_like(pattern, name))))
    }

    /// The folder or file that everything this names is at or below.
    #[must_use]
    pub fn plain_part(&self) -> &str {
        let path = self.path.below.as_str();
        match path.find([ANY, ONE]) {
            None => path,
            Some(at) => path[..at].rsplit_once('/').map_or("", |(folder, _)| folder),
        }
    }

    /// What it stands for as a basic regular expression of POSIX, after which the path may end or
    /// go on with a `/`.
    #[must_use]
    pub fn expression(&self) -> String {
        let mut expression = self.path.root.as_str()[1..].to_owned();
        if !self.path.below.is_all() {
            expression.push_str("\\/");
        }
        for c in self.path.below.as_str().chars() {
            match c {
                ANY => expression.push_str("[^/]*"),
                ONE => expression.push_str("[^/]"),
                '.' | '[' | '^' | '$' | '/' => expression.extend(['\\', c]),
                c => expression.push(c),
            }
        }
        expression
    }
}

/// Whether a name is like a pattern of `*` and `?`.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star stands, and up to where it reaches.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(&ANY) => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == ONE || c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match &mut star {
                Some((at, reach)) => {
                    *reach += 1;
                    (p, n) = (*at + 1, *reach);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == ANY)
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_left_out {
            write!(f, "{LEFT_OUT}")?;
        }
        self.path.fmt(f)
    }
}

/// All that is kept of a job, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Outputs(Vec<Output>);

impl Outputs {
    /// # Errors
    /// When one is no path, or all say only what is left out.
    pub fn parse(texts: &[String]) -> Result<Self, SpecError> {
        let mut outputs: Vec<_> =
            texts.iter().map(|text| Output::parse(text)).collect::<Result<_, _>>()?;
        outputs.sort();
        outputs.dedup();
        match outputs.iter().find(|it| it.is_left_out) {
            Some(output) if outputs.iter().all(|it| it.is_left_out) => {
                Err(SpecError::NothingToLeaveOut(output.to_string()))
            }
            _ => Ok(Self(outputs)),
        }
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Output> {
        self.0.iter()
    }

    /// Those that name something, in one root or the other.
    pub fn kept(&self) -> impl Iterator<Item = &Output> {
        self.0.iter().filter(|output| !output.is_left_out)
    }

    /// The first that is in that root.
    #[must_use]
    pub fn first_in(&self, root: Root) -> Option<&Output> {
        self.kept().find(|output| output.path.root == root)
    }

    /// Without those of a root.
    #[must_use]
    pub fn without(self, root: Root) -> Self {
        let is_other = |output: &Output| output.path.root != root;
        let rest: Vec<_> = self.0.into_iter().filter(is_other).collect();
        if rest.iter().all(|output| output.is_left_out) { Self::default() } else { Self(rest) }
    }

    /// Is what lies there to be kept? What git would find programs in never is.
    #[must_use]
    pub fn keeps(&self, root: Root, below: &str) -> bool {
        self.kept().any(|output| output.covers(root, below)) && !self.leaves_out(root, below)
    }

    /// Is it left out, whatever else is said?
    #[must_use]
    pub fn leaves_out(&self, root: Root, below: &str) -> bool {
        let is_git = || below.split('/').any(|name| name == ".git");
        self.0.iter().any(|output| output.is_left_out && output.covers(root, below))
            || (root == Root::Source && is_git())
    }
}

impl TryFrom<Vec<String>> for Outputs {
    type Error = SpecError;
    fn try_from(texts: Vec<String>) -> Result<Self, SpecError> {
        Self::parse(&texts)
    }
}

impl From<Outputs> for Vec<String> {
    fn from(outputs: Outputs) -> Self {
        outputs.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(texts: &[&str]) -> Outputs {
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        Outputs::parse(&texts).expect("outputs")
    }

    #[test]
    fn a_name_is_like_a_pattern() {
        for (pattern, name, expected) in [
            ("app", "app", true),
            ("app", "apps", false),
            ("*", "", true),
            ("*", ".hidden", true),
            ("*.o", "a.o", true),
            ("*.o", "a.o.d", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "\u{e4}", true),
            ("?", "", false),
            ("a?*", "a", false),
        ] {
            assert_eq!(is_like(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_covers_what_is_below_and_no_star_stands_for_a_slash() {
        let output = Output::parse("/source/target/*/app").expect("an output");
        for (below, expected) in [
            ("target/debug/app", true),
            ("target/debug/app/in", true),
            ("target/debug/deps/app", false),
            ("target/app", false),
            ("target", false),
        ] {
            assert_eq!(output.covers(Root::Source, below), expected, "{below}");
        }
        assert!(!output.covers(Root::Files, "target/debug/app"));
        assert_eq!(output.plain_part(), "target");
        assert_eq!(
            Output::parse("dist/a?").map(|it| it.plain_part().to_owned()),
            Ok("dist".into())
        );
        assert_eq!(Output::parse("*.log").map(|it| it.plain_part().to_owned()), Ok(String::new()));
    }

    #[test]
    fn what_is_left_out_is_not_kept_whatever_the_order() {
        let outputs = outputs(&["!/source/target/*/*/*", "/source"]);
        for (below, expected) in [
            ("app", true),
            ("target/debug/app", true),
            ("target/debug/.fingerprint/x", false),
            ("target/debug/deps/a/b", false),
            (".git/config", false),
            ("in/.git/hooks/x", false),
            (".gitignore", true),
        ] {
            assert_eq!(outputs.keeps(Root::Source, below), expected, "{below}");
        }
        assert!(!outputs.keeps(Root::Files, "app"));
        assert!(outputs.without(Root::Source).is_empty());
    }

    #[test]
    fn something_has_to_be_left_in() {
        let refused = Outputs::parse(&["!/source/x".to_owned()]);
        assert_eq!(refused, Err(SpecError::NothingToLeaveOut("!/source/x".to_owned())));
        assert_eq!(Outputs::parse(&[]), Ok(Outputs::default()));
    }

    #[test]
    fn an_expression_says_the_same_as_the_pattern() {
        let expression = |text| Output::parse(text).map(|it| it.expression());
        assert_eq!(expression("/source/a.b/*-?"), Ok("source\\/a\\.b\\/[^/]*-[^/]".into()));
    }
}
