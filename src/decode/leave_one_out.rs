//! WINO's shadow block (arXiv 2507.18578, figure 2): what the canvas predicts at a committed token that it does not see.
//!
//! Behind the canvas, one mask per position of the block is fed at that position. Nothing on the canvas sees these rows;
//! each of them sees all of them and all of the canvas but its own position. In a network whose rows predict their own
//! position, such a row verifies the token there.
//!
//! In a shifted network a token is predicted by the row to its left. The released port takes the mask's row there, which
//! sees the very token that it verifies. Here that row is fed once more instead: the token to the left, which sees a mask
//! where the verified token stands, and the rest of the canvas as it is.

use super::context::StepContext;
use crate::model::network::{Mask, Pass, Read};

/// The rows behind the canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeaveOneOut {
    rows: Vec<AddedRow>,
    /// Rows of masks; they come first.
    masks: usize,
    /// The first slot that they are written to.
    slot: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AddedRow {
    token: u32,
    position: usize,
    /// The committed position that its logits verify.
    verifies: Option<usize>,
}

/// A pass with such rows: what [`Pass`](crate::model::network::Pass) borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AugmentedPass {
    pub ids: Vec<u32>,
    pub positions: Vec<usize>,
    pub slots: Vec<usize>,
    pub read: Vec<usize>,
    /// Row-major `(fed, read)`.
    pub mask: Vec<bool>,
    /// Indexes of the rows that verify, ascending, and the positions that they verify.
    pub verifies: Vec<(usize, usize)>,
}

impl LeaveOneOut {
    /// The rows for the active block; `None` where nothing in it is committed yet.
    pub fn of(context: StepContext<'_>) -> Option<Self> {
        let region = context.schedule.region();
        let canvas = context.canvas;
        let block = region.start..region.end.min(canvas.live());
        let committed: Vec<usize> = block.clone().filter(|position| !canvas.is_masked(*position)).collect();
        if committed.is_empty() {
            return None;
        }
        let masks = block.len();
        let own_row = |position: usize| context.source(position) == position;
        let mut rows: Vec<AddedRow> = block
            .map(|position| AddedRow {
                token: canvas.mask(),
                position,
                verifies: (own_row(position) && !canvas.is_masked(position)).then_some(position),
            })
            .collect();
        rows.extend(committed.into_iter().filter(|position| !own_row(*position)).map(|position| {
            let source = context.source(position);
            AddedRow { token: canvas.ids()[source], position: source, verifies: Some(position) }
        }));
        Some(Self { rows, masks, slot: canvas.len() })
    }

    /// Adds the rows to a pass that feeds `ids` at the positions `query` and reads the rows `read`.
    pub fn augment(&self, ids: Vec<u32>, query: &[usize], read: impl Iterator<Item = usize>) -> AugmentedPass {
        let behind = self.slot..self.slot + self.rows.len();
        let canvas: Vec<usize> = read.collect();
        let fed = query.len() + self.rows.len();
        let mut mask = Vec::with_capacity(fed * (canvas.len() + self.rows.len()));
        for _ in query {
            mask.extend(std::iter::repeat_n(true, canvas.len()));
            mask.extend(std::iter::repeat_n(false, self.rows.len()));
        }
        for (index, row) in self.rows.iter().enumerate() {
            let verified = row.verifies.unwrap_or(row.position);
            mask.extend(canvas.iter().map(|position| *position != row.position && *position != verified));
            mask.extend(self.rows.iter().enumerate().map(|(other, seen)| {
                let is_mask = other < self.masks;
                if index < self.masks { is_mask } else { other == index || is_mask && seen.position == verified }
            }));
        }
        let verifying = |(index, row): (usize, &AddedRow)| Some((query.len() + index, row.verifies?));
        AugmentedPass {
            ids: ids.into_iter().chain(self.rows.iter().map(|row| row.token)).collect(),
            positions: query.iter().copied().chain(self.rows.iter().map(|row| row.position)).collect(),
            slots: query.iter().copied().chain(behind.clone()).collect(),
            read: canvas.into_iter().chain(behind).collect(),
            mask,
            verifies: self.rows.iter().enumerate().filter_map(verifying).collect(),
        }
    }
}

impl AugmentedPass {
    /// As a network takes it; `wanted` are the indexes of the rows whose logits are needed.
    pub fn pass<'a>(&'a self, wanted: &'a [usize]) -> Pass<'a> {
        Pass {
            slots: Some(&self.slots),
            mask: Mask::Dense(&self.mask),
            ..Pass::new(&self.ids, &self.positions, Read::Rows(&self.read), wanted)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::{canvas::Canvas, schedule::Schedule},
        model::network::Alignment,
        settings::Settings,
    };

    /// The pass over a canvas of two prompt tokens and three masks, the middle one of which is committed.
    fn augmented(alignment: Alignment) -> Option<AugmentedPass> {
        let settings = Settings::default();
        let mut canvas = Canvas::new(&[1, 2], 3, 9);
        canvas.write(3, 7);
        let schedule = Schedule::new(&canvas, &settings);
        let context = StepContext { step: 1, alignment, ..StepContext::of(&settings, &canvas, &schedule) };
        let query: Vec<usize> = (0..5).collect();
        LeaveOneOut::of(context).map(|rows| rows.augment(canvas.ids().to_vec(), &query, 0..5))
    }

    fn sees(pass: &AugmentedPass, row: usize) -> Vec<usize> {
        let width = pass.read.len();
        (0..width).filter(|column| pass.mask[row * width + column]).map(|column| pass.read[column]).collect()
    }

    #[test]
    fn the_canvas_sees_no_added_row_and_an_added_row_all_but_its_own_position() {
        let pass = augmented(Alignment::Aligned).expect("a committed token");
        assert_eq!(pass.ids, [1, 2, 9, 7, 9, 9, 9, 9]);
        assert_eq!(pass.positions, [0, 1, 2, 3, 4, 2, 3, 4]);
        assert_eq!(pass.slots, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(pass.verifies, [(6, 3)]);
        assert_eq!(sees(&pass, 3), [0, 1, 2, 3, 4]);
        assert_eq!(sees(&pass, 6), [0, 1, 2, 4, 5, 6, 7]);
    }

    #[test]
    fn in_a_shifted_network_the_row_to_the_left_verifies_and_sees_a_mask_where_the_token_stands() {
        let pass = augmented(Alignment::Shifted).expect("a committed token");
        assert_eq!(pass.ids[8..], [9]);
        assert_eq!((pass.positions[8], pass.verifies.as_slice()), (2, [(8, 3)].as_slice()));
        assert_eq!(sees(&pass, 8), [0, 1, 4, 6, 8]);
        assert_eq!(sees(&pass, 6), [0, 1, 2, 4, 5, 6, 7]);
    }
}
