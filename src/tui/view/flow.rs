//! Laying tokens out as running text that holds still.
//!
//! A line is ruled for a number of positions, whatever will stand there, and each open position has a slot of its own in
//! it: a draft is cut to its slot, so that no draft moves anything. What is written flows: the tokens of a word join,
//! text follows text. Where the text of a line turns out to be wider than the line, its open slots give way first; then
//! its last words go over into the next line, which as a rule has room for them. A written line break ends a line, and the
//! ruling begins again behind it; what fits into one row between two of them is one row, so that code stands as it is
//! written. All of this follows from the canvas of the shown step alone.
//!
//! By hand, since no widget of ratatui or other crate can be asked which cells show which token; and clicks, selection
//! and moves between rows need just that.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{
    pen::cut,
    row::{Fragment, Ink, TextRow, Token},
};
use crate::{printable, tui::theme::Glyphs};

/// Cells of a slot, at least and at most, the gap behind it included.
const SLOTS: std::ops::RangeInclusive<u16> = 5..=7;

/// Cells that a draft keeps in the fullest of lines.
const LEAST_DRAFT: u16 = 2;

/// How lines are ruled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// Cells of a row.
    width: u16,
    /// Positions of a line.
    positions: usize,
    /// Cells from one slot to the next.
    slot: u16,
}

impl Ruling {
    /// For `count` positions in rows of `width` cells: slots as wide as `height` rows allow.
    pub fn of(count: usize, width: u16, height: u16) -> Self {
        let width = width.max(2);
        let per_line = |slot: u16| usize::from((width / slot).max(1));
        let fits = |slot: &u16| count.div_ceil(per_line(*slot)) <= usize::from(height);
        let positions = per_line(SLOTS.rev().find(fits).unwrap_or(*SLOTS.start()));
        Self { width, positions, slot: width / positions as u16 }
    }

    /// For what is written from the beginning: rows as full as they get.
    pub fn none(width: u16) -> Self {
        Self { positions: usize::MAX, ..Self::of(0, width, 0) }
    }

    /// Lines that so many positions take, where none breaks the line.
    pub fn lines(&self, count: usize) -> usize {
        count.div_ceil(self.positions)
    }

    /// Cells of a slot without its gap.
    fn draft(&self) -> u16 {
        self.slot.saturating_sub(1).max(1)
    }
}

/// What a word is to its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WordKind {
    Text,
    /// A blank that no break needs.
    Blank,
    /// An open position.
    Open,
}

/// Something that no line break may fall into.
struct Word {
    /// Index of its first token.
    index: usize,
    kind: WordKind,
    atoms: Vec<Atom>,
    width: u16,
    /// Whether a cell of nothing stands before it.
    gap: bool,
    /// Whether it begins at its slot, where lines are ruled: it is open or a sign, or follows what is open.
    at_slot: bool,
    /// Whether a block begins with it.
    border: bool,
}

/// A part of a word: of one token.
struct Atom {
    token: usize,
    text: String,
    ink: Ink,
}

/// What stands between two line breaks.
struct Paragraph {
    /// Index of its first token.
    first: usize,
    words: Vec<Word>,
}

/// Lays tokens out in rows.
pub fn flow(tokens: &[Token<'_>], ruling: Ruling, glyphs: &Glyphs) -> Vec<TextRow> {
    let (texts, completions) = whole_graphemes(tokens);
    let mut composer = Composer::new(ruling.width, glyphs);
    for (token, text) in tokens.iter().zip(&texts) {
        composer.token(token, text);
    }
    let setting = Setting { tokens, ruling, glyphs };
    let mut rows: Vec<_> = composer.finish().iter().flat_map(|paragraph| setting.rows(paragraph)).collect();
    for (position, completed) in completions {
        let mut pieces = rows.iter_mut().rev().flat_map(|row| row.pieces.iter_mut().rev());
        if let Some(piece) = pieces.find(|piece| piece.position == Some(completed)) {
            piece.completed_by.push(position);
        }
    }
    rows
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

/// Tokens on their way to words and paragraphs.
struct Composer<'a> {
    width: u16,
    glyphs: &'a Glyphs,
    done: Vec<Paragraph>,
    paragraph: Paragraph,
    /// The word that the next letter belongs to.
    word: Option<Word>,
    /// Index of the token.
    index: usize,
    /// Ink of the token before, and whether its text ends with a blank.
    last: Option<(Ink, bool)>,
    /// Whether nothing is written since the last open position.
    after_open: bool,
    /// What the next word begins with.
    gap: bool,
    border: bool,
}

impl<'a> Composer<'a> {
    fn new(width: u16, glyphs: &'a Glyphs) -> Self {
        Self {
            width,
            glyphs,
            done: Vec::new(),
            paragraph: Paragraph { first: 0, words: Vec::new() },
            word: None,
            index: 0,
            last: None,
            after_open: false,
            gap: false,
            border: false,
        }
    }

    fn token(&mut self, token: &Token<'_>, text: &str) {
        if token.opens_block {
            self.border = !self.border_in_last_blank();
        }
        if self.stands_apart(token.ink, text) {
            self.end_word();
            self.gap = true;
        }
        match token.ink {
            Ink::Text if text.is_empty() => {
                self.index += 1;
                return;
            }
            Ink::Text => self.text(text),
            // A sign such as end of text follows text at once, but a row of signs may break anywhere.
            Ink::Sign if self.last.is_some_and(|(ink, _)| ink != Ink::Sign) => self.letter(text, Ink::Sign),
            ink => {
                self.end_word();
                // Signs in a row keep the slots that they had while they were drafts.
                self.after_open |= ink == Ink::Sign;
                self.whole(if ink.is_open() { WordKind::Open } else { WordKind::Text }, text, ink);
            }
        }
        self.last = Some((token.ink, text.ends_with([' ', '\n'])));
        self.index += 1;
    }

    /// Whether a cell of nothing stands before a token.
    fn stands_apart(&self, ink: Ink, text: &str) -> bool {
        match self.last {
            // Open places are no text: they stand apart from each other and from words.
            Some((before, _)) if before.is_open() => {
                ink != Ink::Text || text.chars().next().is_some_and(char::is_alphanumeric)
            }
            Some((_, ends_blank)) => ink.is_open() && !ends_blank && !text.starts_with([' ', '\n']),
            None => false,
        }
    }

    /// A border stands in the blank before its token: whether that is the last thing so far.
    fn border_in_last_blank(&mut self) -> bool {
        let last = self.paragraph.words.last_mut().filter(|last| last.kind == WordKind::Blank && self.word.is_none());
        last.map(|blank| blank.border = true).is_some()
    }

    fn text(&mut self, text: &str) {
        // A token of nothing but blanks is seen by its cells: no break may take them.
        if text.chars().all(|c| c == ' ') {
            self.end_word();
            for blank in text.chars() {
                self.letter(blank.encode_utf8(&mut [0; 4]), Ink::Text);
            }
            return self.end_word();
        }
        for grapheme in text.graphemes(true).map(|grapheme| printable::standing(Cow::Borrowed(grapheme))) {
            match &*grapheme {
                "\n" => {
                    self.end_word();
                    self.whole(WordKind::Text, self.glyphs.newline, Ink::Sign);
                    self.end_paragraph(self.index + 1);
                }
                " " => {
                    self.end_word();
                    self.whole(WordKind::Blank, " ", Ink::Text);
                }
                // Bytes that are no whole character, as yet or for good.
                "\u{fffd}" => self.letter(self.glyphs.empty, Ink::Sign),
                // Wide scripts have no blanks: a line may break between any two of their characters.
                wide if wide.width() > 1 => {
                    self.end_word();
                    self.whole(WordKind::Text, wide, Ink::Text);
                }
                letter => self.letter(letter, Ink::Text),
            }
        }
    }

    /// A word of its own.
    fn whole(&mut self, kind: WordKind, text: &str, ink: Ink) {
        let word = self.begin(kind);
        let width = text.width().min(usize::from(self.width)) as u16;
        let atom = Atom { token: self.index, text: text.to_owned(), ink };
        self.paragraph.words.push(Word { width, atoms: vec![atom], ..word });
    }

    /// A part of the word that is being composed, which ends where it would be longer than a row.
    fn letter(&mut self, text: &str, ink: Ink) {
        let width = text.width() as u16;
        if self.word.as_ref().is_some_and(|word| word.width + width > self.width) {
            self.end_word();
        }
        let mut word = self.word.take().unwrap_or_else(|| self.begin(WordKind::Text));
        word.width += width;
        match word.atoms.last_mut().filter(|last| last.token == self.index && last.ink == ink) {
            Some(last) => last.text.push_str(text),
            None => word.atoms.push(Atom { token: self.index, text: text.to_owned(), ink }),
        }
        self.word = Some(word);
    }

    fn begin(&mut self, kind: WordKind) -> Word {
        let at_slot = match kind {
            WordKind::Blank => false,
            WordKind::Text => std::mem::take(&mut self.after_open),
            WordKind::Open => {
                self.after_open = true;
                true
            }
        };
        let (gap, border) = (std::mem::take(&mut self.gap), std::mem::take(&mut self.border));
        Word { index: self.index, kind, atoms: Vec::new(), width: 0, gap, at_slot, border }
    }

    fn end_word(&mut self) {
        self.paragraph.words.extend(self.word.take());
    }

    fn end_paragraph(&mut self, next: usize) {
        self.end_word();
        self.done.push(std::mem::replace(&mut self.paragraph, Paragraph { first: next, words: Vec::new() }));
        (self.after_open, self.gap) = (false, false);
    }

    fn finish(mut self) -> Vec<Paragraph> {
        self.end_paragraph(0);
        self.done
    }
}

impl Word {
    /// Cells that it takes at least.
    fn least(&self) -> u16 {
        if self.kind == WordKind::Open { LEAST_DRAFT } else { self.width }
    }
}

impl Paragraph {
    /// Index of the first of the signs (ends of text) that it ends with, where nothing is open any more: they take no more
    /// rows than they need.
    fn tail(&self) -> usize {
        let is_sign = |word: &&Word| word.atoms.iter().all(|atom| atom.ink == Ink::Sign);
        let first = self.words.iter().rev().take_while(is_sign).last();
        first.filter(|_| !self.is_open()).map_or(usize::MAX, |word| word.index)
    }

    fn is_open(&self) -> bool {
        self.words.iter().any(|word| word.kind == WordKind::Open)
    }

    /// Whether what is before its tail fits into one row, with every slot in it.
    fn fits_one_row(&self, tail: usize, ruling: Ruling) -> bool {
        let cells = |word: &Word| {
            let width = if word.kind == WordKind::Open { ruling.draft() } else { word.width };
            usize::from(width + u16::from(word.gap))
        };
        self.words.iter().filter(|word| word.index < tail).map(cells).sum::<usize>() <= usize::from(ruling.width)
    }
}

/// Words on their way to rows.
struct Setting<'a> {
    tokens: &'a [Token<'a>],
    ruling: Ruling,
    glyphs: &'a Glyphs,
}

impl Setting<'_> {
    fn rows(&self, paragraph: &Paragraph) -> Vec<TextRow> {
        let tail = paragraph.tail();
        let positions = if paragraph.fits_one_row(tail, self.ruling) { usize::MAX } else { self.ruling.positions };
        let slot = if paragraph.is_open() { self.ruling.slot } else { 0 };
        let line_of = |word: &Word| word.index.min(tail).saturating_sub(paragraph.first) / positions;
        let (mut rest, mut line, mut rows) = (&paragraph.words[..], 0, Vec::new());
        let mut opens_block = false;
        while let Some(word) = rest.first() {
            line = line_of(word).max(line);
            opens_block |= word.border;
            let (words, next) = rest.split_at(self.fitting(rest, |word| line_of(word) <= line));
            let pieces = self.pieces(words, paragraph.first.saturating_add(line.saturating_mul(positions)), slot);
            rows.push(TextRow { pieces, opens_block });
            // The blank that the next word brings along stays at no edge: the word begins the next row.
            let blanks = next.iter().take_while(|word| word.kind == WordKind::Blank);
            opens_block = blanks.clone().any(|blank| blank.border);
            rest = &next[blanks.count()..];
            line += 1;
        }
        rows
    }

    /// How many of the words a row holds, of those that belong to it: one at least.
    fn fitting(&self, words: &[Word], belongs: impl Fn(&Word) -> bool) -> usize {
        let mut used = 0;
        let fits = |(at, word): (usize, &Word)| {
            used += word.least() + u16::from(word.gap && at > 0);
            at == 0 || (used <= self.ruling.width && belongs(word))
        };
        words.iter().enumerate().map(fits).position(|fits| !fits).unwrap_or(words.len())
    }

    /// The first cells of a row's words, whose line begins at token `first`, and the cells of an open one.
    fn places(&self, words: &[Word], first: usize, slot: u16) -> (Vec<u16>, u16) {
        let width = self.ruling.width;
        let gap = |at: usize| u16::from(words[at].gap && at > 0);
        let is_open = |word: &&Word| word.kind == WordKind::Open;
        let opens = words.iter().filter(is_open).count() as u16;
        let fixed: u16 =
            (0..words.len()).map(|at| gap(at) + if is_open(&&words[at]) { 0 } else { words[at].width }).sum();
        let room = width.saturating_sub(fixed).checked_div(opens).unwrap_or(width);
        let draft = room.clamp(1, self.ruling.draft());
        let cells = |word: &Word| if is_open(&word) { draft } else { word.width };
        let mut end = 0;
        let mut places: Vec<u16> = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            let index = word.index.saturating_sub(first).min(usize::from(width)) as u16;
            let ruled = if word.at_slot && at > 0 { index.saturating_mul(slot) } else { 0 };
            places.push(ruled.max(end + gap(at)));
            end = places[at].saturating_add(cells(word));
        }
        // What would hang over the edge moves to the left, as far as it must; a blank stands before its word.
        let mut limit = width;
        for (at, word) in words.iter().enumerate().rev() {
            let ends = if word.kind == WordKind::Blank && words.get(at + 1).is_some_and(|next| next.at_slot) {
                limit
            } else {
                0
            };
            let least = ends.saturating_sub(cells(word)).max(places[at]);
            places[at] = least.min(limit.saturating_sub(cells(word)));
            limit = places[at].saturating_sub(gap(at));
        }
        (places, draft)
    }

    /// The pieces of a row, whose line begins at token `first` and has a slot every so many cells.
    fn pieces(&self, words: &[Word], first: usize, slot: u16) -> Vec<Fragment> {
        let (places, draft) = self.places(words, first, slot);
        let mut row = TextRow::default();
        for (at, (word, x)) in words.iter().zip(places).enumerate() {
            match word.kind {
                WordKind::Blank if word.border && at > 0 => row.sign(x, self.glyphs.block, Ink::Border),
                _ if word.border && at > 0 => {
                    row.border(x, self.glyphs.block);
                    self.word(&mut row, word, x, draft);
                }
                _ => self.word(&mut row, word, x, draft),
            }
        }
        row.pieces
    }

    fn word(&self, row: &mut TextRow, word: &Word, mut x: u16, draft: u16) {
        for atom in &word.atoms {
            let token = &self.tokens[atom.token];
            let text =
                if atom.ink.is_open() { cut(&atom.text, draft, self.glyphs.ellipsis) } else { atom.text.clone() };
            x = row.put(token.position, x, text, atom.ink);
            if token.is_new_draft && x < self.ruling.width {
                row.sign(x, self.glyphs.new_draft, Ink::Mark);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::UNICODE;

    fn tokens<'a>(texts: &'a [(&'a str, Ink)]) -> Vec<Token<'a>> {
        let token = |(position, (text, ink)): (usize, &(&'a str, Ink))| Token {
            position,
            text: (*text).into(),
            ink: *ink,
            opens_block: false,
            is_new_draft: false,
        };
        texts.iter().enumerate().map(token).collect()
    }

    fn drawn(texts: &[(&str, Ink)], width: u16) -> Vec<String> {
        let line = |row: &TextRow| row.pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
        flow(&tokens(texts), Ruling::none(width), &UNICODE).iter().map(line).collect()
    }

    #[test]
    fn words_of_several_tokens_stay_whole() {
        let texts = [("the ", Ink::Text), ("den", Ink::Text), ("oiser", Ink::Text), (" runs", Ink::Text)];
        assert_eq!(drawn(&texts, 12), ["the denoiser", "runs"]);
    }

    #[test]
    fn line_breaks_break_and_keep_indentation() {
        let texts = [("def f():", Ink::Text), ("\n    ", Ink::Text), ("return", Ink::Text)];
        assert_eq!(drawn(&texts, 40), ["def f():↵", "    return"]);
    }

    #[test]
    fn wide_characters_break_anywhere_and_long_words_where_they_must() {
        assert_eq!(drawn(&[("日本語日本語", Ink::Text)], 5), ["日本", "語日", "本語"]);
        assert_eq!(drawn(&[("abcdefghij", Ink::Text)], 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn a_grapheme_of_several_tokens_is_drawn_whole() {
        let coder = [("👩", Ink::Text), ("·", Ink::Sign), ("\u{200d}", Ink::Text), ("💻!", Ink::Text)];
        let rows = flow(&tokens(&coder), Ruling::none(40), &UNICODE);
        let pieces: Vec<_> = rows[0].pieces.iter().map(|piece| (piece.text.as_str(), piece.x, piece.width)).collect();
        assert_eq!(pieces, [("👩\u{200d}💻", 0, 2), ("·", 2, 1), ("!", 3, 1)]);
        assert!((0..4).all(|position| rows[0].shows(position)));
    }
}
