//! What the file of a run is called: when it began, its preset and its task.

use jiff::civil::DateTime;

use super::EXTENSION;
use crate::{tasks, trace::Header};

/// The longest preset in a name, in characters.
const LONGEST_PRESET: usize = 40;

/// The longest beginning of a prompt in a name, in characters.
const LONGEST_TASK: usize = 30;

/// The longest prompt that is compared with the tasks, in bytes.
const LONGEST_PROMPT: usize = 4096;

/// The kind of task that a prompt states, where it is one that has a checker.
pub(super) fn family(prompt: &str) -> Option<tasks::Family> {
    (prompt.len() <= LONGEST_PROMPT).then(|| tasks::recognise(prompt))?.map(|task| task.family())
}

/// The name of the file of a run: [`stem`] with the suffix of traces.
pub(super) fn name(header: &Header, began: DateTime) -> String {
    format!("{}.{EXTENSION}", stem(header, began))
}

/// "2026-11-28-140312-flashdlm-story": when, by what, what. Whatever preset and prompt hold, it is one plain name on every system.
pub fn stem(header: &Header, began: DateTime) -> String {
    let preset = slug(header.preset.as_deref().unwrap_or_default(), LONGEST_PRESET);
    let task = family(&header.prompt).map_or_else(|| slug(&header.prompt, LONGEST_TASK), |found| found.name().into());
    let or = |words: String, otherwise: &str| if words.is_empty() { otherwise.to_owned() } else { words };
    let date = began.strftime("%Y-%m-%d-%H%M%S");
    format!("{date}-{}-{}", or(preset, "no-preset"), or(task, "prompt"))
}

/// The first words of a text as small letters and digits with single dashes between them. Letters beyond ASCII stay out:
/// not every file system keeps them apart.
fn slug(text: &str, longest: usize) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if slug.len() >= longest {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_plain_name_whatever_the_text_holds() {
        assert_eq!(slug("Fast-dLLM++ (0.9)", 40), "fast-dllm-0-9");
        assert_eq!(slug("../../etc/passwd\0\u{202e}x", 40), "etc-passwd-x");
        assert_eq!(slug("日本語", 40), "");
        assert_eq!(slug("What is the capital of France?", 20), "what-is-the-capital");
    }
}
