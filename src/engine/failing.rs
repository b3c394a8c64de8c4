//! From the bytes of an answer that fail to the positions that hold them.

use std::ops::Range;

use crate::model::tokenizer::TokenPart;

/// The positions of the tokens that have a part in the bytes `failed` of the text that `parts` make. The first of
/// `positions` belongs to the first part, and so on; one more may follow, of the token that ends the text. What is missing at
/// an empty range should stand where the next token does.
pub(super) fn positions(failed: &Range<usize>, parts: &[TokenPart], positions: &[usize]) -> Option<Range<usize>> {
    let text: String = parts.iter().map(|part| part.text.as_str()).collect();
    let spans = parts.iter().scan(0, |end, part| {
        let start = *end;
        *end += part.text.len();
        // A character that a later token completes.
        let open = text[*end..].chars().next().filter(|_| part.open).map_or(0, char::len_utf8);
        Some(start..*end + open)
    });
    let spans: Vec<Range<usize>> = spans.collect();
    let holds = |span: &Range<usize>| span.start < failed.end && failed.start < span.end;
    let covered = spans.iter().position(holds).zip(spans.iter().rposition(holds));
    let (first, last) = covered.unwrap_or_else(|| {
        let next = spans.iter().position(|span| span.start >= failed.start && !span.is_empty());
        let next = next.unwrap_or(parts.len());
        (next, next)
    });
    let at = |index: usize| positions.get(index).or(positions.last()).copied();
    Some(at(first)?..at(last)? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(texts: &[&str]) -> Vec<TokenPart> {
        texts.iter().map(|text| TokenPart { text: (*text).to_owned(), open: text.is_empty() }).collect()
    }

    #[test]
    fn a_word_is_found_with_its_implied_space_and_over_several_tokens() {
        let parts = parts(&["The", " goat", " went", " h", "ome"]);
        let found = |bytes| positions(&bytes, &parts, &[10, 11, 12, 13, 14, 15]);
        assert_eq!(found(4..8), Some(11..12), "goat, without its space");
        assert_eq!(found(8..9), Some(12..13), "the space belongs to the word that follows");
        assert_eq!(found(14..18), Some(13..15), "spelled");
        assert_eq!(found(0..18), Some(10..15));
    }

    #[test]
    fn what_is_missing_is_at_the_next_token_or_the_end_of_text() {
        let parts = parts(&["a", ",", " b"]);
        assert_eq!(positions(&(2..2), &parts, &[5, 6, 7, 8]), Some(7..8));
        assert_eq!(positions(&(4..4), &parts, &[5, 6, 7, 8]), Some(8..9), "the end of text came too early");
        assert_eq!(positions(&(4..4), &parts, &[5, 6, 7]), Some(7..8), "the canvas ends there");
        assert_eq!(positions(&(0..0), &[], &[5]), Some(5..6), "nothing but an end");
        assert_eq!(positions(&(0..0), &[], &[]), None);
    }

    #[test]
    fn a_character_of_several_byte_tokens_is_held_by_all_of_them() {
        let parts = parts(&["a", "", "é", "b"]);
        assert_eq!(positions(&(1..3), &parts, &[3, 4, 5, 6]), Some(4..6));
        assert_eq!(positions(&(3..4), &parts, &[3, 4, 5, 6]), Some(6..7));
    }

    #[test]
    fn positions_may_lie_apart() {
        assert_eq!(positions(&(0..3), &parts(&["a", "b", "c"]), &[3, 5, 9]), Some(3..10));
    }
}
