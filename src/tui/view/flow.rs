//! Laying tokens out as running text: words stay whole, line breaks break, and each mask keeps its place.
//!
//! By hand, since no widget of ratatui or other crate can be asked which cells show which token; and clicks, selection
//! and moves between rows need just that.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::printable;

/// What kind of ink a piece of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ink {
    /// Text of a token.
    Text,
    /// The draft that stands in place of a mask.
    Draft,
    /// The sign of a mask.
    Mask,
    /// A sign for a token that has no visible text of its own.
    Sign,
    /// The border between two blocks.
    Border,
}

impl Ink {
    /// Whether it stands for a place that is still open.
    fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Mask)
    }
}

/// A token to lay out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// Absolute position.
    pub position: usize,
    /// What is shown of it.
    pub text: Cow<'a, str>,
    /// How.
    pub ink: Ink,
    /// Whether a block begins with it.
    pub opens_block: bool,
}

/// A piece of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The position that it shows; `None` for a block border.
    pub position: Option<usize>,
    /// First cell, from the left of the row.
    pub x: u16,
    /// Cells.
    pub width: u16,
    /// What is shown.
    pub text: String,
    /// How.
    pub ink: Ink,
    /// Positions of later tokens whose text completes the last grapheme of this one.
    pub completed_by: Vec<usize>,
}

impl Fragment {
    /// Whether it shows a position, by itself or as a part of a grapheme.
    pub fn shows(&self, position: usize) -> bool {
        self.position == Some(position) || self.completed_by.contains(&position)
    }
}

/// A row of pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextRow {
    /// Its pieces, from left to right.
    pub pieces: Vec<Fragment>,
}

impl TextRow {
    /// The first position that the row shows.
    pub fn first(&self) -> Option<usize> {
        self.pieces.iter().find_map(|piece| piece.position)
    }

    /// Whether it shows a position.
    pub fn shows(&self, position: usize) -> bool {
        self.pieces.iter().any(|piece| piece.shows(position))
    }
}

/// Something that no line break may fall into.
struct Atom {
    position: Option<usize>,
    text: String,
    width: u16,
    ink: Ink,
}

struct Layout {
    width: u16,
    rows: Vec<TextRow>,
    row: TextRow,
    x: u16,
    word: Vec<Atom>,
    word_width: u16,
}

/// Lays tokens out in rows of `width` cells. A line break is shown by `newline`, a border by `border`.
pub fn flow(tokens: &[Token<'_>], width: u16, newline: &str, border: &str) -> Vec<TextRow> {
    let mut layout = Layout {
        width: width.max(2),
        rows: Vec::new(),
        row: TextRow::default(),
        x: 0,
        word: Vec::new(),
        word_width: 0,
    };
    let mut last: Option<Preceding> = None;
    let (texts, completions) = whole_graphemes(tokens);
    for (token, text) in tokens.iter().zip(&texts) {
        if token.opens_block {
            layout.border(border, last, text);
        } else if stands_apart(last, token.ink, text) {
            layout.gap();
        }
        match token.ink {
            Ink::Text if text.is_empty() => continue,
            Ink::Text => layout.text(token.position, text, newline),
            ink => {
                let width = crate::tui::view::pen::width(text).min(layout.width);
                layout.end_word_before_sign(ink, last.map(|last| last.ink));
                layout.atom(Atom { position: Some(token.position), text: text.to_string(), width, ink });
                layout.end_word();
            }
        }
        last = Some(Preceding { ink: token.ink, ends_blank: text.ends_with([' ', '\n']) });
    }
    layout.end_word();
    layout.end_row();
    for (position, completed) in completions {
        let pieces = layout.rows.iter_mut().rev().flat_map(|row| row.pieces.iter_mut().rev());
        if let Some(piece) = pieces.into_iter().find(|piece| piece.position == Some(completed)) {
            piece.completed_by.push(position);
        }
    }
    layout.rows
}

/// What was laid out last.
#[derive(Clone, Copy)]
struct Preceding {
    ink: Ink,
    ends_blank: bool,
}

/// Whether a cell of nothing stands before a token.
fn stands_apart(last: Option<Preceding>, ink: Ink, text: &str) -> bool {
    let begins_with_word = text.chars().next().is_some_and(char::is_alphanumeric);
    match last {
        // Open places are no text: they stand apart from each other and from words.
        Some(Preceding { ink: before, .. }) if before.is_open() => ink != Ink::Text || begins_with_word,
        Some(Preceding { ends_blank, .. }) => ink.is_open() && !ends_blank && !text.starts_with([' ', '\n']),
        None => false,
    }
}

/// The texts of the tokens, cut so that a grapheme which several of them make is whole in the first one's; and which
/// tokens have no other text than such a part, with the token that they complete.
fn whole_graphemes<'a>(tokens: &'a [Token<'_>]) -> (Vec<Cow<'a, str>>, Vec<(usize, usize)>) {
    let mut texts: Vec<Cow<'a, str>> = tokens.iter().map(|token| Cow::Borrowed(&*token.text)).collect();
    let mut completions = Vec::new();
    // The token that the text so far ends with. Tokens without text stand between the parts of a grapheme as well.
    let mut before: Option<usize> = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.ink == Ink::Draft {
            before = None;
        }
        if token.ink != Ink::Text {
            continue;
        }
        let part = before.map_or(0, |before| completion(&texts[before], &token.text));
        if let Some(before) = before.filter(|_| part > 0) {
            let (part, rest) = token.text.split_at(part);
            texts[before].to_mut().push_str(part);
            texts[at] = Cow::Borrowed(rest);
            if rest.is_empty() {
                completions.push((token.position, tokens[before].position));
                continue;
            }
        }
        before = Some(at);
    }
    (texts, completions)
}

/// Bytes at the beginning of `text` that belong to the last grapheme of `before`.
fn completion(before: &str, text: &str) -> usize {
    // Nothing in ASCII belongs to what is before it.
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii()) {
        return 0;
    }
    let last = before.graphemes(true).next_back().unwrap_or_default();
    let joined = format!("{last}{text}");
    joined.graphemes(true).next().map_or(0, |first| first.len().saturating_sub(last.len()))
}

impl Layout {
    fn text(&mut self, position: usize, text: &str, newline: &str) {
        for grapheme in text.graphemes(true).map(|grapheme| printable::standing(Cow::Borrowed(grapheme))) {
            let width = grapheme.width() as u16;
            match &*grapheme {
                "\n" => {
                    self.end_word();
                    self.place(Atom { position: Some(position), text: newline.to_owned(), width: 1, ink: Ink::Sign });
                    self.end_row();
                }
                " " => {
                    self.end_word();
                    // A blank at the end of a full row hangs over the edge, unseen.
                    if self.x < self.width {
                        self.place(Atom { position: Some(position), text: " ".to_owned(), width: 1, ink: Ink::Text });
                    }
                }
                _ => {
                    // Wide scripts have no blanks: a line may break between any two of their characters.
                    if width > 1 {
                        self.end_word();
                    }
                    let text = grapheme.into_owned();
                    self.atom(Atom { position: Some(position), text, width, ink: Ink::Text });
                    if width > 1 {
                        self.end_word();
                    }
                }
            }
        }
    }

    fn atom(&mut self, atom: Atom) {
        self.word_width = self.word_width.saturating_add(atom.width);
        self.word.push(atom);
    }

    /// One cell of nothing, unless at the left edge.
    fn gap(&mut self) {
        self.end_word();
        if self.x > 0 && self.x < self.width {
            self.x += 1;
        }
    }

    /// The border of a block, before a token of that text.
    fn border(&mut self, border: &str, last: Option<Preceding>, text: &str) {
        if last.is_some_and(|last| !last.ends_blank) {
            self.gap();
        }
        self.atom(Atom { position: None, text: border.to_owned(), width: 1, ink: Ink::Border });
        if text.starts_with([' ', '\n']) {
            self.end_word();
        } else {
            self.gap();
        }
    }

    /// A sign such as end of text follows text at once, but a row of signs may break anywhere.
    fn end_word_before_sign(&mut self, ink: Ink, last: Option<Ink>) {
        if ink != Ink::Sign || last == Some(Ink::Sign) {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        if self.x > 0 && self.x.saturating_add(self.word_width) > self.width {
            self.drop_torn_blank();
            self.end_row();
        }
        self.word_width = 0;
        for atom in std::mem::take(&mut self.word) {
            self.place(atom);
        }
    }

    /// The space that the next word brings along stays at the end of no row: the word begins on the next one.
    fn drop_torn_blank(&mut self) {
        let next = self.word.first().map(|atom| atom.position);
        if self.row.pieces.last().is_some_and(|last| last.text.trim().is_empty() && Some(last.position) == next) {
            self.row.pieces.pop();
        }
    }

    fn place(&mut self, atom: Atom) {
        if self.x > 0 && self.x.saturating_add(atom.width) > self.width {
            self.end_row();
        }
        let Atom { position, text, width, ink } = atom;
        match self.row.pieces.last_mut() {
            Some(last)
                if last.position == position
                    && position.is_some()
                    && last.ink == ink
                    && last.x + last.width == self.x =>
            {
                last.text.push_str(&text);
                last.width += width;
            }
            _ => self.row.pieces.push(Fragment { position, x: self.x, width, text, ink, completed_by: Vec::new() }),
        }
        self.x = self.x.saturating_add(width);
    }

    fn end_row(&mut self) {
        if self.x > 0 || !self.row.pieces.is_empty() {
            self.rows.push(std::mem::take(&mut self.row));
        }
        self.x = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens<'a>(texts: &'a [(&'a str, Ink)]) -> Vec<Token<'a>> {
        texts
            .iter()
            .enumerate()
            .map(|(position, (text, ink))| Token { position, text: (*text).into(), ink: *ink, opens_block: false })
            .collect()
    }

    fn drawn(rows: &[TextRow]) -> Vec<String> {
        rows.iter()
            .map(|row| {
                let mut line = String::new();
                for piece in &row.pieces {
                    while line.chars().count() < usize::from(piece.x) {
                        line.push(' ');
                    }
                    line.push_str(&piece.text);
                }
                line
            })
            .collect()
    }

    #[test]
    fn words_of_several_tokens_stay_whole() {
        let tokens = tokens(&[("the ", Ink::Text), ("den", Ink::Text), ("oiser", Ink::Text), (" runs", Ink::Text)]);
        assert_eq!(drawn(&flow(&tokens, 12, "↵", "┊")), ["the denoiser", "runs"]);
    }

    #[test]
    fn drafts_stand_apart_from_words_and_each_other() {
        let tokens = tokens(&[
            ("Laura", Ink::Text),
            ("░░", Ink::Draft),
            ("░░", Ink::Draft),
            (".", Ink::Text),
            ("She", Ink::Text),
            ("░░", Ink::Draft),
            ("went", Ink::Text),
        ]);
        assert_eq!(drawn(&flow(&tokens, 40, "↵", "┊")), ["Laura ░░ ░░.She ░░ went"]);
    }

    #[test]
    fn line_breaks_break_and_keep_indentation() {
        let tokens = tokens(&[("def f():", Ink::Text), ("\n    ", Ink::Text), ("return", Ink::Text)]);
        assert_eq!(drawn(&flow(&tokens, 40, "↵", "┊")), ["def f():↵", "    return"]);
    }

    #[test]
    fn wide_characters_break_anywhere_and_never_overhang() {
        let tokens = tokens(&[("日本語日本語", Ink::Text)]);
        let rows = flow(&tokens, 5, "↵", "┊");
        assert_eq!(drawn(&rows), ["日本", "語日", "本語"]);
        assert!(rows.iter().flat_map(|row| &row.pieces).all(|piece| piece.x + piece.width <= 5));
    }

    #[test]
    fn a_word_longer_than_the_row_is_split() {
        let tokens = tokens(&[("abcdefghij", Ink::Text)]);
        assert_eq!(drawn(&flow(&tokens, 4, "↵", "┊")), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn a_block_border_stands_between_its_tokens() {
        let mut tokens = tokens(&[("one", Ink::Text), ("░░", Ink::Draft)]);
        tokens[1].opens_block = true;
        assert_eq!(drawn(&flow(&tokens, 40, "↵", "┊")), ["one ┊ ░░"]);
    }

    #[test]
    fn a_grapheme_of_several_tokens_is_drawn_whole() {
        let coder = [("👩", Ink::Text), ("·", Ink::Sign), ("\u{200d}", Ink::Text), ("💻!", Ink::Text)];
        let rows = flow(&tokens(&coder), 40, "↵", "┊");
        let pieces: Vec<_> = rows[0].pieces.iter().map(|piece| (piece.text.as_str(), piece.x, piece.width)).collect();
        assert_eq!(pieces, [("👩\u{200d}💻", 0, 2), ("·", 2, 1), ("!", 3, 1)]);
        assert_eq!(rows[0].pieces[0].completed_by, [2]);
        assert!((0..4).all(|position| rows[0].shows(position)));
        let persian = [("می", Ink::Text), ("\u{200c}", Ink::Text), ("خواهم", Ink::Text)];
        assert_eq!(drawn(&flow(&tokens(&persian), 40, "↵", "┊")), ["می\u{200c}خواهم"]);
        let heart = [("❤", Ink::Text), ("\u{fe0f}", Ink::Text), (" e", Ink::Text), ("\u{301}", Ink::Text)];
        assert_eq!(drawn(&flow(&tokens(&heart), 40, "↵", "┊")), ["❤\u{fe0f} e\u{301}"]);
    }

    #[test]
    fn a_mark_without_a_letter_stands_on_a_circle() {
        let tokens = tokens(&[("e", Ink::Text), ("░░", Ink::Draft), ("\u{301}", Ink::Text)]);
        assert_eq!(drawn(&flow(&tokens, 40, "↵", "┊")), ["e ░░◌\u{301}"]);
    }

    #[test]
    fn every_position_keeps_its_place() {
        let tokens = tokens(&[("a", Ink::Text), ("∎", Ink::Sign), ("∎", Ink::Sign), ("░░", Ink::Draft)]);
        let rows = flow(&tokens, 3, "↵", "┊");
        for position in 0..4 {
            assert!(rows.iter().any(|row| row.shows(position)), "{position}");
        }
    }
}
