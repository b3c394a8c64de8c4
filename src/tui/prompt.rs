//! The prompt editor: text, history, and what the embedded pair can make of the prompt.

use crossterm::event::KeyEvent;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use crate::trace::printable;

/// The editor with its history.
#[derive(Debug)]
pub struct PromptEditor {
    area: TextArea<'static>,
    history: Vec<String>,
    /// Index into the history; `None` while the user's own text is shown.
    recalled: Option<usize>,
    /// The user's own text, kept while an older one is shown.
    own: String,
}

impl PromptEditor {
    /// An editor that holds `text`, with the cursor at its end.
    pub fn new(text: &str) -> Self {
        let mut editor = Self { area: TextArea::default(), history: Vec::new(), recalled: None, own: String::new() };
        editor.set(text);
        editor
    }

    /// The text.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether there is nothing but blanks.
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// The lines, for drawing.
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Row and column (in characters) of the text cursor.
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        let mut area = TextArea::new(printable::text(text).split('\n').map(str::to_owned).collect());
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        self.area = area;
    }

    /// A key that edits.
    pub fn key(&mut self, key: KeyEvent) {
        if self.area.input(key) {
            self.recalled = None;
        }
    }

    /// Inserts text in one go.
    pub fn insert(&mut self, text: &str) {
        self.area.insert_str(printable::text(text));
        self.recalled = None;
    }

    /// Breaks the line.
    pub fn newline(&mut self) {
        self.area.insert_newline();
        self.recalled = None;
    }

    /// Notes that the text was run.
    pub fn remember(&mut self) {
        let text = self.text();
        self.history.retain(|old| *old != text);
        self.history.push(text);
        self.recalled = None;
    }

    /// One line up; from the first line, the prompt before.
    pub fn older(&mut self) {
        if self.area.cursor().0 > 0 {
            self.area.move_cursor(CursorMove::Up);
            return;
        }
        let next = match self.recalled {
            None => {
                self.own = self.text();
                let newest_is_shown = self.history.last() == Some(&self.own);
                self.history.len().checked_sub(if newest_is_shown { 2 } else { 1 })
            }
            Some(at) => at.checked_sub(1),
        };
        if let Some(text) = next.and_then(|at| self.history.get(at)).cloned() {
            self.set(&text);
            self.recalled = next;
        }
    }

    /// One line down; from the last line, the prompt after.
    pub fn newer(&mut self) {
        if self.area.cursor().0 + 1 < self.area.lines().len() {
            self.area.move_cursor(CursorMove::Down);
            return;
        }
        let Some(at) = self.recalled else { return };
        if let Some(text) = self.history.get(at + 1).cloned() {
            self.set(&text);
            self.recalled = Some(at + 1);
        } else {
            let own = std::mem::take(&mut self.own);
            self.set(&own);
            self.recalled = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_goes_back_and_returns_to_what_was_being_written() {
        let mut editor = PromptEditor::new("one");
        editor.remember();
        editor.set("two");
        editor.remember();
        editor.set("three, unfinished");
        editor.older();
        assert_eq!(editor.text(), "two");
        editor.older();
        editor.older();
        assert_eq!(editor.text(), "one");
        editor.newer();
        editor.newer();
        assert_eq!(editor.text(), "three, unfinished");
    }

    #[test]
    fn the_prompt_that_was_just_run_is_not_its_own_past() {
        let mut editor = PromptEditor::new("one");
        editor.remember();
        editor.set("two");
        editor.remember();
        editor.older();
        assert_eq!(editor.text(), "one");
    }

    #[test]
    fn up_and_down_walk_lines_before_they_walk_history() {
        let mut editor = PromptEditor::new("old");
        editor.remember();
        editor.set("first\nsecond");
        editor.older();
        assert_eq!((editor.text().as_str(), editor.cursor().0), ("first\nsecond", 0));
        editor.older();
        assert_eq!(editor.text(), "old");
    }

    #[test]
    fn pasted_escapes_do_not_survive() {
        let mut editor = PromptEditor::new("");
        editor.insert("a\u{1b}[31mb\r\nc");
        assert_eq!(editor.text(), "a\u{fffd}[31mb\nc");
    }
}
