//! What is shown, as a recording or a table.

use super::{
    Binding, Context, Group, Hint, Key,
    conditions::{always, exportable, exporting, several_values},
    key::{char, ctrl},
};
use crate::tui::{
    action::{Action, Overlay},
    app::App,
};

const WITH_EXPORT: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures, Context::Compare, Context::Export];
const EXPORT: &[Context] = &[Context::Export, Context::ExportText];

pub(super) fn bindings() -> Vec<Binding> {
    rows! { Run;
        "export.toggle" [char('E')] Action::Toggle(Overlay::Export), WITH_EXPORT, exportable, "export: a recording or a table", 12 export_words;
        "export.less"   [Key::LEFT, char('h')] Action::ExportTurn(-1), EXPORT, several_values, "the value before" in "change a value of an export";
        "export.more"   [Key::RIGHT, char('l')] Action::ExportTurn(1), EXPORT, several_values, "the next value" in "change a value of an export", 1 "change";
        "export.write"  [char('w'), ctrl('s')] Action::WriteExport, EXPORT, always, "write the export", 0 "write";
        "export.cancel" [char('x'), ctrl('x')] Action::CancelExport, EXPORT, exporting, "break the export off", 2 "break off";
    }
}

fn export_words(app: &App) -> &'static str {
    if app.overlays.is_empty() { "export" } else { "" }
}
