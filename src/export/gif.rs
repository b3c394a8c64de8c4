//! GIF: what every browser, chat and README shows.
//!
//! Each frame is the rectangle that has changed, with colours of its own and holes where nothing has.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    io::{self, Write},
};

use gif::{AnyExtension, Encoder, EncodingError, Frame, Repeat};

use super::{
    ExportObserver, Exporter, Frames,
    film::{film, showings},
    raster::{CellPicture, INKED, LEVELS, Patch, coarser},
};
use crate::tui::theme::Rgb;

/// The format.
#[derive(Debug)]
pub(super) struct Gif;

/// The index of what has not changed.
const HOLE: u8 = 0;

/// Colours of a frame, beside the hole.
const COLOURS: usize = 255;

/// The block of a file that holds words for people.
const COMMENT: AnyExtension = AnyExtension(0xfe);

impl Exporter for Gif {
    fn name(&self) -> &'static str {
        "gif"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["gif"]
    }

    fn about(&self) -> &'static str {
        "an animated picture, for web pages and chats"
    }

    fn write(&self, frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let options = frames.options();
        let (width, height) = options.pixels();
        let mut encoder = Encoder::new(out, width as u16, height as u16, &[]).map_err(broken)?;
        match options.plays {
            0 => encoder.set_repeat(Repeat::Infinite).map_err(broken)?,
            1 => {}
            // Players count what comes after the first time.
            plays => encoder.set_repeat(Repeat::Finite(plays - 1)).map_err(broken)?,
        }
        let title = frames.title();
        let title: Vec<&[u8]> = title.as_bytes().chunks(255).collect();
        encoder.write_raw_extension(COMMENT, &title).map_err(broken)?;
        let showings = showings(&frames);
        film(frames, &showings, observer, encoded, |mut frame, delay| {
            frame.delay = delay;
            encoder.write_lzw_pre_encoded_frame(&frame).map_err(broken)
        })?;
        encoder.into_inner().map_err(broken)?.flush()
    }
}

fn broken(error: EncodingError) -> io::Error {
    match error {
        EncodingError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// A patch as a compressed frame; a hole of one pixel where there is none.
fn encoded(patch: Option<Patch>) -> Frame<'static> {
    let patch = patch.unwrap_or_else(Patch::hole);
    let levels = levels(&patch.cells);
    let palette = FramePalette::of(&patch.cells, levels);
    let mut pixels = vec![HOLE; patch.width * patch.height];
    for cell in &patch.cells {
        let indexes: Vec<u8> =
            (0..=INKED).map(|level| palette.index(cell.inks.colour(coarser(level, levels), levels))).collect();
        let (left, top) = (cell.at.0 - patch.left, cell.at.1 - patch.top);
        for y in 0..cell.stencil.height {
            let row = cell.stencil.row(y);
            let pixels = &mut pixels[(top + y) * patch.width + left..][..row.len()];
            for (pixel, level) in pixels.iter_mut().zip(row) {
                *pixel = indexes[usize::from(*level)];
            }
        }
    }
    let mut frame = Frame {
        left: patch.left as u16,
        top: patch.top as u16,
        width: patch.width as u16,
        height: patch.height as u16,
        transparent: Some(HOLE),
        palette: Some(palette.bytes()),
        buffer: Cow::Owned(pixels),
        ..Frame::default()
    };
    frame.make_lzw_pre_encoded();
    frame
}

/// How many levels there are between ground and text, so that the colours of all cells have room.
fn levels(cells: &[CellPicture]) -> u8 {
    let pairs: BTreeSet<_> = cells.iter().map(|cell| (cell.inks.ground, cell.inks.text)).collect();
    let solid: BTreeSet<_> = cells.iter().flat_map(|cell| [cell.inks.ground, cell.inks.text, cell.inks.line]).collect();
    let between = COLOURS.saturating_sub(solid.len()) / pairs.len().max(1);
    (between + 1).clamp(3, LEVELS.into()) as u8
}

/// The colours of a frame.
struct FramePalette {
    colours: Vec<Rgb>,
    indexes: HashMap<Rgb, u8>,
}

impl FramePalette {
    fn of(cells: &[CellPicture], levels: u8) -> Self {
        let mut uses: HashMap<Rgb, u64> = HashMap::new();
        for cell in cells {
            let mut pixels = [0; INKED as usize + 1];
            for y in 0..cell.stencil.height {
                cell.stencil.row(y).iter().for_each(|level| pixels[usize::from(coarser(*level, levels))] += 1);
            }
            for (level, pixels) in (0..).zip(pixels).filter(|(_, pixels)| *pixels > 0) {
                *uses.entry(cell.inks.colour(level, levels)).or_default() += pixels;
            }
        }
        // The most frequent ones; each of the others is the nearest of them.
        let mut by_use: Vec<(Rgb, u64)> = uses.into_iter().collect();
        by_use.sort_by_key(|(colour, uses)| (std::cmp::Reverse(*uses), *colour));
        let (kept, others) = by_use.split_at(by_use.len().min(COLOURS));
        let mut colours: Vec<Rgb> = kept.iter().map(|(colour, _)| *colour).collect();
        colours.sort_unstable();
        let mut indexes: HashMap<Rgb, u8> = (colours.iter().copied()).zip(HOLE + 1..=u8::MAX).collect();
        for (colour, _) in others {
            let nearest = (HOLE + 1..=u8::MAX).zip(&colours).min_by_key(|(_, kept)| colour.distance(**kept));
            indexes.extend(nearest.map(|(index, _)| (*colour, index)));
        }
        Self { colours, indexes }
    }

    fn index(&self, colour: Rgb) -> u8 {
        // A level that no pixel of the cell has needs none.
        self.indexes.get(&colour).copied().unwrap_or(HOLE)
    }

    fn bytes(&self) -> Vec<u8> {
        let hole = [0; 3];
        std::iter::once(hole).chain(self.colours.iter().map(|Rgb(r, g, b)| [*r, *g, *b])).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::export::raster::{CellInks, Stencil};

    fn cells(count: u8) -> Vec<CellPicture> {
        let slope = Stencil::of(8, 8, |x, y| x > y);
        let cell = |n: u8| CellPicture {
            at: (8 * usize::from(n), 0),
            stencil: Arc::new(slope.clone()),
            inks: CellInks { ground: Rgb(0, 0, 0), text: Rgb(n, 255 - n, n / 2), line: Rgb(n, 255 - n, n / 2) },
        };
        (0..count).map(cell).collect()
    }

    #[test]
    fn every_colour_is_exact_while_there_is_room() {
        for count in [1, 20, 120] {
            let cells = cells(count);
            let palette = FramePalette::of(&cells, levels(&cells));
            for cell in &cells {
                assert_eq!(palette.colours[usize::from(palette.index(cell.inks.text)) - 1], cell.inks.text);
            }
        }
    }

    #[test]
    fn more_colours_than_fit_become_their_neighbours() {
        let cells = cells(255);
        let levels = levels(&cells);
        let palette = FramePalette::of(&cells, levels);
        assert_eq!((palette.colours.len(), levels), (COLOURS, 3));
        for cell in &cells {
            let drawn = palette.colours[usize::from(palette.index(cell.inks.text)) - 1];
            assert!(drawn.distance(cell.inks.text) < 200, "{drawn:?} for {:?}", cell.inks.text);
        }
    }
}
