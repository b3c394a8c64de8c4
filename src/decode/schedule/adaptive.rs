//! AdaBlock-dLLM (arXiv 2509.26432): a block ends behind the delimiter that the denoiser is most confident of.
//!
//! On entering a block, the proposals in a window right of its start are looked through for delimiters. The most
//! confident of them ends the block, if it reaches the threshold; else the block has its usual length. The same proposals then make the
//! block's first commits.

use super::super::{canvas::Canvas, proposal::Candidate};
use crate::settings::{DelimiterWindow, SamplerStyle, Settings};

/// One past the last position of the block that starts at `start`; `None` where it keeps its usual length.
///
/// `proposed` holds the candidates of the masked positions, ascending.
pub(super) fn end(
    start: usize,
    proposed: &[Candidate],
    canvas: &Canvas,
    settings: &Settings,
    delimiters: &[u32],
) -> Option<usize> {
    let threshold = settings.delimiter_threshold?;
    let window = start..start + window(start, canvas, settings);
    let mut surest: Option<(usize, f32)> = None;
    for candidate in proposed.iter().filter(|candidate| window.contains(&candidate.proposal.position)) {
        let (token, probability) = predicted(candidate, settings.sampler);
        // The leftmost among equals.
        if delimiters.contains(&token) && surest.is_none_or(|(_, most)| probability > most) {
            surest = Some((candidate.proposal.position, probability));
        }
    }
    surest.filter(|(_, probability)| *probability >= threshold).map(|(position, _)| position + 1)
}

/// Positions that are looked through: a quarter of the generation's length (released code), or of what is written of
/// it, at least one (paper's Algorithm 1); never more than are left.
fn window(start: usize, canvas: &Canvas, settings: &Settings) -> usize {
    let quarter = match settings.delimiter_window {
        DelimiterWindow::Total => canvas.generated() / 4,
        DelimiterWindow::Written => ((start - canvas.prompt()) / 4).max(1),
    };
    quarter.min(canvas.len() - start)
}

/// The predicted token and its probability, as the released samplers take them: LLaDA's the drawn token, Dream's the
/// likeliest; both in the softmax that no temperature and no filter has touched.
fn predicted(candidate: &Candidate, sampler: SamplerStyle) -> (u32, f32) {
    let proposal = &candidate.proposal;
    match (sampler, proposal.alternatives.first()) {
        (SamplerStyle::Filtered, Some(likeliest)) => *likeliest,
        _ => (proposal.token, proposal.confidence),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::record::Proposal;
    use super::*;
    use crate::settings::ScheduleChoice;

    const COMMA: u32 = 5;

    fn candidates(proposed: &[(usize, u32, f32)]) -> Vec<Candidate> {
        let candidate = |&(position, token, confidence): &(usize, u32, f32)| Candidate {
            proposal: Proposal {
                position,
                token,
                confidence,
                entropy: 0.0,
                score: confidence,
                alternatives: vec![(token, confidence)],
                credit: None,
                moved: None,
            },
            score: f64::from(confidence),
            suppressed: false,
            entropy: 0.0,
            gap: 0.0,
        };
        proposed.iter().map(candidate).collect()
    }

    fn settings() -> Settings {
        Settings {
            schedule: ScheduleChoice::Adaptive,
            block_length: Some(8),
            delimiter_threshold: Some(0.5),
            ..Settings::default()
        }
    }

    /// The block's end on a canvas of 4 prompt tokens and 40 masks.
    fn end_at(start: usize, proposed: &[(usize, u32, f32)], settings: &Settings) -> Option<usize> {
        end(start, &candidates(proposed), &Canvas::new(&[1, 2, 3, 4], 40, 9), settings, &[COMMA])
    }

    #[test]
    fn the_surest_delimiter_in_the_window_ends_the_block() {
        let proposed = [(4, 1, 0.9), (6, COMMA, 0.6), (9, COMMA, 0.8), (13, COMMA, 0.8), (14, COMMA, 1.0)];
        assert_eq!(end_at(4, &proposed, &settings()), Some(10));
    }

    #[test]
    fn doubtful_delimiters_and_other_tokens_end_nothing() {
        assert_eq!(end_at(4, &[(6, COMMA, 0.49), (7, 1, 1.0)], &settings()), None);
        assert_eq!(end_at(4, &[(6, COMMA, 0.5)], &settings()), Some(7));
        let never = Settings { delimiter_threshold: None, ..settings() };
        assert_eq!(end_at(4, &[(6, COMMA, 1.0)], &never), None);
    }

    #[test]
    fn the_papers_window_grows_with_what_is_written() {
        let paper = Settings { delimiter_window: DelimiterWindow::Written, ..settings() };
        let proposed = [(4, 1, 1.0), (5, COMMA, 0.9), (16, COMMA, 0.9), (19, COMMA, 0.7)];
        assert_eq!(end_at(4, &proposed, &paper), None, "one position at first");
        assert_eq!(end_at(16, &proposed, &paper), Some(17));
        assert_eq!(end_at(40, &[(43, COMMA, 0.9)], &paper), Some(44), "never beyond the canvas");
    }
}
