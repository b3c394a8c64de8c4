//! Text within pages and pictures for browsers.

/// Text between tags: whatever it holds, it opens no element and ends none.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
