//! Rows of logits that stay on their device, summarised there in a few numbers: [`DeviceRows`] by tensor operations.
//!
//! Only operations that every device has are used: element by element, and the largest, the smallest or the sum of each
//! row. The lowest id among equals is the smallest of their ids.

use candle_core::{D, DType, Tensor};

use crate::model::logits::{DeviceRows, NOTHING, Reduce, RowSummary, Softmax, TokenChoice, TokenRank};
use crate::model::network::NetworkError;

/// Logits `(rows, vocab)` where they were made.
#[derive(Debug)]
pub(super) struct TensorRows(pub Tensor);

/// Below every id's: what is taken or excluded.
const TAKEN: f32 = f32::NEG_INFINITY;

/// Stands for a logit of minus infinity where taken ones have to differ from it.
const LOWEST: f32 = f32::MIN;

/// Numbers per row that every row has: the largest logit, two sums, the logit of the excluded token.
const FIXED: usize = 4;

impl TensorRows {
    /// `(rows, 2 top + FIXED + 2 asked)`: ids and logits of the likeliest tokens, what every row has, then logit and
    /// rank of each token asked for, as many as the row has that is asked most of.
    fn reduced(&self, reduce: Reduce<'_>) -> candle_core::Result<Tensor> {
        let x = self.0.to_dtype(DType::F32)?;
        let (rows, vocab) = x.dims2()?;
        let (device, shape) = (x.device(), x.shape());
        let filled = |value: f32| Tensor::new(value, device)?.broadcast_as(shape);
        let ids = Tensor::arange(0, vocab as u32, device)?.to_dtype(DType::F32)?;
        let ids = ids.unsqueeze(0)?.broadcast_as(shape)?;
        // What is not a number is not equal to itself. As the largest of its row, it shows.
        let x = x.eq(&x)?.where_cond(&x, &filled(f32::INFINITY)?)?;
        let lowest_of = |which: &Tensor| which.where_cond(&ids, &filled(vocab as f32)?)?.min_keepdim(D::Minus1);

        let most = x.max_keepdim(D::Minus1)?;
        let largest = x.broadcast_eq(&most)?;
        let distances = x.broadcast_sub(&most)?.maximum(f64::from(NOTHING))?;
        let distances = largest.where_cond(&filled(0.0)?, &distances)?;
        let weights = distances.exp()?;
        let sum = weights.sum_keepdim(D::Minus1)?;
        let weighted = (&weights * &distances)?.sum_keepdim(D::Minus1)?;

        let at = |wanted: &Tensor| -> candle_core::Result<Tensor> {
            ids.broadcast_eq(wanted)?.where_cond(&x, &filled(f32::NEG_INFINITY)?)?.max_keepdim(D::Minus1)
        };
        let column = |id: u32| Tensor::new(id as f32, device)?.broadcast_as((rows, 1));
        let excluded = match reduce.excluded {
            Some(id) => at(&column(id)?)?,
            None => Tensor::zeros((rows, 1), DType::F32, device)?,
        };
        let mut asked = Vec::new();
        for number in 0..most_asked(reduce) {
            let wanted = reduce.asked.iter().map(|row| row.get(number).map_or(vocab as f32, |&id| id as f32));
            let wanted = Tensor::from_vec(wanted.collect(), (rows, 1), device)?;
            let own = at(&wanted)?;
            let larger = x.broadcast_gt(&own)?;
            let before = (x.broadcast_eq(&own)? * ids.broadcast_lt(&wanted)?)?;
            asked.push(own);
            asked.push((larger + before)?.to_dtype(DType::F32)?.sum_keepdim(D::Minus1)?);
        }

        let mut left = x.maximum(f64::from(LOWEST))?;
        if let Some(id) = reduce.excluded {
            left = ids.broadcast_eq(&column(id)?)?.where_cond(&filled(TAKEN)?, &left)?;
        }
        let (mut best, mut logits) = (Vec::with_capacity(reduce.top), Vec::with_capacity(reduce.top));
        for _ in 0..reduce.top {
            let logit = left.max_keepdim(D::Minus1)?;
            let id = lowest_of(&left.broadcast_eq(&logit)?)?;
            left = ids.broadcast_eq(&id)?.where_cond(&filled(TAKEN)?, &left)?;
            best.push(id);
            logits.push(logit);
        }
        best.append(&mut logits);
        best.extend([most, sum, weighted, excluded]);
        best.append(&mut asked);
        Tensor::cat(&best, 1)
    }
}

fn most_asked(reduce: Reduce<'_>) -> usize {
    reduce.asked.iter().map(|row| row.len()).max().unwrap_or_default()
}

impl DeviceRows for TensorRows {
    fn count(&self) -> usize {
        self.0.dims().first().copied().unwrap_or_default()
    }

    fn summaries(&self, reduce: Reduce<'_>) -> Result<Vec<RowSummary>, NetworkError> {
        let vocab = self.0.dim(1)?;
        let numbers: Vec<Vec<f32>> = self.reduced(reduce)?.to_vec2()?;
        let summary = |(row, numbers): (usize, Vec<f32>)| {
            let (best, rest) = numbers.split_at(2 * reduce.top);
            let (ids, logits) = best.split_at(reduce.top);
            let (&[most, sum, weighted, excluded], asked) = rest.split_first_chunk::<FIXED>()?;
            let softmax = Softmax { most, sum: f64::from(sum), weighted: f64::from(weighted) };
            let choice = |id: u32, logit: f32| {
                let logit = if logit == LOWEST { f32::NEG_INFINITY } else { logit };
                TokenChoice { id, logit, probability: softmax.share(logit) }
            };
            let there = |id: &u32| (*id as usize) < vocab;
            let standing = |(id, &[logit, rank]): (&u32, &[f32; 2])| {
                if there(id) {
                    TokenRank { probability: softmax.share(logit), rank: rank as usize }
                } else {
                    TokenRank { probability: 0.0, rank: vocab }
                }
            };
            Some(RowSummary {
                is_sound: softmax.is_sound(),
                top: ids
                    .iter()
                    .zip(logits)
                    .take_while(|(_, logit)| **logit != TAKEN)
                    .map(|(&id, &logit)| choice(id as u32, logit))
                    .collect(),
                excluded: reduce.excluded.filter(there).map(|id| choice(id, excluded)),
                asked: reduce
                    .asked
                    .get(row)
                    .copied()
                    .unwrap_or_default()
                    .iter()
                    .zip(asked.as_chunks::<2>().0)
                    .map(standing)
                    .collect(),
                entropy: softmax.entropy(),
            })
        };
        let summaries: Option<Vec<RowSummary>> = numbers.into_iter().enumerate().map(summary).collect();
        summaries.ok_or_else(|| NetworkError::Backend("the reduced rows have too few numbers".into()))
    }

    fn fetch(&self) -> Result<Vec<f32>, NetworkError> {
        Ok(self.0.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use candle_core::Device;
    use proptest::prelude::*;

    use super::*;
    use crate::model::logits::{Logits, is_sound};

    /// A logit of few values, so that there are ties, now and then none at all.
    fn logit() -> impl Strategy<Value = f32> {
        prop_oneof![
            8 => (-20..20_i32).prop_map(|value| value as f32 / 4.0),
            4 => -30.0..30.0_f32,
            1 => Just(f32::NEG_INFINITY),
            1 => prop_oneof![9 => Just(0.5), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)],
        ]
    }

    /// Rows, how many tokens are wanted of each, the excluded one and those asked for.
    fn case() -> impl Strategy<Value = (usize, Vec<f32>, usize, Option<u32>, Vec<Vec<u32>>)> {
        (1..40_usize, 1..5_usize).prop_flat_map(|(vocab, rows)| {
            let outside = vocab as u32 + 2;
            (
                Just(vocab),
                prop::collection::vec(logit(), vocab * rows),
                1..7_usize,
                prop::option::of(0..outside),
                prop_oneof![Just(Vec::new()), prop::collection::vec(prop::collection::vec(0..outside, 0..4), rows)],
            )
        })
    }

    fn same(found: &[RowSummary], expected: &[RowSummary]) -> Result<(), TestCaseError> {
        let close = |a: f64, b: f64| a == b || (a - b).abs() < 1e-5;
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            prop_assert_eq!(found.is_sound, expected.is_sound);
            if !found.is_sound {
                continue;
            }
            prop_assert_eq!(found.top.len(), expected.top.len());
            for (a, b) in found.top.iter().chain(&found.excluded).zip(expected.top.iter().chain(&expected.excluded)) {
                prop_assert_eq!((a.id, a.logit), (b.id, b.logit));
                prop_assert!(close(a.probability, b.probability), "{a:?} and {b:?}");
            }
            prop_assert_eq!(found.excluded.is_some(), expected.excluded.is_some());
            prop_assert_eq!(found.asked.len(), expected.asked.len());
            for (a, b) in found.asked.iter().zip(&expected.asked) {
                prop_assert_eq!(a.rank, b.rank);
                prop_assert!(close(a.probability, b.probability), "{a:?} and {b:?}");
            }
            prop_assert!(close(found.entropy, expected.entropy), "{} and {}", found.entropy, expected.entropy);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_device_says_of_its_rows_what_the_host_says((vocab, values, top, excluded, asked) in case()) {
            let rows = values.len() / vocab;
            let tensor = Tensor::from_vec(values.clone(), (rows, vocab), &Device::Cpu).unwrap();
            let device = Logits::on_device(vocab, Arc::new(TensorRows(tensor)));
            let host = Logits::new(vocab, values.clone());
            let asked: Vec<&[u32]> = asked.iter().map(Vec::as_slice).collect();
            let reduce = Reduce { excluded, top, asked: &asked };
            same(&device.summaries(reduce).unwrap(), &host.summaries(reduce).unwrap())?;
            prop_assert_eq!((device.rows(), device.vocab()), (rows, vocab));
            // Whole rows can still be had.
            device.fetch().unwrap();
            for row in 0..rows {
                let equal = device.row(row).iter().zip(host.row(row)).all(|(a, b)| a.to_bits() == b.to_bits());
                prop_assert!(equal);
            }
        }
    }

    #[test]
    fn rows_that_say_nothing_show_on_a_device_too() {
        const INF: f32 = f32::INFINITY;
        let rows: [([f32; 3], bool); 8] = [
            ([0.0, 1.0, -INF], true),
            ([2.5, 2.5, 2.5], true),
            ([2.5, 2.5, -INF], true),
            ([0.0, 1.0, f32::NAN], false),
            ([f32::NAN, f32::NAN, f32::NAN], false),
            ([-INF, f32::NAN, -INF], false),
            ([-INF, -INF, -INF], false),
            ([0.0, INF, 3.0], false),
        ];
        let values = rows.iter().flat_map(|(row, _)| *row).collect();
        let tensor = Tensor::from_vec(values, (rows.len(), 3), &Device::Cpu).unwrap();
        for excluded in [None, Some(0)] {
            let device = Logits::on_device(3, Arc::new(TensorRows(tensor.clone())));
            let summaries = device.summaries(Reduce { excluded, top: 2, asked: &[] }).unwrap();
            for (summary, (row, sound)) in summaries.iter().zip(rows) {
                assert_eq!((summary.is_sound, is_sound(&row)), (sound, sound), "{row:?}");
            }
        }
    }

    #[test]
    fn half_precision_is_summed_in_single() {
        let values: Vec<f32> = (0..5000).map(|id| (id % 7) as f32 / 2.0).collect();
        let tensor = Tensor::from_vec(values.clone(), (1, 5000), &Device::Cpu).unwrap();
        let device = Logits::on_device(5000, Arc::new(TensorRows(tensor.to_dtype(DType::BF16).unwrap())));
        let reduce = Reduce { excluded: Some(6), top: 5, asked: &[&[13]] };
        same(&device.summaries(reduce).unwrap(), &Logits::new(5000, values).summaries(reduce).unwrap()).unwrap();
    }
}
