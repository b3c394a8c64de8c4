//! Tables of text: aligned for terminals, or as Markdown.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

/// How the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a heading.
#[derive(Debug, Clone)]
pub(super) struct Table {
    heading: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of these columns.
    pub(super) fn new(heading: &[(&'static str, Align)]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    /// Appends a row, one cell per column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.heading.len(), "a row has a cell for every column");
        self.rows.push(cells);
    }

    /// Writes it with aligned columns, two spaces apart.
    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths();
        for row in std::iter::once(&self.names()).chain(&self.rows) {
            let line = self.aligned(row, &widths).join("  ");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Writes it as Markdown.
    pub(super) fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let escaped = |row: &[String]| -> Vec<String> { row.iter().map(|cell| cell.replace('|', "\\|")).collect() };
        writeln!(out, "| {} |", escaped(&self.names()).join(" | "))?;
        let rules: Vec<&str> =
            self.heading.iter().map(|(_, align)| if *align == Align::Left { "---" } else { "---:" }).collect();
        writeln!(out, "| {} |", rules.join(" | "))?;
        for row in &self.rows {
            writeln!(out, "| {} |", escaped(row).join(" | "))?;
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.heading.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        let names = self.heading.iter().enumerate();
        names.map(|(column, (name, _))| name.width().max(width(column))).collect()
    }

    fn aligned(&self, row: &[String], widths: &[usize]) -> Vec<String> {
        row.iter()
            .zip(widths)
            .zip(&self.heading)
            .map(|((cell, width), (_, align))| {
                let space = " ".repeat(width.saturating_sub(cell.width()));
                match align {
                    Align::Left => format!("{cell}{space}"),
                    Align::Right => format!("{space}{cell}"),
                }
            })
            .collect()
    }
}
