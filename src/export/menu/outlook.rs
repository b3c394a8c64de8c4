//! What would come of what is chosen, before anything is drawn: in cells, pixels, frames and seconds, or rows and columns.

use super::{ExportChoices, values::seconds};
use crate::{
    export::{ExportField, ExportFormat, Exporter, frames, table::LogTable},
    trace::Log,
    tui::view::plural,
};

/// A line about it, or why nothing would come of it.
pub(super) fn of(choices: &ExportChoices, logs: &[&Log]) -> Result<String, String> {
    match (choices.format, logs) {
        (ExportFormat::Recording(format), _) => recording(format, choices, logs),
        (ExportFormat::Table(_), [log, others @ ..]) => {
            let table = LogTable::new(log, choices.table);
            let size = format!("{} of {} columns", plural(table.len(), "row"), table.headings().len());
            Ok(if others.is_empty() { size } else { format!("of the first run alone: {size}") })
        }
        (ExportFormat::Table(_), []) => Err("there is no run".to_owned()),
    }
}

fn recording(format: &dyn Exporter, choices: &ExportChoices, logs: &[&Log]) -> Result<String, String> {
    let options = choices.effective();
    let frames = frames(logs, &options).map_err(|error| error.to_string())?;
    if let Some(refusal) = format.refusal(&options) {
        return Err(refusal.to_owned());
    }
    let cells = || format!("{}×{} cells", options.width, options.height);
    let pixels = || {
        let (across, down) = options.pixels();
        format!("{across}×{down} pixels")
    };
    let mut parts = Vec::new();
    parts.extend(format.heeds(ExportField::Size).then(cells));
    parts.extend(format.heeds(ExportField::FontSize).then(pixels));
    match (format.heeds(ExportField::Pace), format.heeds(ExportField::Size)) {
        (true, _) => parts.extend([plural(frames.len(), "frame"), seconds(frames.end())]),
        (false, true) => parts.push("one picture".to_owned()),
        (false, false) => parts.extend(frames.log().map(|log| plural(log.len(), "step"))),
    }
    Ok(parts.join(", "))
}
