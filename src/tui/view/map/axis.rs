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
    /// Places that share a cell.
    pub shared: usize,
    /// Cells of a place; 1 where several places share one.
    pub cells: usize,
}

impl MapAxis {
    /// Positions in at most `width` cells: as wide as they can be.
    pub fn of_positions(positions: Range<usize>, width: u16) -> Self {
        let (count, width) = (positions.len(), usize::from(width).max(1));
        let shared = count.div_ceil(width).max(1);
        let cells = if shared > 1 { 1 } else { (width / count.max(1)).clamp(1, WIDEST) };
        Self { first: positions.start, count, shared, cells }
    }

    /// Steps from 1 to `count` in at most `height` cells of a run of so many `positions`. They come to share cells by halves
    /// and doubles, so that the rows of a live run seldom move; the same run always begins with the same cells per step.
    pub fn of_steps(count: usize, height: u16, positions: usize) -> Self {
        let height = usize::from(height).max(1);
        let cells = if count.max(positions) * 2 <= height { 2 } else { 1 };
        let (mut shared, mut next) = (1, 2);
        while count.div_ceil(shared) * cells > height {
            (shared, next) = (next, if next == 2 { 3 } else { shared * 2 });
        }
        Self { first: 1, count, shared, cells }
    }

    /// Number of cells that hold something.
    pub fn len(self) -> usize {
        self.groups() * self.cells
    }

    /// Number of groups of places that share a cell.
    pub fn groups(self) -> usize {
        self.count.div_ceil(self.shared)
    }

    /// The group that a cell shows; `None` behind the last.
    pub fn group_at(self, cell: usize) -> Option<usize> {
        let group = cell / self.cells;
        (group < self.groups()).then_some(group)
    }

    /// The places of a group.
    pub fn places(self, group: usize) -> Range<usize> {
        let end = self.first + self.count;
        let start = self.first + group * self.shared;
        start.min(end)..(start + self.shared).min(end)
    }

    /// The cells of a place; `None` where it is not on the axis.
    pub fn cells_of(self, place: usize) -> Option<Range<usize>> {
        let group = place.checked_sub(self.first).filter(|at| *at < self.count)? / self.shared;
        Some(group * self.cells..(group + 1) * self.cells)
    }

    /// Round places that leave at least `gap` cells between two labels.
    pub fn ticks(self, gap: usize) -> impl Iterator<Item = usize> {
        let wide_enough = |step: &usize| step * self.cells >= gap * self.shared;
        let round = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_usize.pow(power)));
        let step = round.take(40).find(wide_enough).unwrap_or(usize::MAX);
        let end = self.first + self.count;
        (self.first.next_multiple_of(step)..end).step_by(step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_come_to_share_cells_by_halves_and_doubles() {
        let shared = |count| MapAxis::of_steps(count, 40, 100).shared;
        assert_eq!([1, 40, 41, 80, 81, 120, 121, 160, 161, 240, 241].map(shared), [1, 1, 2, 2, 3, 3, 4, 4, 6, 6, 8]);
        assert_eq!(MapAxis::of_steps(8, 40, 16).cells, 2, "a short run is no thin line");
        assert_eq!(MapAxis::of_steps(8, 40, 100).cells, 1, "a run that will be long begins as it will be");
    }

    #[test]
    fn a_short_answer_is_stretched_and_a_long_one_shared() {
        let axis = |count, width| MapAxis::of_positions(10..10 + count, width);
        assert_eq!((axis(16, 71).cells, axis(16, 71).shared), (4, 1));
        assert_eq!((axis(30, 71).cells, axis(71, 71).cells), (2, 1));
        assert_eq!((axis(72, 71).shared, axis(2000, 34).shared), (2, 59));
        assert_eq!((axis(0, 71).len(), axis(0, 71).group_at(0)), (0, None));
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
        fn every_place_is_in_the_cells_that_lead_back_to_it(first in 0usize..50, count in 0usize..3000, width in 1u16..220) {
            for axis in [MapAxis::of_positions(first..first + count, width), MapAxis::of_steps(count, width, first)] {
                prop_assert!(axis.len() <= usize::from(width));
                for place in axis.first..axis.first + count {
                    for cell in axis.cells_of(place).unwrap() {
                        prop_assert!(axis.places(axis.group_at(cell).unwrap()).contains(&place));
                    }
                }
                prop_assert_eq!(axis.cells_of(axis.first + count), None);
                let covered: usize = (0..axis.groups()).map(|group| axis.places(group).len()).sum();
                prop_assert_eq!(covered, count);
            }
        }
    }
}
