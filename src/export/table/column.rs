//! What a column is: its name, what it means, and how its value is read.

use super::row::TableRow;

/// A column, declared once: the files, their schema and `docs/tables.md` follow from it.
#[derive(Debug)]
pub struct TableColumn {
    /// Its name. Of a column that there is for every layer, the layer's number follows.
    pub name: &'static str,
    /// The unit of its values; empty where they have none.
    pub unit: &'static str,
    /// What it says, half a line.
    pub about: &'static str,
    /// When it has no value; empty where it always has one.
    pub empty: &'static str,
    /// Whether there is one for every layer of the denoiser, in tables of runs that were audited.
    pub is_per_layer: bool,
    pub(super) accessor: Accessor,
}

/// How a value is read, by its type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Accessor {
    Integer(fn(&TableRow<'_>) -> Option<i64>),
    Number(fn(&TableRow<'_>) -> Option<f32>),
    Flag(fn(&TableRow<'_>) -> Option<bool>),
    Text(fn(&TableRow<'_>) -> Option<String>),
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// A whole number, in 64 bits with a sign.
    Integer,
    /// A 32-bit float.
    Number,
    /// True or false.
    Flag,
    /// Printable text on one line.
    Text,
}

impl ColumnType {
    /// Its word in the documentation.
    pub fn word(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Text => "text",
        }
    }
}

/// A value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum TableValue {
    /// Of an integer column.
    Integer(i64),
    /// Of a number column; finite.
    Number(f32),
    /// Of a flag column.
    Flag(bool),
    /// Of a text column.
    Text(String),
}

impl TableColumn {
    /// A column that has a value in every row.
    pub(super) const fn new(name: &'static str, unit: &'static str, about: &'static str, accessor: Accessor) -> Self {
        Self { name, unit, about, empty: "", is_per_layer: false, accessor }
    }

    /// The same column with rows in which it is empty.
    pub(super) const fn empty(self, when: &'static str) -> Self {
        Self { empty: when, ..self }
    }

    /// The same column for every layer.
    pub(super) const fn per_layer(self) -> Self {
        Self { is_per_layer: true, ..self }
    }

    /// The type of its values.
    pub fn kind(&self) -> ColumnType {
        match self.accessor {
            Accessor::Integer(_) => ColumnType::Integer,
            Accessor::Number(_) => ColumnType::Number,
            Accessor::Flag(_) => ColumnType::Flag,
            Accessor::Text(_) => ColumnType::Text,
        }
    }

    /// Its value in a row.
    pub(super) fn value(&self, row: &TableRow<'_>) -> Option<TableValue> {
        match self.accessor {
            Accessor::Integer(read) => read(row).map(TableValue::Integer),
            Accessor::Number(read) => read(row).map(TableValue::Number),
            Accessor::Flag(read) => read(row).map(TableValue::Flag),
            Accessor::Text(read) => read(row).map(TableValue::Text),
        }
    }
}
