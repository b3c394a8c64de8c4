//! How much of a position's neighbourhood is committed: the certainty density of d²Cache (arXiv 2509.23094).
//!
//! `density(i) = Σ_j g(i−j)·c_j / Σ_j g(i−j)` with `g(d) = exp(−d²/2σ²)`, where `c_j` is 1 at committed positions and 0 at
//! masks. The sums run over the generation and as much on both sides of it: everything to its left counts as committed,
//! everything to its right as its last position. Left-to-right decoding follows from it without a rule that says so.

use super::canvas::Canvas;

/// Distance in σ beyond which the kernel is below 1e-13.
const REACH: f64 = 8.0;

/// The density at every live position, 1 in the prompt.
pub(super) fn certainty_density(canvas: &Canvas, sigma: f32) -> Vec<f64> {
    let (prompt, live) = (canvas.prompt(), canvas.live());
    let generated = live - prompt;
    let sigma = f64::from(sigma);
    let reach = ((REACH * sigma).ceil() as usize).min(2 * generated);
    let kernel: Vec<f64> = (0..=reach).map(|d| (-((d * d) as f64) / (2.0 * sigma * sigma)).exp()).collect();
    let committed = |at: usize| match at.checked_sub(generated) {
        None => 1.0,
        Some(index) => f64::from(u8::from(!canvas.is_masked(prompt + index.min(generated - 1)))),
    };
    // From here on positions count from `generated` before the generation.
    let extended: Vec<f64> = (0..3 * generated).map(committed).collect();
    let density = |index: usize| {
        let at = generated + index;
        let near = at.saturating_sub(reach)..(at + reach + 1).min(extended.len());
        let (mut sum, mut weight) = (0.0, 0.0);
        for other in near {
            let share = kernel[other.abs_diff(at)];
            sum += share * extended[other];
            weight += share;
        }
        sum / weight
    };
    std::iter::repeat_n(1.0, prompt).chain((0..generated).map(density)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn density_of(generation: &[bool], sigma: f32) -> Vec<f64> {
        let mut canvas = Canvas::new(&[1, 2], generation.len(), 9);
        for (index, _) in generation.iter().enumerate().filter(|(_, committed)| **committed) {
            canvas.write(2 + index, 5);
        }
        certainty_density(&canvas, sigma)
    }

    #[test]
    fn density_falls_with_the_distance_from_what_is_committed() {
        let all_masked = density_of(&[false; 20], 3.0);
        assert_eq!(all_masked[..2], [1.0, 1.0]);
        assert!(all_masked[2..].is_sorted_by(|a, b| a > b) && all_masked[2] < 0.5);
        let island = density_of(&[false, false, false, false, false, true, false, false], 1.0);
        assert!(island[7] > island[6] && island[8] > island[9]);
        assert!(density_of(&[true; 6], 10.0).iter().all(|density| (density - 1.0).abs() < 1e-12));
    }

    #[test]
    fn what_is_right_of_the_canvas_is_as_its_last_position() {
        let (open, closed) = (density_of(&[false, false, false], 1.0), density_of(&[false, false, true], 1.0));
        assert!(closed[3] - open[3] > 0.3, "the last commit also stands for what follows");
        // By hand: positions -3..6, committed left of 0; g(1), g(2), … of σ = 1.
        let g = |d: f64| (-d * d / 2.0).exp();
        let (left, right) = (g(1.0) + g(2.0) + g(3.0), g(1.0) + g(2.0) + g(3.0) + g(4.0) + g(5.0));
        assert!((open[2] - left / (left + 1.0 + right)).abs() < 1e-12);
    }
}
