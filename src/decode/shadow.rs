//! WINO's shadow block (arXiv 2507.18578, figure 2): what the canvas thinks of a committed token when it does not see it.
//!
//! Behind the canvas, one mask per position of the block is fed at that position. Nothing on the canvas sees the shadow;
//! a shadow row sees all of it and all of the canvas but its own position. In a network whose rows speak for their own
//! position, the shadow row is the verdict on the token there.
//!
//! In a shifted network the verdict on a token comes from the row to its left. The released port takes the shadow row
//! there, which sees the very token that it judges. Here that row is fed once more instead: the token to the left, which
//! sees a mask where the judged token stands, and the rest of the canvas as it is.

use super::moment::StepContext;

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
    /// The committed position that its logits judge.
    judges: Option<usize>,
}

/// A pass with a shadow: what [`Pass`](crate::model::network::Pass) borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AugmentedPass {
    pub ids: Vec<u32>,
    pub positions: Vec<usize>,
    pub slots: Vec<usize>,
    pub read: Vec<usize>,
    /// AddedRow-major `(fed, read)`.
    pub mask: Vec<bool>,
    /// Indexes of the rows that judge, ascending, and the positions that they judge.
    pub judges: Vec<(usize, usize)>,
}

impl LeaveOneOut {
    /// The shadow of the active block; `None` where nothing in it is committed yet.
    pub fn of(moment: StepContext<'_>) -> Option<Self> {
        let region = moment.schedule.region();
        let canvas = moment.canvas;
        let block = region.start..region.end.min(canvas.live());
        let committed: Vec<usize> = block.clone().filter(|position| !canvas.is_masked(*position)).collect();
        if committed.is_empty() {
            return None;
        }
        let masks = block.len();
        let own_row = |position: usize| moment.source(position) == position;
        let mut rows: Vec<AddedRow> = block
            .map(|position| AddedRow {
                token: canvas.mask(),
                position,
                judges: (own_row(position) && !canvas.is_masked(position)).then_some(position),
            })
            .collect();
        rows.extend(committed.into_iter().filter(|position| !own_row(*position)).map(|position| {
            let source = moment.source(position);
            AddedRow { token: canvas.ids()[source], position: source, judges: Some(position) }
        }));
        Some(Self { rows, masks, slot: canvas.len() })
    }

    /// Adds the shadow to a pass that feeds `ids` at the positions `query` and reads the rows `read`.
    pub fn cast(&self, ids: Vec<u32>, query: &[usize], read: impl Iterator<Item = usize>) -> AugmentedPass {
        let behind = self.slot..self.slot + self.rows.len();
        let canvas: Vec<usize> = read.collect();
        let fed = query.len() + self.rows.len();
        let mut mask = Vec::with_capacity(fed * (canvas.len() + self.rows.len()));
        for _ in query {
            mask.extend(std::iter::repeat_n(true, canvas.len()));
            mask.extend(std::iter::repeat_n(false, self.rows.len()));
        }
        for (index, row) in self.rows.iter().enumerate() {
            let judged = row.judges.unwrap_or(row.position);
            mask.extend(canvas.iter().map(|position| *position != row.position && *position != judged));
            mask.extend(self.rows.iter().enumerate().map(|(other, seen)| {
                let is_mask = other < self.masks;
                if index < self.masks { is_mask } else { other == index || is_mask && seen.position == judged }
            }));
        }
        let judges =
            self.rows.iter().enumerate().filter_map(|(index, row)| Some((query.len() + index, row.judges?))).collect();
        AugmentedPass {
            ids: ids.into_iter().chain(self.rows.iter().map(|row| row.token)).collect(),
            positions: query.iter().copied().chain(self.rows.iter().map(|row| row.position)).collect(),
            slots: query.iter().copied().chain(behind.clone()).collect(),
            read: canvas.into_iter().chain(behind).collect(),
            mask,
            judges,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::{canvas::Canvas, noise::Seeded, schedule::Schedule},
        model::network::Alignment,
        settings::Settings,
    };

    /// The cast on a canvas of two prompt tokens and three masks, the middle one of which is committed.
    fn cast(alignment: Alignment) -> Option<AugmentedPass> {
        let settings = Settings::default();
        let mut canvas = Canvas::new(&[1, 2], 3, 9);
        canvas.write(3, 7);
        let schedule = Schedule::new(&canvas, &settings);
        let moment = StepContext {
            settings: &settings,
            canvas: &canvas,
            schedule: &schedule,
            noise: &Seeded(0),
            step: 1,
            alignment,
            eos: 0,
        };
        let query: Vec<usize> = (0..5).collect();
        LeaveOneOut::of(moment).map(|shadow| shadow.cast(canvas.ids().to_vec(), &query, 0..5))
    }

    fn sees(cast: &AugmentedPass, row: usize) -> Vec<usize> {
        let width = cast.read.len();
        (0..width).filter(|column| cast.mask[row * width + column]).map(|column| cast.read[column]).collect()
    }

    #[test]
    fn the_canvas_sees_no_shadow_and_a_shadow_row_all_but_its_own_position() {
        let cast = cast(Alignment::Aligned).expect("a shadow");
        assert_eq!(cast.ids, [1, 2, 9, 7, 9, 9, 9, 9]);
        assert_eq!(cast.positions, [0, 1, 2, 3, 4, 2, 3, 4]);
        assert_eq!(cast.slots, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(cast.judges, [(6, 3)]);
        assert_eq!(sees(&cast, 3), [0, 1, 2, 3, 4]);
        assert_eq!(sees(&cast, 6), [0, 1, 2, 4, 5, 6, 7]);
    }

    #[test]
    fn in_a_shifted_network_the_row_to_the_left_judges_and_sees_a_mask_where_the_token_stands() {
        let cast = cast(Alignment::Shifted).expect("a shadow");
        assert_eq!(cast.ids[8..], [9]);
        assert_eq!((cast.positions[8], cast.judges.as_slice()), (2, [(8, 3)].as_slice()));
        assert_eq!(sees(&cast, 8), [0, 1, 4, 6, 8]);
        assert_eq!(sees(&cast, 6), [0, 1, 2, 4, 5, 6, 7]);
    }
}
