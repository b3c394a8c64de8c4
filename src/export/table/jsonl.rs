//! JSON lines.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{LogTable, TableFormat, TableHeading, TableValue};
use crate::trace::json;

/// An object per row, with every column; what is empty is null.
#[derive(Debug)]
pub(super) struct JsonLines;

impl TableFormat for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn about(&self) -> &'static str {
        "a JSON object per row"
    }

    fn write(&self, table: &LogTable<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut out = io::BufWriter::new(out);
        table.rows(&mut |values| {
            json::write(&mut out, &JsonRow { headings: table.headings(), values })?;
            out.write_all(b"\n")
        })?;
        out.flush()
    }
}

struct JsonRow<'a> {
    headings: &'a [TableHeading],
    values: &'a [Option<TableValue>],
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.headings.len()))?;
        for (heading, value) in self.headings.iter().zip(self.values) {
            let name = &heading.name;
            match value {
                None => map.serialize_entry(name, &())?,
                Some(TableValue::Integer(number)) => map.serialize_entry(name, number)?,
                Some(TableValue::Number(number)) => map.serialize_entry(name, number)?,
                Some(TableValue::Flag(flag)) => map.serialize_entry(name, flag)?,
                Some(TableValue::Text(text)) => map.serialize_entry(name, text)?,
            }
        }
        map.end()
    }
}
