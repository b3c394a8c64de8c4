//! Apache Parquet, without compression: dictionaries and run lengths already leave little.

use std::{
    io::{self, Write},
    sync::Arc,
};

use ::parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::{ParquetError, Result as Written},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};

use super::{ColumnType, LogTable, TableFormat, TableHeading, TableValue};

/// Rows that are held until they are written column by column.
const ROW_GROUP: usize = 1 << 16;

/// Columns with types; every one may be empty.
#[derive(Debug)]
pub(super) struct Parquet;

impl TableFormat for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn about(&self) -> &'static str {
        "typed columns"
    }

    fn write(&self, table: &LogTable<'_>, out: &mut dyn Write) -> io::Result<()> {
        let schema = schema(table.headings()).map_err(io::Error::other)?;
        // The library writes to what may move between threads only, which `out` need not be. A table of a million rows
        // takes some tens of megabytes.
        let mut bytes = Vec::new();
        let properties = Arc::new(WriterProperties::builder().build());
        let mut file = SerializedFileWriter::new(&mut bytes, schema, properties).map_err(io::Error::other)?;
        let mut group: Vec<ColumnValues> = table.headings().iter().map(ColumnValues::of).collect();
        table.rows(&mut |values| {
            group.iter_mut().zip(values).for_each(|(column, value)| column.push(value.as_ref()));
            if group[0].levels.len() == ROW_GROUP {
                flush(&mut file, &mut group).map_err(io::Error::other)
            } else {
                Ok(())
            }
        })?;
        flush(&mut file, &mut group).and_then(|()| file.close()).map_err(io::Error::other)?;
        out.write_all(&bytes)
    }
}

fn schema(headings: &[TableHeading]) -> Written<TypePtr> {
    let field = |heading: &TableHeading| {
        let (physical, logical) = match heading.kind() {
            ColumnType::Integer => (Physical::INT64, None),
            ColumnType::Number => (Physical::FLOAT, None),
            ColumnType::Flag => (Physical::BOOLEAN, None),
            ColumnType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let builder = Type::primitive_type_builder(&heading.name, physical).with_logical_type(logical);
        builder.with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
    };
    let fields = headings.iter().map(field).collect::<Written<Vec<_>>>()?;
    Ok(Arc::new(Type::group_type_builder("diffuscope").with_fields(fields).build()?))
}

/// Values of one column as Parquet has them: those that are there, and for each row whether one is.
struct ColumnValues {
    /// 1 where there is a value, 0 where there is none.
    levels: Vec<i16>,
    values: TypedValues,
}

enum TypedValues {
    Integers(Vec<i64>),
    Numbers(Vec<f32>),
    Flags(Vec<bool>),
    Texts(Vec<ByteArray>),
}

impl ColumnValues {
    fn of(heading: &TableHeading) -> Self {
        let values = match heading.kind() {
            ColumnType::Integer => TypedValues::Integers(Vec::new()),
            ColumnType::Number => TypedValues::Numbers(Vec::new()),
            ColumnType::Flag => TypedValues::Flags(Vec::new()),
            ColumnType::Text => TypedValues::Texts(Vec::new()),
        };
        Self { levels: Vec::new(), values }
    }

    fn push(&mut self, value: Option<&TableValue>) {
        self.levels.push(value.is_some().into());
        match (&mut self.values, value) {
            (TypedValues::Integers(values), Some(TableValue::Integer(value))) => values.push(*value),
            (TypedValues::Numbers(values), Some(TableValue::Number(value))) => values.push(*value),
            (TypedValues::Flags(values), Some(TableValue::Flag(value))) => values.push(*value),
            (TypedValues::Texts(values), Some(TableValue::Text(value))) => values.push(value.as_str().into()),
            // A column has values of its own type alone.
            _ => {}
        }
    }

    /// Writes them, and is empty again.
    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Written<()> {
        let levels = std::mem::take(&mut self.levels);
        let levels = Some(&levels[..]);
        match (&mut self.values, column) {
            (TypedValues::Integers(values), ColumnWriter::Int64ColumnWriter(column)) => {
                column.write_batch(&std::mem::take(values), levels, None)?
            }
            (TypedValues::Numbers(values), ColumnWriter::FloatColumnWriter(column)) => {
                column.write_batch(&std::mem::take(values), levels, None)?
            }
            (TypedValues::Flags(values), ColumnWriter::BoolColumnWriter(column)) => {
                column.write_batch(&std::mem::take(values), levels, None)?
            }
            (TypedValues::Texts(values), ColumnWriter::ByteArrayColumnWriter(column)) => {
                column.write_batch(&std::mem::take(values), levels, None)?
            }
            _ => return Err(ParquetError::General("a column has another type than the schema says".to_owned())),
        };
        Ok(())
    }
}

/// Writes a group of rows, if there is one.
fn flush(file: &mut SerializedFileWriter<&mut Vec<u8>>, group: &mut [ColumnValues]) -> Written<()> {
    if group.iter().all(|column| column.levels.is_empty()) {
        return Ok(());
    }
    let mut rows = file.next_row_group()?;
    for values in group {
        if let Some(mut column) = rows.next_column()? {
            values.write(column.untyped())?;
            column.close()?;
        }
    }
    rows.close().map(drop)
}
