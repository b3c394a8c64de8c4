//! `diffuscope export` to a table of steps or of tokens.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use clap::{ValueEnum, builder::PossibleValue};

use super::failure::Failure;
use crate::{
    export::table::{LogTable, TableFormat, TableKind},
    output, printable,
    trace::Log,
};

/// Which table.
#[derive(Debug, clap::Args)]
pub(super) struct TableArgs {
    /// What has a row in a table: every step, or every position after every step [default: tokens]
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    table: Option<TableKind>,
    /// Write over a table that is there already
    #[arg(long)]
    force: bool,
}

impl ValueEnum for TableKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

impl TableArgs {
    /// Refuses what is about tables beside another format.
    pub(super) fn refuse(&self, format: &str) -> Result<(), Failure> {
        match self.table {
            Some(_) => {
                Err(Failure::Usage(format!("--table is about tables, and {format} is none: write csv or jsonl")))
            }
            None => Ok(()),
        }
    }

    /// Writes the table that was asked for.
    pub(super) fn write(&self, log: &Log, format: &dyn TableFormat, out: &mut dyn Write) -> io::Result<()> {
        format.write(&LogTable::new(log, self.table.unwrap_or_default()), out)
    }

    /// Writes a file, in place of another one only where that was asked for; - is standard output.
    pub(super) fn save(
        &self,
        file: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if file == Path::new("-") {
            return Ok(write(&mut io::stdout().lock())?);
        }
        // A device or a pipe is written to, and nothing is lost by it.
        let is_no_file = fs::metadata(file).is_ok_and(|there| !there.is_file());
        let replaces = self.force || is_no_file;
        let written = if replaces { output::replace(file, write) } else { output::create(file, write) };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::Usage(format!("{} is there already: --force writes over it", shown(file)))
            }
            _ => Failure::writing(file, &error),
        })
    }
}

/// Refuses a file whose suffix is another one than the format's.
pub(super) fn check_suffix(format: &dyn TableFormat, file: &Path) -> Result<(), Failure> {
    let name = format.name();
    match file.extension() {
        Some(suffix) if !suffix.eq_ignore_ascii_case(name) => {
            Err(Failure::Usage(format!("{} is no name for {name}: its files end in .{name}", shown(file))))
        }
        _ => Ok(()),
    }
}

fn shown(file: &Path) -> String {
    printable::line(&file.display().to_string())
}
