//! The stencils of what is on the screens, each made once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ratatui::{
    buffer::{Buffer, Cell},
    style::Modifier,
};
use rayon::prelude::*;

use super::{
    CellSize,
    font::{Typeface, Typefaces, Weight},
    shapes,
    stencil::{INKED, LEVELS, Stencil},
};
use crate::tui::view;

/// What distinguishes stencils.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StencilKey {
    symbol: String,
    cells: usize,
    weight: Weight,
    underlined: bool,
    struck: bool,
}

impl StencilKey {
    fn of(cell: &Cell) -> Self {
        let has = |modifier| cell.modifier.contains(modifier);
        Self {
            symbol: cell.symbol().to_owned(),
            cells: usize::from(view::cells(cell.symbol()).max(1)),
            weight: Weight { bold: has(Modifier::BOLD), italic: has(Modifier::ITALIC) },
            underlined: has(Modifier::UNDERLINED),
            struck: has(Modifier::CROSSED_OUT),
        }
    }
}

/// The stencils that were made, and the characters that no font has.
pub struct Stencils {
    pub size: CellSize,
    faces: Typefaces,
    made: HashMap<StencilKey, Arc<Stencil>>,
    missing: BTreeSet<char>,
}

impl Stencils {
    pub fn new(font_size: u16, added: &[Typeface]) -> Self {
        Self {
            size: CellSize::of(font_size),
            faces: Typefaces::new(added),
            made: HashMap::new(),
            missing: BTreeSet::new(),
        }
    }

    /// Makes those that the screens need beside the ones that there are.
    pub fn make(&mut self, screens: &[Buffer]) {
        let mut wanted = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for cell in screens.iter().flat_map(Buffer::content) {
            let key = StencilKey::of(cell);
            if !self.made.contains_key(&key) && seen.insert(key.clone()) {
                wanted.push(key);
            }
        }
        let made: Vec<_> = wanted.par_iter().map(|key| self.drawn(key)).collect();
        for (key, (stencil, missing)) in wanted.into_iter().zip(made) {
            self.made.insert(key, Arc::new(stencil));
            self.missing.extend(missing);
        }
    }

    /// The stencil of a cell of a screen that they were made for.
    pub fn of(&self, cell: &Cell) -> Arc<Stencil> {
        let size = self.size;
        let made = self.made.get(&StencilKey::of(cell)).map(Arc::clone);
        made.unwrap_or_else(|| Arc::new(Stencil::empty(size.width, size.height)))
    }

    /// The characters that no font has, and boxes stand for.
    pub fn missing(&self) -> impl Iterator<Item = char> + '_ {
        self.missing.iter().copied()
    }

    fn drawn(&self, key: &StencilKey) -> (Stencil, Vec<char>) {
        let size = &self.size;
        let shape = shapes::shape(&key.symbol, size);
        let (mut stencil, missing) =
            shape.map_or_else(|| self.lettered(key), |shape| (shape.stencil(size), Vec::new()));
        if key.struck {
            stencil.strike(size.strike(), size.stroke(), LEVELS);
        }
        if key.underlined {
            stencil.strike(size.underline(), size.stroke(), INKED);
        }
        (stencil, missing)
    }

    /// Letters from the fonts; a box where none has them.
    fn lettered(&self, key: &StencilKey) -> (Stencil, Vec<char>) {
        let size = &self.size;
        let mut stencil = Stencil::empty(size.width * key.cells, size.height);
        let mut missing = Vec::new();
        for character in key.symbol.chars().filter(|character| is_drawn(*character)) {
            if !self.faces.draw(character, key.weight, size, &mut stencil) {
                missing.push(character);
            }
        }
        if !missing.is_empty() {
            stencil = frame(size.width * key.cells, size);
        }
        (stencil, missing)
    }
}

/// Whether a character has a form of its own: joiners, selectors of a style and blanks have none.
fn is_drawn(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// What stands for a character that no font has.
fn frame(width: usize, size: &CellSize) -> Stencil {
    let (stroke, top, bottom) = (size.stroke() as f32, size.height as f32 * 0.2, size.baseline as f32);
    let (left, right) = (1.0, width as f32 - 1.0);
    Stencil::of(width, size.height, |x, y| {
        let inside = |edge: f32| x >= left + edge && x < right - edge && y >= top.floor() + edge && y < bottom - edge;
        inside(0.0) && !inside(stroke)
    })
}
