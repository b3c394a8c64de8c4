//! How steps share the columns of a timeline.

/// How steps share the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    /// Steps in a column.
    pub steps: usize,
    /// Cells of a column, the gap after it included.
    pub cells: u16,
}

impl Spread {
    /// The roomiest that holds `len` steps; it grows by halves and doubles, so that the columns of a live run seldom move.
    pub(super) fn of(len: usize, width: u16) -> Self {
        let fits =
            |columns: usize, cells: u16| columns * usize::from(cells) <= usize::from(width) + usize::from(cells > 1);
        if let Some(cells) = [3, 2, 1].into_iter().find(|cells| fits(len, *cells)) {
            return Self { steps: 1, cells };
        }
        let (mut steps, mut next) = (2, 3);
        while !fits(len.div_ceil(steps), 1) {
            (steps, next) = (next, steps * 2);
        }
        Self { steps, cells: 1 }
    }

    pub(super) fn bar_cells(self) -> u16 {
        if self.cells > 1 { self.cells - 1 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_roomy_and_grow_dense_only_when_they_must() {
        assert_eq!(Spread::of(20, 80), Spread { steps: 1, cells: 3 });
        assert_eq!(Spread::of(40, 80), Spread { steps: 1, cells: 2 });
        assert_eq!(Spread::of(80, 80), Spread { steps: 1, cells: 1 });
        assert_eq!(Spread::of(81, 80), Spread { steps: 2, cells: 1 });
        assert_eq!(Spread::of(161, 80), Spread { steps: 3, cells: 1 });
        assert_eq!(Spread::of(241, 80), Spread { steps: 4, cells: 1 });
        assert_eq!(Spread::of(1000, 80), Spread { steps: 16, cells: 1 });
        assert_eq!(Spread::of(10_000, 33), Spread { steps: 384, cells: 1 });
        assert_eq!(Spread::of(0, 80), Spread { steps: 1, cells: 3 });
    }
}
