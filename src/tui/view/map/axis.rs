//! How steps and positions share the cells of the map.

use std::ops::Range;

/// The most cells that one place has across, so that a short answer is a picture and no row of bars.
const WIDEST: usize = 4;

/// Places in a row, and the cells that they are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MapAxis {
    /// The first place.
    pub first: usize,
    /// Number of places.
    pub count: usize,
    /// Places per groups that share a cell: so many of the former in so many of the latter.
    pub ratio: (usize, usize),
    /// Cells of a group; 1 where places share one.
    pub cells: usize,
}

impl MapAxis {
    /// Positions in at most `width` cells: as wide as they can be.
    pub fn of_positions(positions: Range<usize>, width: u16) -> Self {
        let (count, width) = (positions.len(), usize::from(width).max(1));
        let cells = (width / count.max(1)).clamp(1, WIDEST);
        Self { first: positions.start, count, ratio: filling(count, width), cells }
    }

    /// Steps from 1 to `count` in at most `height` cells of a run of so many `positions`. A run that is over fills them. In
    /// one that grows steps come to share cells by halves and doubles, so that its rows seldom move.
    pub fn of_steps(count: usize, height: u16, positions: usize, grows: bool) -> Self {
        let height = usize::from(height).max(1);
        let cells = if count.max(positions) * 2 <= height { 2 } else { 1 };
        let ratio = if grows { (halving(count * cells, height), 1) } else { filling(count, height / cells) };
        Self { first: 1, count, ratio, cells }
    }

    /// As many places as there are cells, one in each, with one of them in sight: a quarter of the cells or more from either
    /// edge, unless the axis ends there. They move on by half of the cells at once, so that the picture mostly holds still.
    pub fn around(place: usize, places: Range<usize>, cells: u16) -> Self {
        let (count, cells) = (places.len(), usize::from(cells).max(1));
        let half = (cells / 2).max(1);
        let at = place.saturating_sub(places.start) / half * half;
        let first = places.start + at.saturating_sub(half / 2).min(count.saturating_sub(cells));
        Self { first, count: count.min(cells), ratio: (1, 1), cells: 1 }
    }

    /// Number of cells that hold something.
    pub fn length(self) -> usize {
        self.groups() * self.cells
    }

    /// Number of groups of places that share a cell.
    pub fn groups(self) -> usize {
        (self.count * self.ratio.1).div_ceil(self.ratio.0)
    }

    /// The group that a cell shows; `None` behind the last.
    pub fn group_at(self, cell: usize) -> Option<usize> {
        let group = cell / self.cells;
        (group < self.groups()).then_some(group)
    }

    /// The places of a group.
    pub fn places(self, group: usize) -> Range<usize> {
        let place = |group: usize| self.first + (group * self.ratio.0 / self.ratio.1).min(self.count);
        place(group)..place(group + 1)
    }

    /// The group of a place; `None` where it is not on the axis.
    pub fn group_of(self, place: usize) -> Option<usize> {
        let at = place.checked_sub(self.first).filter(|at| *at < self.count)?;
        Some(((at + 1) * self.ratio.1 - 1) / self.ratio.0)
    }

    /// The cells of a place; `None` where it is not on the axis.
    pub fn cells_of(self, place: usize) -> Option<Range<usize>> {
        self.group_of(place).map(|group| group * self.cells..(group + 1) * self.cells)
    }

    /// Round places that leave at least `gap` cells between two labels.
    pub fn ticks(self, gap: usize) -> impl Iterator<Item = usize> {
        let wide_enough = |step: &usize| step * self.cells * self.ratio.1 >= gap * self.ratio.0;
        let round = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_usize.pow(power)));
        let step = round.take(40).find(wide_enough).unwrap_or(usize::MAX);
        let end = self.first + self.count;
        (self.first.next_multiple_of(step)..end).step_by(step)
    }
}

/// A ratio that has so many places fill so many cells, or be one in each where there are fewer.
fn filling(count: usize, cells: usize) -> (usize, usize) {
    if count <= cells { (1, 1) } else { (count, cells.max(1)) }
}

/// The least of 1, 2, 3, 4, 6, 8, 12 … that has so many places fit into so many cells, where as many share each.
fn halving(count: usize, cells: usize) -> usize {
    let (mut shared, mut next) = (1, 2);
    while count.div_ceil(shared) > cells {
        (shared, next) = (next, if next == 2 { 3 } else { shared * 2 });
    }
    shared
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_come_to_share_cells_by_halves_and_doubles() {
        let shared = |count| MapAxis::of_steps(count, 40, 100, true).ratio.0;
        assert_eq!([1, 40, 41, 80, 81, 120, 121, 160, 161, 240, 241].map(shared), [1, 1, 2, 2, 3, 3, 4, 4, 6, 6, 8]);
        let cells = |positions| MapAxis::of_steps(8, 40, positions, true).cells;
        assert_eq!(cells(16), 2, "a short run is no thin line");
        assert_eq!(cells(100), 1, "a run that will be long begins as it will be");
    }

    #[test]
    fn a_run_that_is_over_fills_the_height() {
        let length = |count| MapAxis::of_steps(count, 40, 100, false).length();
        assert_eq!([0, 8, 40, 41, 69, 1024].map(length), [0, 8, 40, 40, 40, 40]);
    }

    #[test]
    fn a_short_answer_is_stretched_and_a_long_one_shared() {
        let axis = |count: usize, width| MapAxis::of_positions(10..10 + count, width);
        assert_eq!([16, 30, 71].map(|count| axis(count, 71).cells), [4, 2, 1]);
        assert_eq!([16, 30, 71, 72, 2000].map(|count| axis(count, 71).length()), [64, 60, 71, 71, 71]);
        assert_eq!((axis(0, 71).length(), axis(0, 71).group_at(0)), (0, None));
    }

    #[test]
    fn ticks_are_round_and_apart() {
        let axis = MapAxis::of_positions(14..142, 128);
        assert!(axis.ticks(10).eq((20..142).step_by(10)));
        assert!(MapAxis::of_positions(14..142, 64).ticks(10).eq((20..142).step_by(20)));
        assert!(MapAxis::of_positions(3..3, 64).ticks(10).next().is_none());
    }

    proptest! {
        #[test]
        fn the_place_that_is_looked_at_is_in_sight_with_what_is_around_it(
            first in 0usize..50, count in 1usize..3000, at in 0usize..3000, cells in 1u16..220
        ) {
            let (place, room) = (first + at % count, usize::from(cells));
            let axis = MapAxis::around(place, first..first + count, cells);
            prop_assert_eq!((axis.count, axis.length()), (count.min(room), count.min(room)));
            let shown = axis.cells_of(place).expect("it is in sight").start;
            let (before, behind) = (axis.first - first, first + count - (axis.first + axis.count));
            prop_assert!(before == 0 || shown >= room / 4, "{shown} of {room}");
            prop_assert!(behind == 0 || room - shown > room / 4, "{shown} of {room}");
        }

        #[test]
        fn every_place_is_in_the_cells_that_lead_back_to_it(first in 0usize..50, count in 0usize..3000, width in 1u16..220) {
            let steps = [true, false].map(|grows| MapAxis::of_steps(count, width, first, grows));
            for axis in [MapAxis::of_positions(first..first + count, width), steps[0], steps[1]] {
                prop_assert!(axis.length() <= usize::from(width));
                for place in axis.first..axis.first + count {
                    for cell in axis.cells_of(place).expect("it has cells") {
                        prop_assert!(axis.places(axis.group_at(cell).expect("a group")).contains(&place));
                    }
                }
                prop_assert_eq!(axis.cells_of(axis.first + count), None);
                let covered: usize = (0..axis.groups()).map(|group| axis.places(group).len()).sum();
                prop_assert_eq!(covered, count);
            }
        }
    }
}
