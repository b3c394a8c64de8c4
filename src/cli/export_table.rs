//! `diffuscope export` to a table of steps or of tokens.

use std::io::{self, Write};

use clap::{ValueEnum, builder::PossibleValue};

use super::{
    destination::Destination,
    failure::{Failure, warn},
    recorded::Recorded,
};
use crate::export::table::{LogTable, TableFormat, TableKind};

/// Which table.
#[derive(Debug, clap::Args)]
pub(super) struct TableArgs {
    /// What has a row in a table: every step, or every position after every step [default: tokens]
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    table: Option<TableKind>,
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
pub(super) fn write(
    trace: &Recorded,
    args: &TableArgs,
    format: &dyn TableFormat,
    destination: &Destination,
) -> Result<(), Failure> {
    let opened = trace.open()?;
    for warning in &opened.warnings {
        warn(warning);
    }
    let table = LogTable::new(&opened.log, args.table.unwrap_or_default());
    destination.write(|out| {
        let mut out = io::BufWriter::new(out);
        format.write(&table, &mut out)?;
        out.flush()
    })
}
