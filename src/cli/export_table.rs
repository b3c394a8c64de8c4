//! `diffuscope export` to a table of steps or of tokens.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use clap::{ValueEnum, builder::PossibleValue};

use super::{
    failure::{Failure, warn},
    recorded::Recorded,
};
use crate::{
    export::table::{LogTable, TableFormat, TableKind},
    output, printable,
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
}

/// Writes the table of a trace.
pub(super) fn write(trace: &Recorded, args: &TableArgs, format: &dyn TableFormat, file: &Path) -> Result<(), Failure> {
    let opened = trace.open()?;
    for warning in &opened.warnings {
        warn(warning);
    }
    let table = LogTable::new(&opened.log, args.table.unwrap_or_default());
    if file == Path::new("-") {
        let mut out = io::BufWriter::new(io::stdout().lock());
        return Ok(format.write(&table, &mut out).and_then(|()| out.flush())?);
    }
    // A device or a pipe is written to, and nothing is lost by it.
    let is_no_file = fs::metadata(file).is_ok_and(|there| !there.is_file());
    let written = if args.force || is_no_file {
        output::replace(file, |out| format.write(&table, out))
    } else {
        output::create(file, |out| format.write(&table, out))
    };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let name = printable::line(&file.display().to_string());
            Failure::Usage(format!("{name} is there already: give another name, or --force to write over it"))
        }
        _ => Failure::writing(file, &error),
    })
}
