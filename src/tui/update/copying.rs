//! Putting something into the clipboard.

use super::Effect;
use crate::tui::{
    action::{Notice, Overlay},
    app::App,
    copy::{self, CopySource},
};

/// Copies it, and says what it was and how long; or says why not.
pub(super) fn copy(app: &mut App, source: CopySource) -> Vec<Effect> {
    let text = copy::text(app, source).map_err(str::to_owned).and_then(|text| copy::fitting(source, text));
    match text {
        Ok(text) => {
            app.overlays.retain(|overlay| *overlay != Overlay::Copy);
            let bytes = text.len();
            let remark = copy::remark(app, source).map_or_else(String::new, |remark| format!("; {remark}"));
            app.tell(Notice::note(format!("{} is in the clipboard: {bytes} bytes{remark}", source.title())));
            vec![Effect::Copy(text)]
        }
        Err(reason) => {
            app.tell(Notice::error(format!("{} is not copied: {reason}", source.title())));
            Vec::new()
        }
    }
}

/// Copies what is selected in the list.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    CopySource::ALL.get(app.list).map_or_else(Vec::new, |source| copy(app, *source))
}
