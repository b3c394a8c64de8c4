//! The filter of a denoiser.

use diffuscope::decode::filter::{BLOCK, Filter};

use super::{Target, of_text};
use crate::mutate::{Format, Language};

pub const FILTER: Target = Target {
    name: "filter",
    format: Format::Json,
    language: Language { words: &["about", "layers", "weight", "bias"], phrase: None },
    longest: 64 << 10,
    open: |_| of_text(read),
};

fn read(text: &str) -> String {
    match Filter::parse(text) {
        Ok(filter) => {
            let sure = filter.probabilities(&[1.0; BLOCK]);
            let numbers = sure.iter().filter(|probability| (0.0..=1.0).contains(*probability)).count();
            if numbers == BLOCK { "a filter".to_owned() } else { "a filter that overflows".to_owned() }
        }
        Err(error) => error.to_string(),
    }
}
