//! Tables of a log, for programs that analyse: one row per step, or one per step and position.
//!
//! Each column is declared once, in `steps.rs` or `tokens.rs`; what a file of any format holds, and what `docs/tables.md`
//! says of it, follows from there. A further format is its file and a line in [`TABLE_FORMATS`].

mod column;
mod csv;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod row;
mod steps;
mod tokens;

use std::{
    fmt,
    io::{self, Write},
    ops::Range,
};

pub use column::{ColumnType, TableColumn, TableValue};

use self::row::TableRow;
use crate::trace::Log;

/// The most layers that have columns of their own: no model has as many.
const MOST_LAYERS: usize = 256;

/// A format of tables.
pub trait TableFormat: fmt::Debug + Sync {
    /// What `--format` calls it, and the suffix of its files.
    fn name(&self) -> &'static str;

    /// What it is good for, half a line.
    fn about(&self) -> &'static str;

    /// Writes the table.
    ///
    /// # Errors
    /// Those of `out`.
    fn write(&self, table: &LogTable<'_>, out: &mut dyn Write) -> io::Result<()>;
}

/// Every format of this build.
pub static TABLE_FORMATS: &[&dyn TableFormat] = &[
    &csv::Csv,
    &jsonl::JsonLines,
    #[cfg(feature = "parquet")]
    &parquet::Parquet,
];

/// Formats that other builds have: the feature of the build is called as the format.
const OTHER_BUILDS: &[&str] = if cfg!(feature = "parquet") { &[] } else { &["parquet"] };

/// The format of that name, which is also the suffix of its files; `None` where there is none.
///
/// # Errors
/// One sentence, where this build does not have it.
pub fn table_format(name: &str) -> Result<Option<&'static dyn TableFormat>, String> {
    if let Some(other) = OTHER_BUILDS.iter().find(|other| other.eq_ignore_ascii_case(name)) {
        return Err(format!(
            "{other} is not in this build: install one by `cargo install --path . --features {other}`, or write csv or jsonl"
        ));
    }
    Ok(TABLE_FORMATS.iter().find(|format| format.name().eq_ignore_ascii_case(name)).copied())
}

/// What has a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TableKind {
    /// Every step.
    Steps,
    /// Every position after every step.
    #[default]
    Tokens,
}

impl TableKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Steps, Self::Tokens];

    /// What `--table` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Tokens => "tokens",
        }
    }

    /// What that is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Steps => "a row for every step",
            Self::Tokens => "a row for every position after every step",
        }
    }

    /// Its columns.
    pub fn columns(self) -> &'static [TableColumn] {
        match self {
            Self::Steps => steps::COLUMNS,
            Self::Tokens => tokens::COLUMNS,
        }
    }

    /// The positions that have a row in each step.
    fn positions(self, log: &Log) -> Range<usize> {
        match self {
            Self::Steps => 0..1,
            Self::Tokens => 0..log.header().canvas_length(),
        }
    }
}

/// A column of a file.
#[derive(Debug, Clone)]
pub struct TableHeading {
    /// Its name.
    pub name: String,
    column: &'static TableColumn,
    layer: usize,
}

impl TableHeading {
    /// The type of its values.
    pub fn kind(&self) -> ColumnType {
        self.column.kind()
    }
}

/// A table of a log.
#[derive(Debug)]
pub struct LogTable<'a> {
    log: &'a Log,
    kind: TableKind,
    headings: Vec<TableHeading>,
}

impl<'a> LogTable<'a> {
    /// Of a log.
    pub fn new(log: &'a Log, kind: TableKind) -> Self {
        let layers = if log.has_audits() { log.header().denoiser.layers.min(MOST_LAYERS) } else { 0 };
        let headings = kind.columns().iter().flat_map(|column| {
            let heading = |layer| TableHeading { name: format!("{}{layer}", column.name), column, layer };
            let single =
                (!column.is_per_layer).then(|| TableHeading { name: column.name.to_owned(), column, layer: 0 });
            single.into_iter().chain((0..if column.is_per_layer { layers } else { 0 }).map(heading))
        });
        Self { log, kind, headings: headings.collect() }
    }

    /// Its columns, from left to right.
    pub fn headings(&self) -> &[TableHeading] {
        &self.headings
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.log.len() * self.kind.positions(self.log).len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits every row, a value or none for each column.
    ///
    /// # Errors
    /// Those of `visit`, which end it.
    pub fn rows(&self, visit: &mut dyn FnMut(&[Option<TableValue>]) -> io::Result<()>) -> io::Result<()> {
        let mut values = Vec::with_capacity(self.headings.len());
        for (step, entry) in (1..).zip(self.log.entries()) {
            for position in self.kind.positions(self.log) {
                let row = TableRow { log: self.log, step, record: &entry.record, position, layer: 0 };
                values.clear();
                let value = |heading: &TableHeading| heading.column.value(&TableRow { layer: heading.layer, ..row });
                values.extend(self.headings.iter().map(value));
                visit(&values)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = include_str!("../../../docs/tables.md");

    /// The line of a column in the documentation.
    fn documented(column: &TableColumn) -> String {
        let (layer, kind) = (if column.is_per_layer { "N" } else { "" }, column.kind().word());
        let unit = if column.unit.is_empty() { "" } else { column.unit };
        format!("| `{}{layer}` | {kind} | {unit} | {} | {} |", column.name, column.about, column.empty)
    }

    #[test]
    fn the_documentation_has_every_column_and_no_other() {
        for kind in TableKind::ALL {
            let title = format!("## The table of {}\n", kind.word());
            let section = DOCS.split_once(&title).map_or("", |(_, section)| section);
            let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
            let found: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
            let expected: Vec<String> = kind.columns().iter().map(documented).collect();
            assert_eq!(found, expected, "the lines of docs/tables.md would be\n{}", expected.join("\n"));
        }
    }

    #[test]
    fn a_name_belongs_to_one_column() {
        for kind in TableKind::ALL {
            let mut names: Vec<&str> = kind.columns().iter().map(|column| column.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.columns().len());
        }
    }

    #[test]
    fn what_another_build_has_is_named() {
        assert!(table_format("csv").is_ok_and(|format| format.is_some()));
        assert!(table_format("gif").is_ok_and(|format| format.is_none()));
        let parquet = table_format("parquet");
        assert_eq!(parquet.is_err(), !cfg!(feature = "parquet"));
        if let Err(message) = parquet {
            assert!(message.starts_with("parquet is not in this build: ") && message.contains("--features parquet"));
        }
    }
}
