//! Options of a verb that are put together only when that verb is meant.
//!
//! Thirteen verbs have a hundred options; a call uses one verb. The others would cost each
//! call a tenth of a millisecond.

use std::ops::Deref;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

#[derive(Debug)]
pub struct Later<T>(T);

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| as_said_of_the_verb(command, T::augment_args))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| as_said_of_the_verb(command, T::augment_args_for_update))
    }
}

/// What a group of options says of itself does not take the place of what the verb says.
fn as_said_of_the_verb(command: Command, augment: fn(Command) -> Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    augment(command).about(about)
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
