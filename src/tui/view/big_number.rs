//! A number in figures three rows high, of half blocks.

use ratatui::style::Style;

use super::pen::Pen;

/// Rows of cells.
pub(super) const ROWS: u16 = 3;

/// Five rows of pixels each, the leftmost pixel in the highest bit; three pixels wide.
const FIGURES: [(char, [u8; 5]); 12] = [
    ('0', [0b111, 0b101, 0b101, 0b101, 0b111]),
    ('1', [0b010, 0b110, 0b010, 0b010, 0b111]),
    ('2', [0b111, 0b001, 0b111, 0b100, 0b111]),
    ('3', [0b111, 0b001, 0b111, 0b001, 0b111]),
    ('4', [0b101, 0b101, 0b111, 0b001, 0b001]),
    ('5', [0b111, 0b100, 0b111, 0b001, 0b111]),
    ('6', [0b111, 0b100, 0b111, 0b101, 0b111]),
    ('7', [0b111, 0b001, 0b001, 0b010, 0b010]),
    ('8', [0b111, 0b101, 0b111, 0b101, 0b111]),
    ('9', [0b111, 0b101, 0b111, 0b001, 0b111]),
    ('.', [0b000, 0b000, 0b000, 0b000, 0b010]),
    ('×', [0b000, 0b101, 0b010, 0b101, 0b000]),
];

/// Cells that a number takes.
pub(super) fn width(number: &str) -> u16 {
    (number.chars().count() * 4).saturating_sub(1) as u16
}

/// Draws a number with its top left corner there.
pub(super) fn draw(number: &str, x: u16, y: u16, style: Style, pen: &mut Pen<'_>) {
    for (c, x) in number.chars().zip((x..).step_by(4)) {
        let Some((_, pixels)) = FIGURES.iter().find(|(figure, _)| *figure == c) else { continue };
        for (rows, y) in pixels.chunks(2).zip(y..) {
            let lit = |row: usize, column: u16| rows.get(row).is_some_and(|bits| bits >> (2 - column) & 1 == 1);
            for column in 0..3 {
                let block = match (lit(0, column), lit(1, column)) {
                    (true, true) => "█",
                    (true, false) => "▀",
                    (false, true) => "▄",
                    (false, false) => continue,
                };
                pen.put(x + column, y, 1, block, style);
            }
        }
    }
}
