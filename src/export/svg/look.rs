//! How cells look, each look worked out once: colours by their numbers, letters, geometry.

use ratatui::{buffer::Cell, style::Modifier};

use crate::{
    export::{
        numbered::Numbered,
        raster::{CellShape, CellSize, Colours, LEVELS, ShapePart, shape},
    },
    tui::{theme::Rgb, view},
};

/// How a cell looks.
#[derive(Debug)]
pub(super) struct CellLook<'a> {
    /// How many cells it takes.
    pub cells: u16,
    /// The number of the colour behind it, unless that is the picture's own.
    pub ground: Option<u32>,
    /// Its letter; empty where there is none.
    pub symbol: &'a str,
    /// How that looks.
    pub letters: LetterStyle,
    /// Its geometry, where it is no letter.
    pub parts: Vec<ShapePart>,
    /// Whether that fills areas, and is no line.
    pub is_block: bool,
    /// Lines below it and through it: where each begins, in pixels from the top, and the number of its colour.
    pub lines: Vec<(usize, u32)>,
}

/// What letters have in common that are written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LetterStyle {
    /// The number of their colour.
    pub ink: u32,
    pub bold: bool,
    pub italic: bool,
}

/// As the value of `class`.
impl std::fmt::Display for LetterStyle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (bold, italic) = (if self.bold { " b" } else { "" }, if self.italic { " i" } else { "" });
        write!(f, "c{}{bold}{italic}", self.ink)
    }
}

impl CellLook<'_> {
    /// Whether it is one letter in one cell that browsers put where its neighbours are put: not wide, of several
    /// characters, or of a script that is written to the left or changes with its neighbours.
    pub fn is_plain(&self) -> bool {
        let mut characters = self.symbol.chars();
        let (first, more) = (characters.next(), characters.next());
        let is_alone = |c: char| !matches!(c, '\u{590}'..='\u{1dff}' | '\u{fb1d}'..);
        self.cells == 1 && more.is_none() && first.is_some_and(is_alone)
    }
}

/// All looks of a picture, and the colours that they name.
pub(super) struct Looks<'a> {
    pub all: Vec<CellLook<'a>>,
    pub colours: Vec<Rgb>,
}

impl<'a> Looks<'a> {
    /// Of cells.
    pub fn of(cells: &'a [Cell], colours: Colours, size: &CellSize) -> Self {
        let mut numbers = Numbered::default();
        let all = cells.iter().map(|cell| look(cell, colours, size, &mut numbers)).collect();
        Self { all, colours: numbers.all }
    }
}

fn look<'a>(cell: &'a Cell, colours: Colours, size: &CellSize, numbers: &mut Numbered<Rgb>) -> CellLook<'a> {
    let (inks, has) = (colours.of_cell(cell), |modifier| cell.modifier.contains(modifier));
    let (ground, parts, symbol) = match shape(cell.symbol(), size) {
        Some(CellShape::Shade(level)) => (inks.colour(level, LEVELS), Vec::new(), ""),
        Some(CellShape::Parts(parts)) => (inks.ground, parts, ""),
        None => (inks.ground, Vec::new(), cell.symbol().trim()),
    };
    let mut lines = Vec::new();
    if has(Modifier::UNDERLINED) {
        lines.push((size.underline(), numbers.number(inks.line)));
    }
    if has(Modifier::CROSSED_OUT) {
        lines.push((size.strike(), numbers.number(inks.text)));
    }
    CellLook {
        cells: view::cells(cell.symbol()).max(1),
        ground: (ground != colours.ground).then(|| numbers.number(ground)),
        symbol,
        letters: LetterStyle {
            ink: numbers.number(inks.text),
            bold: has(Modifier::BOLD),
            italic: has(Modifier::ITALIC),
        },
        parts,
        is_block: cell.symbol().starts_with(|character| ('\u{2580}'..='\u{259f}').contains(&character)),
        lines,
    }
}
