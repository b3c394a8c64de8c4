//! Comma-separated values, RFC 4180.

use std::io::{self, Write};

use super::{LogTable, TableFormat, TableValue};

/// Comma-separated values with the names of the columns in the first line; what is empty has no characters.
#[derive(Debug)]
pub(super) struct Csv;

impl TableFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "comma-separated values"
    }

    fn write(&self, table: &LogTable<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = ::csv::Writer::from_writer(out);
        csv.write_record(table.headings().iter().map(|heading| &heading.name)).map_err(cause)?;
        table.rows(&mut |values| csv.write_record(values.iter().map(|value| field(value.as_ref()))).map_err(cause))?;
        csv.flush()
    }
}

/// What went wrong with the output: its own error, by which a closed pipe is another thing than a full disk.
fn cause(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn field(value: Option<&TableValue>) -> String {
    match value {
        None => String::new(),
        Some(TableValue::Integer(number)) => number.to_string(),
        Some(TableValue::Number(number)) => number.to_string(),
        Some(TableValue::Flag(flag)) => flag.to_string(),
        Some(TableValue::Text(text)) => text.clone(),
    }
}
