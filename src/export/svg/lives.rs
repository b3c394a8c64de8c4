//! What is seen from which frame to which.
//!
//! A cell keeps what it shows for some frames: a piece, with a life. A browser asks every animation for its state sixty times a
//! second, so pieces that come and go together are a group with one animation; and since hardly two pieces of a canvas live
//! equally long, lives are cut into stretches that begin and end at multiples of powers of two. There are at most two of those
//! for each frame, and of a piece as many copies as its life has stretches. The last frame is a group by itself, in the order in
//! which it is read.

use std::{collections::BTreeMap, iter};

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::Modifier,
};

use crate::export::{
    numbered::Numbered,
    raster::{Colours, is_same, places},
};

/// What a cell shows: where it is, and the number of how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellPiece {
    pub y: u16,
    pub x: u16,
    pub look: u32,
}

/// The pieces of each stretch, by its first frame and the one after its last.
pub(super) type Groups = BTreeMap<(usize, usize), Vec<CellPiece>>;

/// The screens that were shown so far, in pieces.
pub(super) struct Lives {
    /// Every look of a piece.
    pub looks: Numbered<Cell>,
    groups: Groups,
    colours: Colours,
    /// What is on view.
    pub shown: Option<Buffer>,
    /// The frame in which each cell began to show what it shows.
    since: Vec<usize>,
    frames: usize,
}

impl Lives {
    pub fn new(colours: Colours) -> Self {
        let (looks, groups) = (Numbered::default(), BTreeMap::new());
        Self { looks, groups, colours, shown: None, since: Vec::new(), frames: 0 }
    }

    /// The next frame shows this.
    pub fn show(&mut self, screen: Buffer) {
        self.since.resize(screen.content().len(), 0);
        if let Some(before) = self.shown.take() {
            for place in places(&before).filter(|place| !is_same(&screen, &before, *place)) {
                self.end(&before, place);
            }
            for place in places(&screen).filter(|place| !is_same(&before, &screen, *place)) {
                self.since[screen.index_of(place.x, place.y)] = self.frames;
            }
        }
        self.shown = Some(screen);
        self.frames += 1;
    }

    /// Ends everything that is still there.
    pub fn finish(&mut self) -> Groups {
        if let Some(screen) = self.shown.take() {
            let last = self.frames - 1;
            self.frames = last;
            for place in places(&screen) {
                self.end(&screen, place);
                if let Some(piece) = self.piece(&screen, place) {
                    self.groups.entry((last, last + 1)).or_default().push(piece);
                }
            }
        }
        std::mem::take(&mut self.groups)
    }

    /// What a place shows is seen up to the frame before this one.
    fn end(&mut self, screen: &Buffer, place: Rect) {
        let since = self.since[screen.index_of(place.x, place.y)];
        if let Some(piece) = self.piece(screen, place) {
            for stretch in stretches(since, self.frames) {
                self.groups.entry(stretch).or_default().push(piece);
            }
        }
    }

    /// `None` where nothing is to be drawn.
    fn piece(&mut self, screen: &Buffer, place: Rect) -> Option<CellPiece> {
        let cell = &screen[(place.x, place.y)];
        let has_lines = cell.modifier.intersects(Modifier::UNDERLINED | Modifier::CROSSED_OUT);
        let is_bare = !has_lines && self.colours.of_cell(cell).ground == self.colours.ground;
        if is_bare && cell.symbol().trim().is_empty() {
            return None;
        }
        Some(CellPiece { y: place.y, x: place.x, look: self.looks.number(cell.clone()) })
    }
}

/// Cuts frames into stretches, each as long as a power of two that its beginning is a multiple of.
fn stretches(mut from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
    iter::from_fn(move || {
        let fits = to.checked_sub(from).and_then(usize::checked_ilog2)?;
        let first = from;
        from += 1 << fits.min(from.trailing_zeros());
        Some((first, from))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn stretches_join_and_are_few() {
        let mut all = BTreeSet::new();
        for to in 0..=100 {
            for from in 0..to {
                let cut: Vec<_> = stretches(from, to).collect();
                assert_eq!((cut[0].0, cut[cut.len() - 1].1), (from, to));
                assert!(cut.windows(2).all(|pair| pair[0].1 == pair[1].0), "{cut:?}");
                assert!(cut.len() <= 2 * 7, "{cut:?}");
                all.extend(cut);
            }
        }
        assert!(all.len() < 200, "{}", all.len());
        assert_eq!(stretches(5, 5).count(), 0);
    }
}
