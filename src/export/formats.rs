//! What a file can become: a recording or a table, by name or by the suffix of the file.

use std::path::Path;

use super::{
    ExportField, Exporter, FORMATS, format, format_of, has_suffix,
    table::{TABLE_FORMATS, TableFormat, table_format},
};
use crate::printable;

/// What the file becomes.
#[derive(Debug, Clone, Copy)]
pub enum ExportFormat {
    /// A recording.
    Recording(&'static dyn Exporter),
    /// A table.
    Table(&'static dyn TableFormat),
}

impl PartialEq for ExportFormat {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl ExportFormat {
    /// Every one of this build, recordings first.
    pub fn all() -> impl Iterator<Item = Self> {
        let tables = TABLE_FORMATS.iter().map(|format| Self::Table(*format));
        FORMATS.iter().map(|format| Self::Recording(*format)).chain(tables)
    }

    /// The one of that name, or of files with that suffix.
    ///
    /// # Errors
    /// One sentence, where there is none or this build does not have it.
    pub fn named(name: &str) -> Result<Self, String> {
        if let Some(format) = table_format(name)? {
            return Ok(Self::Table(format));
        }
        format(name).map(Self::Recording).ok_or_else(|| format!("there are {}", Self::names()))
    }

    /// The format of a file: the one that was asked for, which has to fit the file's suffix, or the one that the suffix
    /// stands for; without either the first.
    ///
    /// # Errors
    /// One sentence, where the suffix does not fit, or stands for nothing.
    pub fn of_file(asked: Option<Self>, path: &Path) -> Result<Self, String> {
        let file = printable::line(&path.display().to_string());
        let suffix = path.extension().map(|suffix| suffix.to_string_lossy());
        match (asked, suffix) {
            (Some(format), Some(suffix)) if !format.has_suffix(&suffix) => {
                Err(format!("{file} is no name for {}: its files end in {}", format.name(), format.suffixes()))
            }
            (Some(format), _) => Ok(format),
            (None, Some(suffix)) => match table_format(&suffix)? {
                Some(format) => Ok(Self::Table(format)),
                None => format_of(&suffix).map(Self::Recording).ok_or_else(|| {
                    let (suffix, known) = (printable::line(&suffix), Self::names());
                    format!("{file}: .{suffix} stands for no format; choose one by --format: {known}")
                }),
            },
            (None, None) => Ok(Self::Recording(FORMATS[0])),
        }
    }

    /// What `--format` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recording(format) => format.name(),
            Self::Table(format) => format.name(),
        }
    }

    /// What it is good for, half a line.
    pub fn about(self) -> &'static str {
        match self {
            Self::Recording(format) => format.about(),
            Self::Table(format) => format.about(),
        }
    }

    /// The usual suffix of its files, without the dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Recording(format) => format.suffixes().first().copied().unwrap_or_default(),
            Self::Table(format) => format.name(),
        }
    }

    /// ".png or .apng".
    pub fn suffixes(self) -> String {
        match self {
            Self::Recording(format) => {
                format.suffixes().iter().map(|suffix| format!(".{suffix}")).collect::<Vec<_>>().join(" or ")
            }
            Self::Table(format) => format!(".{}", format.name()),
        }
    }

    /// Whether the choice of this makes a difference to its files.
    pub fn heeds(self, field: ExportField) -> bool {
        match (self, field) {
            (Self::Recording(_), ExportField::Table) => false,
            (Self::Recording(format), _) => format.heeds(field),
            (Self::Table(_), _) => field == ExportField::Table,
        }
    }

    /// Whether it is one screen, that of the last step.
    pub(super) fn is_still(self) -> bool {
        self.heeds(ExportField::Size) && !self.heeds(ExportField::Pace)
    }

    fn has_suffix(self, suffix: &str) -> bool {
        match self {
            Self::Recording(format) => has_suffix(format, suffix),
            Self::Table(format) => format.name().eq_ignore_ascii_case(suffix),
        }
    }

    fn names() -> String {
        Self::all().map(Self::name).collect::<Vec<_>>().join(", ")
    }
}
