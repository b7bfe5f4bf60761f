//! What the image of the job definition starts with: jobs are given to an ENTRYPOINT, if there is one.

use super::{Diagnosis, Health};
use crate::engine::aws::Trouble;
use crate::engine::aws::ecr::EcrImage;

const WITHOUT: &str = "build it with ENTRYPOINT [], or take another image";
const WRAPPED: &str =
    "right if it ends with exec \"$@\", which a job tells: computes run --engine aws -- true";

/// That start a program and wait for it, behind options of their own.
const STARTERS: [&str; 5] = ["catatonit", "docker-init", "dumb-init", "env", "tini"];
const SHELLS: [&str; 7] = ["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"];

impl Diagnosis<'_> {
    pub(super) async fn image(&mut self, image: &str, architecture: &str) {
        let what = format!("image {image}");
        let Some(place) = EcrImage::of(image) else {
            self.add(what, Health::Unknown, "not in ECR, so that its ENTRYPOINT can't be read");
            self.mend(by_hand(image));
            return;
        };
        match place.entrypoint(self.clients, architecture).await {
            Ok(words) => {
                let (health, found, hint) = judged(&words);
                self.add(what, health, found);
                if let Some(hint) = hint {
                    self.mend(hint);
                }
            }
            Err(error) if error.trouble() == Trouble::NotFound => {
                self.add(what, Health::Bad, error.to_string());
                self.mend("push it, or register a definition with another");
            }
            Err(error) => {
                self.add(what, Health::Unknown, error.to_string());
                let denied = error.hint().filter(|_| error.trouble() == Trouble::Denied);
                self.mend(denied.unwrap_or_else(|| by_hand(image)));
            }
        }
    }
}

fn by_hand(image: &str) -> String {
    format!(
        "`docker pull {image}`, then `docker image inspect --format '{{{{json .Config.Entrypoint}}}}' {image}`: \
         null and [] are right"
    )
}

/// What becomes of `sh -c LINE` behind an ENTRYPOINT.
fn judged(entrypoint: &[String]) -> (Health, String, Option<&'static str>) {
    if entrypoint.is_empty() {
        return (Health::Good, "no ENTRYPOINT".to_owned(), None);
    }
    let quoted: Vec<_> = entrypoint.iter().map(|word| format!("{word:?}")).collect();
    let quoted = format!("ENTRYPOINT [{}]", quoted.join(", "));
    if is_deaf(entrypoint) {
        (Health::Bad, format!("{quoted} does not run what it is given"), Some(WITHOUT))
    } else {
        (Health::Weak, format!("{quoted} comes before each command"), Some(WRAPPED))
    }
}

/// Is it a shell that takes a command for anything but what to run?
fn is_deaf(entrypoint: &[String]) -> bool {
    let mut words = entrypoint.iter().map(String::as_str);
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let is_start = |word: &&str| {
        STARTERS.contains(&&*name(word)) || word.starts_with('-') || word.contains('=')
    };
    let program = words.find(|word| !is_start(word));
    if !program.is_some_and(|program| SHELLS.contains(&&*name(program))) {
        return false;
    }
    let mut is_line = false;
    while let Some(word) = words.next() {
        let Some(options) = word.strip_prefix(['-', '+']) else {
            // A line, or a file: which files pass it on is not looked at.
            let passes = ["$@", "${@", "$*", "$1", "${1"];
            return is_line && !passes.iter().any(|parameter| word.contains(parameter));
        };
        if options.starts_with('-') {
            continue;
        }
        is_line |= options.contains('c');
        if options.ends_with(['o', 'O']) {
            words.next();
        }
    }
    // The command itself is the line, or the file that is read: `sh`.
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_that_runs_something_else_is_told_from_what_may_pass_a_command_on() {
        for (entrypoint, health) in [
            (&[][..], Health::Good),
            (&["/bin/sh", "-c"], Health::Bad),
            (&["bash"], Health::Bad),
            (&["/usr/bin/env", "A=b", "bash", "--login", "-euo", "pipefail", "-c"], Health::Bad),
            (&["tini", "--", "sh", "-c", "make"], Health::Bad),
            (&["sh", "-c", "exec \"$@\"", "--"], Health::Weak),
            (&["bash", "-o", "pipefail", "/start.sh"], Health::Weak),
            (&["/start.sh"], Health::Weak),
            (&["/sbin/tini", "--"], Health::Weak),
            (&["cargo"], Health::Weak),
        ] {
            let words: Vec<_> = entrypoint.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(judged(&words).0, health, "{words:?}");
        }
    }
}
