//! Lines, blocks and dots, drawn by their geometry: a font's would leave seams between cells.

use super::{
    CellSize,
    stencil::{LEVELS, Stencil},
};

/// The arms of U+2500 to U+257F: up, right, down and left; 1 is light, 2 heavy, 3 double. Others have dots.
const ARMS: [&str; 8] = [
    "0101 0202 1010 2020 .... .... .... .... .... .... .... .... 0110 0210 0120 0220",
    "0011 0012 0021 0022 1100 1200 2100 2200 1001 1002 2001 2002 1110 1210 2110 1120",
    "2120 2210 1220 2220 1011 1012 2011 1021 2021 2012 1022 2022 0111 0112 0211 0212",
    "0121 0122 0221 0222 1101 1102 1201 1202 2101 2102 2201 2202 1111 1112 1211 1212",
    "2111 1121 2121 2112 2211 1122 1221 2212 1222 2122 2221 2222 .... .... .... ....",
    "0303 3030 0310 0130 0330 0013 0031 0033 1300 3100 3300 1003 3001 3003 1310 3130",
    "3330 1013 3031 3033 0313 0131 0333 1303 3101 3303 1313 3131 3333 .... .... ....",
    ".... .... .... .... 0001 1000 0100 0010 0002 2000 0200 0020 0201 1020 0102 2010",
];

/// Which quarters U+2596 to U+259F fill: upper left, upper right, lower left, lower right, from the lowest bit.
const QUARTERS: [u8; 10] = [0b0100, 0b1000, 0b0001, 0b1101, 0b1001, 0b0111, 0b1011, 0b0010, 0b0110, 0b1110];

/// Between two numbers.
fn within(value: f32, from: f32, to: f32) -> bool {
    value >= from && value < to
}

/// The stencil of a character that is drawn by its geometry, in a cell.
pub(super) fn stencil(character: char, cell: &CellSize) -> Option<Stencil> {
    let code = u32::from(character);
    match code {
        0x2504..=0x250b | 0x254c..=0x254f => Some(dashes(code, cell)),
        0x256d..=0x2570 => Some(corner(code, cell)),
        0x2571..=0x2573 => Some(diagonals(code, cell)),
        0x2500..=0x257f => Some(arms(code - 0x2500, cell)),
        0x2580..=0x259f => Some(block(code, cell)),
        0x2800..=0x28ff => Some(braille(code - 0x2800, cell)),
        // A fork, as of a branch; few fonts have it.
        0x2442 => Some(fork(cell)),
        _ => None,
    }
}

/// Where a line of that thickness begins in the middle of a length, at a whole pixel.
fn middle(length: usize, thickness: usize) -> f32 {
    (length.saturating_sub(thickness) / 2) as f32
}

/// The lines of an arm that is `weight` strong: where each begins across the arm, and how thick it is.
fn lines(weight: u8, length: usize, stroke: usize) -> Vec<(f32, f32)> {
    let stroke_width = stroke as f32;
    match weight {
        1 => vec![(middle(length, stroke), stroke_width)],
        2 => vec![(middle(length, 2 * stroke), 2.0 * stroke_width)],
        3 => {
            let first = middle(length, 3 * stroke);
            vec![(first, stroke_width), (first + 2.0 * stroke_width, stroke_width)]
        }
        _ => Vec::new(),
    }
}

/// Where the lines of two opposite arms begin and end together; the middle where there are none.
fn span(weights: [u8; 2], length: usize, stroke: usize) -> (f32, f32) {
    let all = weights.map(|weight| lines(weight, length, stroke)).concat();
    let first = all.iter().map(|(from, _)| *from).fold(f32::INFINITY, f32::min);
    let last = all.iter().map(|(from, thick)| from + thick).fold(f32::NEG_INFINITY, f32::max);
    if all.is_empty() { (middle(length, stroke), middle(length, stroke) + stroke as f32) } else { (first, last) }
}

fn arms(index: u32, cell: &CellSize) -> Stencil {
    let row = ARMS[index as usize / 16].as_bytes();
    let at = index as usize % 16 * 5;
    let [up, right, down, left] = [0, 1, 2, 3].map(|arm| row[at + arm].wrapping_sub(b'0'));
    let (width, height, stroke) = (cell.width, cell.height, cell.stroke());
    // Every arm reaches through what it meets.
    let across = span([up, down], width, stroke);
    let along = span([left, right], height, stroke);
    let (wide, high) = (width as f32, height as f32);
    let mut bars = Vec::new();
    for (weight, from, to) in [(up, 0.0, along.1), (down, along.0, high)] {
        bars.extend(lines(weight, width, stroke).into_iter().map(|(x, thick)| (x, x + thick, from, to)));
    }
    for (weight, from, to) in [(left, 0.0, across.1), (right, across.0, wide)] {
        bars.extend(lines(weight, height, stroke).into_iter().map(|(y, thick)| (from, to, y, y + thick)));
    }
    Stencil::of(width, height, |x, y| {
        bars.iter().any(|(left, right, top, bottom)| within(x, *left, *right) && within(y, *top, *bottom))
    })
}

/// Lines of two, three or four dashes.
fn dashes(code: u32, cell: &CellSize) -> Stencil {
    let (count, style) = match code {
        0x2504..=0x2507 => (3.0, code - 0x2504),
        0x2508..=0x250b => (4.0, code - 0x2508),
        _ => (2.0, code - 0x254c),
    };
    let (is_heavy, is_upright) = (style % 2 == 1, style >= 2);
    let stroke = cell.stroke() * if is_heavy { 2 } else { 1 };
    let (length, breadth) = if is_upright { (cell.height, cell.width) } else { (cell.width, cell.height) };
    let (from, each) = (middle(breadth, stroke), length as f32 / count);
    Stencil::of(cell.width, cell.height, |x, y| {
        let (along, across) = if is_upright { (y, x) } else { (x, y) };
        within(across, from, from + stroke as f32) && along % each < each * 0.6
    })
}

/// A rounded corner.
fn corner(code: u32, cell: &CellSize) -> Stencil {
    let (width, height, thick) = (cell.width, cell.height, cell.stroke() as f32);
    let (left, top) = (middle(width, cell.stroke()), middle(height, cell.stroke()));
    let (centre_x, centre_y) = (left + thick / 2.0, top + thick / 2.0);
    // As a corner that goes right and down; the others are its mirror images.
    let (to_left, to_top) = (matches!(code, 0x256e | 0x256f), matches!(code, 0x256f | 0x2570));
    let radius = middle(width.min(height), cell.stroke());
    Stencil::of(width, height, |x, y| {
        let right = if to_left { centre_x - x } else { x - centre_x };
        let down = if to_top { centre_y - y } else { y - centre_y };
        let half = thick / 2.0;
        if right >= radius {
            down.abs() < half
        } else if down >= radius {
            right.abs() < half
        } else {
            let distance = (radius - right).hypot(radius - down);
            right > -half && down > -half && (distance - radius).abs() < half
        }
    })
}

fn diagonals(code: u32, cell: &CellSize) -> Stencil {
    let (wide, high) = (cell.width as f32, cell.height as f32);
    let rising = segment((0.0, high), (wide, 0.0), cell.stroke() as f32);
    let falling = segment((0.0, 0.0), (wide, high), cell.stroke() as f32);
    Stencil::of(cell.width, cell.height, |x, y| (code != 0x2572 && rising(x, y)) || (code != 0x2571 && falling(x, y)))
}

/// What is near a line between two points, without regard to its ends where `x` and `y` lie beyond them.
fn segment(from: (f32, f32), to: (f32, f32), thick: f32) -> impl Fn(f32, f32) -> bool {
    let (run, rise) = (to.0 - from.0, to.1 - from.1);
    let length = run.hypot(rise);
    move |x, y| {
        let (right, down) = (x - from.0, y - from.1);
        let along = (right * run + down * rise) / length;
        let away = (right * rise - down * run).abs() / length;
        away < thick / 2.0 + 0.1 && within(along, -thick, length + thick)
    }
}

fn fork(cell: &CellSize) -> Stencil {
    let at = |x: f32, y: f32| (x * cell.width as f32, y * cell.height as f32);
    let thick = cell.stroke() as f32 * 1.2;
    let strokes = [(at(0.5, 0.9), at(0.5, 0.55)), (at(0.5, 0.55), at(0.15, 0.2)), (at(0.5, 0.55), at(0.85, 0.2))]
        .map(|(from, to)| segment(from, to, thick));
    Stencil::of(cell.width, cell.height, |x, y| strokes.iter().any(|stroke| stroke(x, y)))
}

/// Blocks: bars of eighths, shades, quarters.
fn block(code: u32, cell: &CellSize) -> Stencil {
    let (width, height) = (cell.width, cell.height);
    let eighths = |length: usize, eighths: u32| (length as f32 * eighths as f32 / 8.0).round();
    let (wide, high) = (width as f32, height as f32);
    let fill = |left: f32, right: f32, top: f32, bottom: f32| {
        Stencil::of(width, height, |x, y| within(x, left, right) && within(y, top, bottom))
    };
    match code {
        0x2580 => fill(0.0, wide, 0.0, eighths(height, 4)),
        // What is left of the cell is what the bar that grows from above would fill.
        0x2581..=0x2588 => fill(0.0, wide, eighths(height, 0x2588 - code), high),
        0x2589..=0x258f => fill(0.0, eighths(width, 0x2590 - code), 0.0, high),
        0x2590 => fill(eighths(width, 4), wide, 0.0, high),
        // A quarter, a half, three quarters.
        0x2591..=0x2593 => Stencil::even(width, height, (code - 0x2590) as u8 * LEVELS / 4),
        0x2594 => fill(0.0, wide, 0.0, eighths(height, 1)),
        0x2595 => fill(wide - eighths(width, 1), wide, 0.0, high),
        _ => {
            let quarters = QUARTERS[(code - 0x2596) as usize];
            let (column, row) = (eighths(width, 4), eighths(height, 4));
            Stencil::of(width, height, |x, y| {
                let quarter = u8::from(x >= column) + 2 * u8::from(y >= row);
                quarters >> quarter & 1 == 1
            })
        }
    }
}

/// Dots in two columns and four rows.
fn braille(dots: u32, cell: &CellSize) -> Stencil {
    let (column, row) = (cell.width as f32 / 2.0, cell.height as f32 / 4.0);
    let radius = column.min(row) * 0.36;
    // The last row came later than the others.
    let bit = |x: usize, y: usize| if y == 3 { 6 + x } else { 3 * x + y };
    Stencil::of(cell.width, cell.height, |x, y| {
        let (across, down) = ((x / column) as usize, (y / row) as usize);
        let (middle_x, middle_y) = ((across as f32 + 0.5) * column, (down as f32 + 0.5) * row);
        dots >> bit(across.min(1), down.min(3)) & 1 == 1 && (x - middle_x).hypot(y - middle_y) < radius
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a character, a line per row.
    fn drawn(character: char) -> Vec<String> {
        let cell = CellSize::of(16);
        let stencil = stencil(character, &cell).expect("it has a geometry");
        let pixel = |level: &u8| {
            if *level == 0 {
                '.'
            } else if *level < LEVELS {
                '+'
            } else {
                '#'
            }
        };
        (0..stencil.height).map(|y| stencil.row(y).iter().map(pixel).collect()).collect()
    }

    /// Whether it covers something at the middle of its upper, right, lower and left edge.
    fn edges(character: char) -> [bool; 4] {
        let rows = drawn(character);
        let any = |row: &str| row.contains('#');
        let side = |at: usize| rows.iter().any(|row| row.as_bytes()[at] == b'#');
        [any(&rows[0]), side(rows[0].len() - 1), any(&rows[rows.len() - 1]), side(0)]
    }

    #[test]
    fn lines_reach_the_edges_that_they_lead_to() {
        for (character, expected) in [
            ('─', [false, true, false, true]),
            ('│', [true, false, true, false]),
            ('╭', [false, true, true, false]),
            ('╮', [false, false, true, true]),
            ('╰', [true, true, false, false]),
            ('╯', [true, false, false, true]),
            ('├', [true, true, true, false]),
            ('┼', [true; 4]),
            ('╸', [false, false, false, true]),
            ('█', [true; 4]),
        ] {
            assert_eq!(edges(character), expected, "{character}");
        }
    }

    #[test]
    fn lines_of_neighbours_meet() {
        let column = |character: char| drawn(character).iter().map(|row| row.as_bytes()[0]).collect::<Vec<_>>();
        let last =
            |character: char| drawn(character).iter().map(|row| row.as_bytes()[row.len() - 1]).collect::<Vec<_>>();
        assert_eq!(last('─'), column('─'));
        assert_eq!(last('╭'), column('─'));
        assert_eq!(last('├'), column('╯'));
        assert_eq!(drawn('╭').last(), drawn('│').first());
        assert_eq!(drawn('╰').first(), drawn('│').last());
    }

    #[test]
    fn a_bar_and_its_rest_fill_the_cell() {
        let count = |character: char| drawn(character).concat().matches('#').count();
        let cell = CellSize::of(16);
        assert_eq!(count('█'), cell.width * cell.height);
        assert_eq!(count('▀') + count('▄'), count('█'));
        assert_eq!(count('▌') + count('▐'), count('█'));
        assert_eq!(count('▞') + count('▚'), count('█'));
        let eighths = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'].map(count);
        assert!(eighths.is_sorted() && eighths[0] > 0, "{eighths:?}");
    }

    #[test]
    fn every_character_of_the_ranges_has_a_shape() {
        let cell = CellSize::of(8);
        for code in (0x2500..=0x259f).chain(0x2801..=0x28ff) {
            let character = char::from_u32(code).expect("a character");
            let stencil = stencil(character, &cell).expect("a shape");
            assert!((0..stencil.height).any(|y| stencil.row(y).iter().any(|level| *level > 0)), "{character}");
        }
    }
}
