//! The prompt editor: text, history, and what the embedded pair can make of the prompt.

use std::cell::{Ref, RefCell};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use crate::engine::prompt::plain;

/// The longest text that the editor takes, in bytes: more tokens than most models have context, and few enough to lay
/// out again with every picture.
pub const LONGEST: usize = 128 << 10;

/// The text does not fit into the editor beside what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// The editor with its history.
#[derive(Debug)]
pub struct PromptEditor {
    draft: RefCell<Draft>,
    history: Vec<String>,
    /// Index into the history; `None` while the user's own text is shown.
    recalled: Option<usize>,
    /// The user's own text, kept while an older one is shown.
    own: String,
}

/// The text area, and what was typed since it was last looked at: each change costs it a look at the whole text, which
/// a burst of keys shall not cost once per key.
#[derive(Debug)]
struct Draft {
    area: TextArea<'static>,
    typed: String,
}

impl Draft {
    fn new(text: &str) -> Self {
        let mut area = TextArea::new(plain(text).split('\n').map(str::to_owned).collect());
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self { area, typed: String::new() }
    }

    fn settle(&mut self) {
        if !self.typed.is_empty() {
            self.area.insert_str(std::mem::take(&mut self.typed));
        }
    }

    fn bytes(&self) -> usize {
        self.area.lines().iter().map(|line| line.len() + 1).sum::<usize>() - 1 + self.typed.len()
    }
}

impl PromptEditor {
    /// An editor that holds `text`, with the cursor at its end.
    pub fn new(text: &str) -> Self {
        let draft = RefCell::new(Draft::new(text));
        Self { draft, history: Vec::new(), recalled: None, own: String::new() }
    }

    fn area(&self) -> Ref<'_, TextArea<'static>> {
        // Where it is borrowed already, it was settled then, and nobody can have typed since.
        if let Ok(mut draft) = self.draft.try_borrow_mut() {
            draft.settle();
        }
        Ref::map(self.draft.borrow(), |draft| &draft.area)
    }

    fn area_mut(&mut self) -> &mut TextArea<'static> {
        let draft = self.draft.get_mut();
        draft.settle();
        &mut draft.area
    }

    /// The text.
    pub fn text(&self) -> String {
        self.area().lines().join("\n")
    }

    /// Whether there is nothing but blanks.
    pub fn is_blank(&self) -> bool {
        self.area().lines().iter().all(|line| line.trim().is_empty())
    }

    /// The lines, for drawing.
    pub fn lines(&self) -> Ref<'_, [String]> {
        Ref::map(self.area(), |area| area.lines())
    }

    /// Row and column (in characters) of the text cursor.
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.area().cursor();
        (cursor.0, cursor.1)
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        *self.draft.get_mut() = Draft::new(text);
    }

    /// A key that edits.
    pub fn key(&mut self, key: KeyEvent) -> Result<(), TooLong> {
        match key.code {
            KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                let mut bytes = [0; 4];
                let text = plain(c.encode_utf8(&mut bytes));
                let draft = self.draft.get_mut();
                make_room(draft, text.len())?;
                draft.typed.push_str(&text);
                self.recalled = None;
            }
            _ => {
                if self.area_mut().input(key) {
                    self.recalled = None;
                }
            }
        }
        Ok(())
    }

    /// Inserts text in one go.
    pub fn insert(&mut self, text: &str) -> Result<(), TooLong> {
        let text = plain(text);
        make_room(self.draft.get_mut(), text.len())?;
        self.area_mut().insert_str(text);
        self.recalled = None;
        Ok(())
    }

    /// Breaks the line.
    pub fn newline(&mut self) -> Result<(), TooLong> {
        self.insert("\n")
    }

    /// Clears from the cursor to the start of its line.
    pub fn clear(&mut self) {
        let area = self.area_mut();
        area.cancel_selection();
        // At the start the area would join the line to the one before.
        if area.cursor().1 > 0 {
            area.delete_line_by_head();
            self.recalled = None;
        }
    }

    /// Takes the last change back.
    pub fn undo(&mut self) {
        self.area_mut().undo();
    }

    /// Makes again what was taken back.
    pub fn redo(&mut self) {
        self.area_mut().redo();
    }

    /// Notes that the text was run. Returns whether another one was run before.
    pub fn remember(&mut self) -> bool {
        let text = self.text();
        let is_other = self.history.last() != Some(&text);
        self.history.retain(|old| *old != text);
        self.history.push(text);
        self.recalled = None;
        is_other
    }

    /// Puts prompts that were run at other times before those of this one, the oldest first.
    pub fn recall(&mut self, mut earlier: Vec<String>) {
        earlier.retain(|old| old.len() <= LONGEST && !self.history.contains(old));
        self.recalled = self.recalled.map(|at| at + earlier.len());
        self.history.splice(0..0, earlier);
    }

    /// One line up; from the first line, the prompt before.
    pub fn older(&mut self) {
        if self.cursor().0 > 0 {
            self.area_mut().move_cursor(CursorMove::Up);
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
        if self.cursor().0 + 1 < self.lines().len() {
            self.area_mut().move_cursor(CursorMove::Down);
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

fn make_room(draft: &Draft, bytes: usize) -> Result<(), TooLong> {
    if draft.bytes() + bytes <= LONGEST { Ok(()) } else { Err(TooLong) }
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
    fn text_stays_what_it_was() {
        let text = "\tمی\u{200c}خواهم ❤\u{fe0f} 👩\u{200d}💻 e\u{301}\u{202e}\n";
        let mut editor = PromptEditor::new(text);
        assert_eq!(editor.text(), text);
        editor.remember();
        editor.set("");
        assert_eq!(editor.insert(text), Ok(()));
        assert_eq!(editor.text(), text);
        editor.set("other");
        editor.older();
        assert_eq!(editor.text(), text);
    }

    #[test]
    fn a_burst_of_keys_is_text_at_once() {
        let mut editor = PromptEditor::new("");
        let typed = "a word ".repeat(5000);
        for c in typed.chars() {
            assert_eq!(editor.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)), Ok(()));
        }
        assert_eq!(editor.draft.borrow().area.lines(), [""], "nobody has looked");
        assert_eq!(editor.cursor(), (0, typed.len()));
        assert_eq!(editor.text(), typed);
    }

    #[test]
    fn the_longest_text_is_not_exceeded() {
        let mut editor = PromptEditor::new("");
        assert_eq!(editor.insert(&"a".repeat(LONGEST + 1)), Err(TooLong));
        assert!(editor.is_blank());
        assert_eq!(editor.insert(&"é\n".repeat(LONGEST / 3)), Ok(()));
        let key = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        let typed = (0..5).take_while(|_| editor.key(key) == Ok(())).count();
        assert_eq!((typed, editor.text().len()), (LONGEST % 3, LONGEST));
        assert_eq!(editor.newline(), Err(TooLong));
    }

    #[test]
    fn clearing_reaches_to_the_start_of_the_line_and_can_be_undone() {
        let mut editor = PromptEditor::new("one\ntwo three");
        for _ in 0..5 {
            assert_eq!(editor.key(KeyEvent::new(KeyCode::Left, KeyModifiers::NONE)), Ok(()));
        }
        editor.clear();
        editor.clear();
        assert_eq!(editor.text(), "one\nthree");
        editor.undo();
        assert_eq!(editor.text(), "one\ntwo three");
        editor.redo();
        assert_eq!(editor.text(), "one\nthree");
    }
}
