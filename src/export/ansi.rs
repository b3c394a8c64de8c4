//! From one screen to the next, as terminal output that does not depend on where the terminal that plays it takes its
//! cursor to be.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use crate::tui::view;

/// What turns a screen that shows `before` into one that shows `after`.
///
/// Terminals agree about the width of ASCII alone. Behind anything else the cursor may be anywhere up to two
/// cells for each character further on, so it is placed again, and the cells that may have been run over are written
/// again.
pub(super) fn changes(before: &Buffer, after: &Buffer, out: &mut String) {
    let area = after.area;
    let mut pen: Option<(Color, Color, Modifier)> = None;
    for y in area.top()..area.bottom() {
        // Where the cursor is, while that is sure.
        let mut next = None;
        // From the left up to here, cells may have been run over.
        let mut reach = area.left();
        let mut x = area.left();
        while x < area.right() {
            let (old, new) = (&before[(x, y)], &after[(x, y)]);
            let width = cells(new);
            let mut own = x..(x + width).min(area.right());
            if x < reach || own.any(|x| before[(x, y)] != after[(x, y)]) {
                if next != Some(x) {
                    place(x, y, out);
                }
                let style = (new.fg, new.bg, new.modifier);
                if pen != Some(style) {
                    select(style, out);
                    pen = Some(style);
                }
                if width > 1 {
                    // Where it takes fewer cells, nothing older shows in the others.
                    out.extend(std::iter::repeat_n(' ', width.into()));
                    place(x, y, out);
                }
                let end = x + spread(new);
                if end > area.right() {
                    // Not into the next row. Where nothing joins, what follows the first character would fall on it.
                    let first = new.symbol().chars().next().unwrap_or(' ');
                    let _ = write!(out, "\x1b[?7l{first}\x1b[?7h");
                } else {
                    out.push_str(new.symbol());
                }
                next = is_plain(new).then_some(end);
                reach = reach.max(end).max(x + spread(old));
            }
            x += width;
        }
    }
}

fn place(x: u16, y: u16, out: &mut String) {
    let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
}

fn cells(cell: &Cell) -> u16 {
    view::cells(cell.symbol()).max(1)
}

/// Whether every terminal gives it one cell, whatever its tables and its locale.
fn is_plain(cell: &Cell) -> bool {
    cell.symbol().len() == 1
}

/// How many cells it takes at most.
fn spread(cell: &Cell) -> u16 {
    // No row is as long as the most that is counted here.
    let most = || (2 * cell.symbol().chars().count()).min(1000) as u16;
    if is_plain(cell) { 1 } else { cells(cell).max(most()) }
}

/// "Select graphic rendition": from scratch, so that no attribute leaks from cell to cell.
fn select((fg, bg, modifier): (Color, Color, Modifier), out: &mut String) {
    out.push_str("\x1b[0");
    let attributes = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
        (Modifier::CROSSED_OUT, 9),
    ];
    for (attribute, code) in attributes {
        if modifier.contains(attribute) {
            let _ = write!(out, ";{code}");
        }
    }
    for (colour, ground) in [(fg, 38), (bg, 48)] {
        match colour {
            Color::Rgb(r, g, b) => {
                let _ = write!(out, ";{ground};2;{r};{g};{b}");
            }
            Color::Indexed(index) => {
                let _ = write!(out, ";{ground};5;{index}");
            }
            // The themes name no other colour at the level of casts.
            _ => {}
        }
    }
    out.push('m');
}
