//! Agreement of two orders.

/// Kendall's τ-b of the two numbers of each pair: 1 where both rank alike, −1 where one is the other reversed; ties are
/// left out of account. `None` where either ranks nothing, since all of its numbers are the same. O(n log n), after
/// Knight, "A Computer Method for Calculating Kendall's Tau with Ungrouped Data" (1966).
pub(super) fn tau_b(mut pairs: Vec<(usize, usize)>) -> Option<f64> {
    pairs.sort_unstable();
    let all = pairs_of(pairs.len());
    let tied_first: u64 = pairs.chunk_by(|a, b| a.0 == b.0).map(|tied| pairs_of(tied.len())).sum();
    let tied_both: u64 = pairs.chunk_by(|a, b| a == b).map(|tied| pairs_of(tied.len())).sum();
    let mut second: Vec<usize> = pairs.into_iter().map(|(_, second)| second).collect();
    let discordant = sort(&mut second);
    let tied_second: u64 = second.chunk_by(|a, b| a == b).map(|tied| pairs_of(tied.len())).sum();
    let (ranked_first, ranked_second) = (all - tied_first, all - tied_second);
    if ranked_first == 0 || ranked_second == 0 {
        return None;
    }
    let concordant = ranked_first + tied_both - tied_second - discordant;
    let excess = concordant as f64 - discordant as f64;
    Some(excess / (ranked_first as f64 * ranked_second as f64).sqrt())
}

fn pairs_of(things: usize) -> u64 {
    let things = things as u64;
    things * things.saturating_sub(1) / 2
}

/// Sorts by merging, and returns how many pairs stood in the wrong order.
fn sort(numbers: &mut [usize]) -> u64 {
    let middle = numbers.len() / 2;
    if middle == 0 {
        return 0;
    }
    let (left, right) = numbers.split_at_mut(middle);
    let mut swaps = sort(left) + sort(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (&*left, &*right);
    while let ([first, others @ ..], [second, rest @ ..]) = (left, right) {
        if first <= second {
            merged.push(*first);
            left = others;
        } else {
            merged.push(*second);
            swaps += left.len() as u64;
            right = rest;
        }
    }
    merged.extend(left.iter().chain(right));
    numbers.copy_from_slice(&merged);
    swaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the definition, in O(n²).
    fn by_definition(pairs: &[(usize, usize)]) -> Option<f64> {
        let (mut excess, mut first, mut second) = (0.0, 0.0, 0.0);
        for (at, a) in pairs.iter().enumerate() {
            for b in &pairs[..at] {
                let sign = |a: usize, b: usize| (a > b) as i32 as f64 - (a < b) as i32 as f64;
                excess += sign(a.0, b.0) * sign(a.1, b.1);
                first += sign(a.0, b.0).abs();
                second += sign(a.1, b.1).abs();
            }
        }
        (first > 0.0 && second > 0.0).then(|| excess / (first * second).sqrt())
    }

    #[test]
    fn the_ends_of_the_scale() {
        let both = |second: fn(usize) -> usize| (0..9).map(|first| (first, second(first))).collect();
        assert_eq!(tau_b(both(|first| first)), Some(1.0));
        assert_eq!(tau_b(both(|first| 9 - first)), Some(-1.0));
        assert_eq!(tau_b(both(|_| 4)), None, "all at once is no order");
        assert_eq!(tau_b(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn it_is_what_the_definition_says(pairs in prop::collection::vec((0usize..9, 0usize..9), 0..40)) {
            prop_assert_eq!(tau_b(pairs.clone()), by_definition(&pairs));
        }
    }
}
