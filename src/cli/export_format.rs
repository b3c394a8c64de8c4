//! What `diffuscope export` can make of a trace: recordings and tables, by name or by the suffix of the file.

use super::{destination::Destination, failure::Failure};
use crate::{
    export::{
        self, Exporter, FORMATS,
        table::{TABLE_FORMATS, TableFormat, table_format},
    },
    printable,
};

/// What the file becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum ExportFormat {
    /// A recording.
    Recording(&'static dyn Exporter),
    /// A table.
    Table(&'static dyn TableFormat),
}

impl ExportFormat {
    /// The one of that name, or of files with that suffix.
    ///
    /// # Errors
    /// One sentence, where there is none or this build does not have it.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        if let Some(format) = table_format(name)? {
            return Ok(Self::Table(format));
        }
        export::format(name).map(Self::Recording).ok_or_else(|| format!("there are {}", names()))
    }

    /// The format of a file: the one that was asked for, which has to fit the file's suffix, or the one that the suffix
    /// stands for.
    pub(super) fn of(asked: Option<Self>, destination: &Destination) -> Result<Self, Failure> {
        let file = destination.name();
        let suffix = destination.path().extension().map(|suffix| suffix.to_string_lossy());
        match (asked, suffix) {
            (Some(format), Some(suffix)) if !format.has_suffix(&suffix) => Err(Failure::Usage(format!(
                "{file} is no name for {}: its files end in {}",
                format.name(),
                format.suffixes()
            ))),
            (Some(format), _) => Ok(format),
            (None, Some(suffix)) => match table_format(&suffix).map_err(Failure::Usage)? {
                Some(format) => Ok(Self::Table(format)),
                None => export::format_of(&suffix).map(Self::Recording).ok_or_else(|| {
                    let (suffix, known) = (printable::line(&suffix), names());
                    Failure::Usage(format!("{file}: .{suffix} stands for no format; choose one by --format: {known}"))
                }),
            },
            (None, None) => Ok(Self::Recording(FORMATS[0])),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Recording(format) => format.name(),
            Self::Table(format) => format.name(),
        }
    }

    fn has_suffix(self, suffix: &str) -> bool {
        match self {
            Self::Recording(format) => export::has_suffix(format, suffix),
            Self::Table(format) => format.name().eq_ignore_ascii_case(suffix),
        }
    }

    /// ".png or .apng".
    fn suffixes(self) -> String {
        match self {
            Self::Recording(format) => {
                format.suffixes().iter().map(|suffix| format!(".{suffix}")).collect::<Vec<_>>().join(" or ")
            }
            Self::Table(format) => format!(".{}", format.name()),
        }
    }

    /// A name, what it is good for, and its suffixes.
    fn help(self) -> String {
        let about = match self {
            Self::Recording(format) => format.about(),
            Self::Table(format) => format.about(),
        };
        format!("{}, {about} ({})", self.name(), self.suffixes())
    }
}

/// Every one of this build, recordings first.
fn all() -> impl Iterator<Item = ExportFormat> {
    let tables = TABLE_FORMATS.iter().map(|format| ExportFormat::Table(*format));
    FORMATS.iter().map(|format| ExportFormat::Recording(*format)).chain(tables)
}

fn names() -> String {
    all().map(ExportFormat::name).collect::<Vec<_>>().join(", ")
}

/// What `--format` takes.
pub(super) fn help() -> String {
    format!(
        "Format: {} [default: by the suffix of the file, else {}]",
        all().map(ExportFormat::help).collect::<Vec<_>>().join("; "),
        FORMATS[0].name()
    )
}
