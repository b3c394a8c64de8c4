//! Laying tokens out in a grid: every position has a fixed group of cells, and nothing ever moves.
//!
//! How wide the tokens of a run will be is known at its end only, so that groups are as wide as the room allows.

use std::borrow::Cow;

use super::{
    pen::{cut, is_plain, width},
    row::{Ink, TextRow, Token},
};
use crate::{printable, tui::theme::Glyphs};

/// Cells of a group, at least and at most, the gap behind it included.
const GROUPS: std::ops::RangeInclusive<u16> = 6..=10;

/// Cells of a group where the canvas is higher than its pane at any width.
const USUAL: u16 = 8;

/// From this width of the pane on.
const ROOMY: u16 = 60;

/// How a grid is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridRule {
    columns: usize,
    group: u16,
}

impl GridRule {
    /// For `count` positions in rows of `width` cells: groups as wide as `height` rows allow. The number of columns is a
    /// multiple of four, as the lengths of blocks are.
    pub fn of(count: usize, width: u16, height: u16) -> Self {
        let columns = |group: u16| {
            let most = usize::from(width / group).max(1);
            if most >= 4 { most / 4 * 4 } else { most }
        };
        let fits = |group: &u16| count.div_ceil(columns(*group)) <= usize::from(height);
        let usual = if width >= ROOMY { USUAL } else { *GROUPS.start() };
        let columns = columns(GROUPS.rev().find(fits).unwrap_or(usual).min(width));
        // What so many columns leave over goes to their tokens.
        let group = (width / columns as u16).min(*GROUPS.end()).max(1);
        Self { columns, group }
    }
}

/// Lays tokens out in rows of groups.
pub fn grid(tokens: &[Token<'_>], rule: GridRule, glyphs: &Glyphs) -> Vec<TextRow> {
    tokens.chunks(rule.columns).map(|tokens| row(tokens, rule.group, glyphs)).collect()
}

fn row(tokens: &[Token<'_>], group: u16, glyphs: &Glyphs) -> TextRow {
    let mut row = TextRow { opens_block: tokens.first().is_some_and(|token| token.opens_block), ..TextRow::default() };
    let room = group.saturating_sub(1).max(1);
    for (token, column) in tokens.iter().zip(0..) {
        let x = column * group;
        if token.opens_block && column > 0 {
            row.border(x, glyphs.block);
        }
        let (text, ink) = shown(token, glyphs);
        let end = row.put(token.position, x, cut(&text, room, glyphs.ellipsis), ink);
        if token.is_new_draft && end < x + group {
            row.sign(end, glyphs.new_draft, Ink::Mark);
        }
    }
    row
}

/// A token by itself: on one line, without the blanks around it, and something to see in any case.
fn shown(token: &Token<'_>, glyphs: &Glyphs) -> (String, Ink) {
    if token.ink != Ink::Text {
        return (token.text.to_string(), token.ink);
    }
    let text = word(&token.text, glyphs).into_owned();
    let is_sign = [glyphs.newline, glyphs.blank, glyphs.empty].contains(&&*text);
    (text, if is_sign { Ink::Sign } else { Ink::Text })
}

/// The text of a token by itself, without the blanks around it, with signs for what cannot be seen.
pub fn word<'a>(text: &'a str, glyphs: &Glyphs) -> Cow<'a, str> {
    let trimmed = text.trim();
    if !trimmed.is_empty() && is_plain(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    let visible = trimmed.replace('\n', glyphs.newline).replace('\u{fffd}', glyphs.empty);
    let visible = printable::standing(Cow::Owned(visible)).into_owned();
    match (width(&visible), text.contains('\n'), text.is_empty()) {
        (1.., ..) => visible.into(),
        (_, true, _) => glyphs.newline.into(),
        (_, _, false) => glyphs.blank.into(),
        (_, _, true) => glyphs.empty.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_columns_leave_over_goes_to_their_tokens() {
        let of = |count, width, height| {
            let rule = GridRule::of(count, width, height);
            (rule.columns, rule.group)
        };
        assert_eq!(of(224, 40, 9), (4, 10), "a narrow pane that scrolls");
        assert_eq!(of(224, 73, 10), (8, 9));
        assert_eq!(of(224, 150, 40), (12, 10), "no wider than tokens are");
        assert_eq!([of(5, 3, 4), of(5, 1, 4)], [(1, 3), (1, 1)]);
    }
}
