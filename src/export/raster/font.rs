//! Fonts: the bundled one, and those that were added for other scripts.

use std::{io, path::Path};

use ab_glyph::{
    Font, FontRef, FontVec, Glyph, GlyphId, Outline, OutlineCurve, OutlinedGlyph, Point, PxScaleFactor, point,
};
use thiserror::Error;

use super::{CellSize, stencil::Stencil};
use crate::files;

/// `DejaVu` Sans Mono, of which Latin, Greek, Cyrillic, punctuation, arrows and signs are bundled; its licence lies beside it.
static REGULAR: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSansMono.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSansMono-Bold.ttf");

/// Measures of it, in ems.
pub(super) const ADVANCE: f32 = 1233.0 / 2048.0;
pub(super) const X_HEIGHT: f32 = 1120.0 / 2048.0;
pub(super) const ASCENT: f32 = 1901.0 / 2048.0;
pub(super) const DESCENT: f32 = 483.0 / 2048.0;

/// How far italics lean, per unit of height.
const SLANT: f32 = 0.2;

/// A font from a file.
#[derive(Clone)]
pub struct Typeface {
    font: std::sync::Arc<FontVec>,
    name: String,
}

/// By its name.
impl std::fmt::Debug for Typeface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Typeface").field(&self.name).finish()
    }
}

impl PartialEq for Typeface {
    fn eq(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.font, &other.font)
    }
}

/// Why a file cannot be used as a font.
#[derive(Debug, Error)]
pub enum FontError {
    /// It cannot be read.
    #[error("the font {name} cannot be read: {error}")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// It is none.
    #[error("{0} is no font that can be read: it takes a TrueType or OpenType file (.ttf, .otf, .ttc)")]
    NoFont(String),
}

impl Typeface {
    /// Reads a TrueType or OpenType font; of a collection, the first.
    ///
    /// # Errors
    /// Where the file cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, FontError> {
        let name = crate::printable::line(&path.display().to_string());
        let bytes = files::read(path).map_err(|error| FontError::Unreadable { name: name.clone(), error })?;
        let font = FontVec::try_from_vec_and_index(bytes, 0).map_err(|_| FontError::NoFont(name.clone()))?;
        Ok(Self { font: std::sync::Arc::new(font), name })
    }
}

/// Whether letters are bold, and whether they lean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Weight {
    pub bold: bool,
    pub italic: bool,
}

/// Where glyphs are looked for: in the bundled font, then in those that were added, in their order.
pub(super) struct Typefaces {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
    added: Vec<Typeface>,
}

impl Typefaces {
    pub fn new(added: &[Typeface]) -> Self {
        let bundled = |bytes| FontRef::try_from_slice(bytes).expect("the bundled font is one");
        Self { regular: bundled(REGULAR), bold: bundled(BOLD), added: added.to_vec() }
    }

    /// Draws a character over what is there. Returns whether any font has it.
    pub fn draw(&self, character: char, weight: Weight, cell: &CellSize, stencil: &mut Stencil) -> bool {
        let bundled = if weight.bold { &self.bold } else { &self.regular };
        if let Some(id) = glyph(bundled, character) {
            draw(bundled, id, weight.italic, cell, stencil);
            return true;
        }
        let found = self.added.iter().find_map(|face| Some((face, glyph(&*face.font, character)?)));
        if let Some((face, id)) = found {
            draw(&*face.font, id, weight.italic, cell, stencil);
        }
        found.is_some()
    }
}

fn glyph(font: &impl Font, character: char) -> Option<GlyphId> {
    Some(font.glyph_id(character)).filter(|id| id.0 != 0)
}

/// Draws a glyph in the middle of the cells, as large as the bundled font's, or as fits.
fn draw(font: &impl Font, id: GlyphId, leans: bool, cell: &CellSize, stencil: &mut Stencil) {
    let (Some(mut outline), Some(units)) = (font.outline(id), font.units_per_em()) else { return };
    let room = stencil.width as f32;
    let advance = font.h_advance_unscaled(id) / units * cell.em.0;
    let shrink = if advance > room { room / advance } else { 1.0 };
    let factor = PxScaleFactor { horizontal: cell.em.0 / units * shrink, vertical: cell.em.1 / units * shrink };
    if leans {
        lean(&mut outline, X_HEIGHT * units / 2.0);
    }
    // A mark without an advance belongs to the letter before it, which is drawn at the left.
    let indent = if advance > 0.0 { (room - advance * shrink).max(0.0) / 2.0 } else { 0.0 };
    let glyph = Glyph { id, scale: 1.0.into(), position: point(indent, cell.baseline as f32) };
    let outlined = OutlinedGlyph::new(glyph, outline, factor);
    let corner = outlined.px_bounds().min;
    let (left, top) = (corner.x as i32, corner.y as i32);
    outlined.draw(|x, y, share| stencil.cover(left + x as i32, top + y as i32, share));
}

/// Leans an outline to the right, about a height.
fn lean(outline: &mut Outline, middle: f32) {
    let leant = |at: Point| point(at.x + (at.y - middle) * SLANT, at.y);
    for curve in &mut outline.curves {
        *curve = match curve {
            OutlineCurve::Line(a, b) => OutlineCurve::Line(leant(*a), leant(*b)),
            OutlineCurve::Quad(a, b, c) => OutlineCurve::Quad(leant(*a), leant(*b), leant(*c)),
            OutlineCurve::Cubic(a, b, c, d) => OutlineCurve::Cubic(leant(*a), leant(*b), leant(*c), leant(*d)),
        };
    }
    let bounds = outline.bounds;
    let ends = [bounds.min.y, bounds.max.y].map(|y| (y - middle) * SLANT);
    outline.bounds.min.x += ends[0].min(ends[1]);
    outline.bounds.max.x += ends[0].max(ends[1]);
}
