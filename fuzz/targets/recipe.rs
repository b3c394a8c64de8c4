//! Recipes of training.

use diffuscope::train::config::{Config, ConfigError};

use super::{Target, chain, of_text};
use crate::mutate::{Format, Language};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "seed", "[models.x]", "[[phases]]", "from", "mix", "gate", "exact", "copied", "causal", "diffusion", "kind",
    "nan", "inf", "-inf", "[optimizer]", "=", "{ story = 1.0 }", "[0.0, 1.0]", "[]", "\"\"", "true", "#",
];

pub const RECIPE: Target = Target {
    name: "recipe",
    format: Format::Text,
    language: Language { words: WORDS, phrase: None },
    longest: 16 << 10,
    open: |_| of_text(read),
};

fn read(text: &str) -> String {
    match Config::parse(text, "recipe.toml") {
        Ok(config) => {
            for phase in &config.phases {
                let rates = [0, 1, u64::MAX].map(|step| phase.rate(step, 0.5) + f64::from(phase.future(step)));
                assert!(config.shape(&phase.model).is_some(), "{rates:?}");
            }
            "a recipe".to_owned()
        }
        // Its whole message shows the line.
        Err(ConfigError::Parse { source, .. }) => source.message().to_owned(),
        Err(error) => chain(&error),
    }
}
