//! The words of a screen, for those who are read to.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;

use crate::export::raster::places;

/// Blanks that are no space between words: something else begins behind them.
const GAP: u16 = 3;

/// A column of words begins in so many rows at least.
const ROWS: usize = 5;

/// Words that stand together, and the cell where they begin.
type Phrase = (u16, String);

/// The words of a screen without its lines, blocks and signs: a line for each row that has some; of two columns, first the
/// left one.
pub(super) fn words(screen: &Buffer) -> String {
    let rows = phrases(screen);
    let mut starts: BTreeMap<u16, usize> = BTreeMap::new();
    for (x, _) in rows.iter().flatten().filter(|(x, _)| *x > screen.area.width / 3) {
        *starts.entry(*x).or_default() += 1;
    }
    let column = starts.into_iter().filter(|(_, rows)| *rows >= ROWS).max_by_key(|(_, rows)| *rows);
    let column = column.map_or(screen.area.width, |(x, _)| x);
    let lines = |is_left: bool| rows.iter().map(move |row| line(row.iter().filter(|(x, _)| (*x < column) == is_left)));
    lines(true).chain(lines(false)).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn line<'a>(phrases: impl Iterator<Item = &'a Phrase>) -> String {
    phrases.map(|(_, words)| words.as_str()).collect::<Vec<_>>().join(" ")
}

/// The phrases of each row.
fn phrases(screen: &Buffer) -> Vec<Vec<Phrase>> {
    let mut rows = vec![Vec::<Phrase>::new(); screen.area.height.into()];
    let mut end = 0;
    for place in places(screen) {
        let symbol = screen[(place.x, place.y)].symbol();
        let is_sign = |c: char| c.is_whitespace() || ('\u{2190}'..='\u{2bff}').contains(&c);
        if symbol.chars().all(is_sign) {
            continue;
        }
        match rows[usize::from(place.y)].last_mut() {
            Some((_, words)) if place.x < end + GAP => {
                words.push_str(if place.x > end { " " } else { "" });
                words.push_str(symbol);
            }
            _ => rows[usize::from(place.y)].push((place.x, symbol.to_owned())),
        }
        end = place.right();
    }
    rows
}
