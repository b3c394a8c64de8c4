//! Tables of text: aligned for terminals, or as Markdown.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

/// How the cells of a column are aligned.
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
    /// Widths of the columns in what was written already; empty before that.
    least: Vec<usize>,
}

impl Table {
    /// A table of these columns.
    pub(super) fn new(heading: &[(&'static str, Align)]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new(), least: Vec::new() }
    }

    /// Appends a row, one cell per column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.heading.len(), "a row has a cell for every column");
        self.rows.push(cells);
    }

    /// Writes the rows with aligned columns, two spaces apart, and forgets them: more may follow. The heading comes before
    /// the first.
    pub(super) fn write_text(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths();
        let line = |row: &[String]| self.aligned(row, &widths).join("  ").trim_end().to_owned();
        if self.least.is_empty() {
            writeln!(out, "{}", line(&self.names()))?;
        }
        self.rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))?;
        self.rows.clear();
        self.least = widths;
        Ok(())
    }

    /// The same as Markdown.
    pub(super) fn write_markdown(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let line = |row: &[String]| {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |", cells.join(" | "))
        };
        if self.least.is_empty() {
            writeln!(out, "{}", line(&self.names()))?;
            let rules = self.heading.iter().map(|(_, align)| if *align == Align::Left { "---" } else { "---:" });
            writeln!(out, "| {} |", rules.collect::<Vec<_>>().join(" | "))?;
        }
        self.rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))?;
        self.least = self.widths();
        self.rows.clear();
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
        let least = |column: usize| self.least.get(column).copied().unwrap_or(0);
        names.map(|(column, (name, _))| name.width().max(width(column)).max(least(column))).collect()
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
