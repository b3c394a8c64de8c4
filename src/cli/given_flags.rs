//! Which flags a command was given, whatever their values: a default is not given.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id, parser::ValueSource};

/// The flags of a command that stood on the command line.
#[derive(Debug, Default)]
pub(super) struct GivenFlags(Vec<String>);

impl GivenFlags {
    /// Their names, without dashes before them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromArgMatches for GivenFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        // The value of a group is what it holds.
        let is_group = |id: &str| matches.try_get_many::<Id>(id).is_ok();
        let given = matches.ids().map(Id::as_str).filter(|id| is_given(id) && !is_group(id));
        Ok(Self(given.map(|id| id.replace('_', "-")).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// It takes no argument of its own, and looks at those of the command that it is flattened into.
impl Args for GivenFlags {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
