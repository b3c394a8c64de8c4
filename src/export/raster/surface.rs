//! The cells of a screen as stencils and colours, and what of them has changed.

use std::sync::Arc;

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};

use super::{
    stencil::{INKED, LEVELS, Stencil},
    stencils::Stencils,
};
use crate::tui::{
    theme::{Rgb, Role, Theme},
    view,
};

/// What a screen is drawn with where its cells say nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Colours {
    text: Rgb,
    pub ground: Rgb,
}

impl Colours {
    /// Those of a theme.
    pub fn of(theme: Theme) -> Self {
        let exact = |colour: Option<Color>, other| colour.map_or(other, |colour| exact(colour, other));
        Self {
            text: exact(theme.style(Role::Text).fg, Rgb(255, 255, 255)),
            ground: exact(theme.style(Role::Ground).bg, Rgb(0, 0, 0)),
        }
    }

    /// Those of a cell.
    pub fn of_cell(self, cell: &Cell) -> CellInks {
        let has = |modifier| cell.modifier.contains(modifier);
        let (mut text, mut ground) = (exact(cell.fg, self.text), exact(cell.bg, self.ground));
        if has(Modifier::REVERSED) {
            std::mem::swap(&mut text, &mut ground);
        }
        if has(Modifier::DIM) {
            text = text.mix(ground, 0.4);
        }
        CellInks { ground, text, line: exact(cell.underline_color, text) }
    }
}

/// A colour that is exact, as those of themes at their best are; another one otherwise.
fn exact(colour: Color, other: Rgb) -> Rgb {
    match colour {
        Color::Rgb(r, g, b) => Rgb(r, g, b),
        _ => other,
    }
}

/// The colours of a cell: of what is behind its text, of the text, and of a line below that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellInks {
    pub ground: Rgb,
    pub text: Rgb,
    pub line: Rgb,
}

/// A cell, or two that a wide character takes, ready to be looked up pixel by pixel.
#[derive(Debug, Clone)]
pub struct CellPicture {
    /// Pixels from the left edge of the picture, and from its top.
    pub at: (usize, usize),
    pub stencil: Arc<Stencil>,
    pub inks: CellInks,
}

impl CellInks {
    /// The colour of a pixel that is covered by so many of `levels`.
    pub fn colour(&self, level: u8, levels: u8) -> Rgb {
        match level {
            0 => self.ground,
            INKED => self.line,
            level => {
                let share = u32::from(level.min(levels));
                let of = u32::from(levels);
                let mix = |under: u8, over: u8| {
                    ((u32::from(under) * (of - share) + u32::from(over) * share + of / 2) / of) as u8
                };
                let (under, over) = (self.ground, self.text);
                Rgb(mix(under.0, over.0), mix(under.1, over.1), mix(under.2, over.2))
            }
        }
    }
}

/// What has changed from one screen to the next: a rectangle of pixels, and the cells in it that are others now.
#[derive(Debug)]
pub struct Patch {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
    pub cells: Vec<CellPicture>,
}

/// How screens become pictures.
#[derive(Clone, Copy)]
pub struct Surface<'a> {
    pub stencils: &'a Stencils,
    pub colours: Colours,
}

impl Surface<'_> {
    /// All of a screen, or what of it differs from the one before; `None` where nothing does.
    pub fn patch(&self, before: Option<&Buffer>, screen: &Buffer) -> Option<Patch> {
        let mut cells = Vec::new();
        let mut bounds: Option<Rect> = None;
        for place in places(screen) {
            if before.is_some_and(|before| is_same(before, screen, place)) {
                continue;
            }
            bounds = Some(bounds.map_or(place, |bounds| bounds.union(place)));
            cells.push(self.picture(&screen[(place.x, place.y)], place));
        }
        let (bounds, size) = (bounds?, self.stencils.size);
        Some(Patch {
            left: usize::from(bounds.x) * size.width,
            top: usize::from(bounds.y) * size.height,
            width: usize::from(bounds.width) * size.width,
            height: usize::from(bounds.height) * size.height,
            cells,
        })
    }

    fn picture(&self, cell: &Cell, place: Rect) -> CellPicture {
        let size = self.stencils.size;
        CellPicture {
            at: (usize::from(place.x) * size.width, usize::from(place.y) * size.height),
            stencil: self.stencils.of(cell),
            inks: self.colours.of_cell(cell),
        }
    }
}

/// Where the characters of a screen stand: a cell each, or two that a wide one takes.
pub fn places(screen: &Buffer) -> impl Iterator<Item = Rect> + '_ {
    let area = screen.area;
    (area.top()..area.bottom()).flat_map(move |y| {
        let mut x = area.left();
        std::iter::from_fn(move || {
            let cell = screen.cell((x, y))?;
            let width = view::cells(cell.symbol()).clamp(1, area.right() - x);
            let place = Rect { x, y, width, height: 1 };
            x += width;
            Some(place)
        })
    })
}

/// Whether a character looks the same on both screens: no cell of it was covered by another one.
pub fn is_same(before: &Buffer, screen: &Buffer, place: Rect) -> bool {
    let at = (place.x, place.y);
    let reach = |buffer: &Buffer, x: u16| view::cells(buffer[(x, place.y)].symbol()).max(1);
    let is_covered = place.x > before.area.left() && reach(before, place.x - 1) > 1;
    before[at] == screen[at] && reach(before, place.x) == reach(screen, place.x) && !is_covered
}

/// A level where there are only so many, in place of [`LEVELS`].
pub fn coarser(level: u8, levels: u8) -> u8 {
    if level > LEVELS {
        return INKED;
    }
    ((u32::from(level) * u32::from(levels) + u32::from(LEVELS) / 2) / u32::from(LEVELS)) as u8
}
