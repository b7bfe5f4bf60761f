//! The command of a job: a program and its arguments, none of them empty.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A program and its arguments, as `execve` takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Command(Vec<String>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommandError {
    #[error("the command is empty")]
    Empty,
    /// AWS Batch accepts no empty string in `containerOverrides.command`.
    #[error("word {position} of the command is an empty string, which AWS Batch refuses")]
    EmptyWord { position: usize },
    #[error("word {position} of the command holds a NUL byte")]
    Nul { position: usize },
}

impl Command {
    /// # Errors
    /// When there is no word, or one that no engine can pass on.
    pub fn new(words: Vec<String>) -> Result<Self, CommandError> {
        if words.is_empty() {
            return Err(CommandError::Empty);
        }
        for (index, word) in words.iter().enumerate() {
            let position = index + 1;
            if word.is_empty() {
                return Err(CommandError::EmptyWord { position });
            }
            if word.contains('\0') {
                return Err(CommandError::Nul { position });
            }
        }
        Ok(Self(words))
    }

    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

/// The words of a command, in a file. One text in their place says what is taken.
///
/// # Errors
/// When it is no list of texts.
pub fn command_words<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = r#"`command` takes a list of words, as in ["./build.sh", "test"] or ["sh", "-c", "LINE"]"#
    )]
    enum Form {
        Words(Vec<String>),
    }
    Ok(Option::<Form>::deserialize(from)?.map(|Form::Words(words)| words))
}

/// The word as a shell reads it back: in quotes where it would make something else of it.
#[must_use]
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

impl TryFrom<Vec<String>> for Command {
    type Error = CommandError;
    fn try_from(words: Vec<String>) -> Result<Self, CommandError> {
        Self::new(words)
    }
}

impl From<Command> for Vec<String> {
    fn from(command: Command) -> Self {
        command.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_no_engine_can_pass_on_are_refused_by_position() {
        let of = |words: &[&str]| Command::new(words.iter().map(ToString::to_string).collect());
        assert_eq!(of(&[]), Err(CommandError::Empty));
        assert_eq!(of(&["sh", ""]), Err(CommandError::EmptyWord { position: 2 }));
        assert_eq!(of(&["a\0b"]), Err(CommandError::Nul { position: 1 }));
        assert!(of(&["sh", "-c", " "]).is_ok());
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_something_else() {
        let words =
            ["./build.sh", "a=b", "--at=1,2", "", "a b", "it's", "$HOME", "*", "~", "#", "\n"];
        let line = words.map(shell_word).join(" ");
        assert!(line.starts_with("./build.sh a=b --at=1,2 '' 'a b' 'it'\\''s' "), "{line}");
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf '%s|' {line}")])
            .output()
            .expect("a shell");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            words.map(|word| format!("{word}|")).concat()
        );
    }
}
