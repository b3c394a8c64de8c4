//! Lines, blocks and dots, drawn by their geometry: a font's would leave seams between cells.

use super::{
    CellSize,
    stencil::{LEVELS, Stencil},
};

/// What a character looks like that is drawn by its geometry.
#[derive(Debug, Clone, PartialEq)]
pub enum CellShape {
    /// The whole cell, in so many sixteenths of the text's colour.
    Shade(u8),
    /// Parts, which may overlap.
    Parts(Vec<ShapePart>),
}

/// A part of a shape, in pixels from the top left of its cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ShapePart {
    /// A rectangle.
    Bar { left: f32, right: f32, top: f32, bottom: f32 },
    /// A quarter of a ring of that radius, in the middle of its line: the one that lies to this side of the centre, across and
    /// down.
    Bend { centre: (f32, f32), side: (f32, f32), radius: f32, thick: f32 },
    /// A straight line, as much longer at both ends as it is thick.
    Line { from: (f32, f32), to: (f32, f32), thick: f32 },
    /// A disc.
    Dot { centre: (f32, f32), radius: f32 },
}

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

/// What a cell's symbol looks like, where it is one character whose geometry is known.
pub fn shape(symbol: &str, cell: &CellSize) -> Option<CellShape> {
    let mut characters = symbol.chars();
    let code = characters.next().filter(|_| characters.next().is_none()).map(u32::from)?;
    let parts = match code {
        // A quarter, a half, three quarters.
        0x2591..=0x2593 => return Some(CellShape::Shade((code - 0x2590) as u8 * LEVELS / 4)),
        0x2504..=0x250b | 0x254c..=0x254f => dashes(code, cell),
        0x256d..=0x2570 => corner(code, cell),
        0x2571..=0x2573 => diagonals(code, cell),
        0x2500..=0x257f => arms(code - 0x2500, cell),
        0x2580..=0x259f => block(code, cell),
        0x2800..=0x28ff => braille(code - 0x2800, cell),
        // A fork, as of a branch; few fonts have it.
        0x2442 => fork(cell),
        _ => return None,
    };
    Some(CellShape::Parts(parts))
}

impl CellShape {
    /// The pixels that it covers.
    pub fn stencil(&self, cell: &CellSize) -> Stencil {
        match self {
            Self::Shade(level) => Stencil::even(cell.width, cell.height, *level),
            Self::Parts(parts) => {
                Stencil::of(cell.width, cell.height, |x, y| parts.iter().any(|part| part.holds(x, y)))
            }
        }
    }
}

impl ShapePart {
    /// Whether a point is inside.
    fn holds(&self, x: f32, y: f32) -> bool {
        match *self {
            Self::Bar { left, right, top, bottom } => within(x, left, right) && within(y, top, bottom),
            Self::Bend { centre, side, radius, thick } => {
                let (right, down) = (x - centre.0, y - centre.1);
                let is_there = right * side.0 > 0.0 && down * side.1 > 0.0;
                is_there && (right.hypot(down) - radius).abs() < thick / 2.0
            }
            Self::Line { from, to, thick } => {
                let (run, rise) = (to.0 - from.0, to.1 - from.1);
                let (right, down, length) = (x - from.0, y - from.1, run.hypot(rise));
                let along = (right * run + down * rise) / length;
                let away = (right * rise - down * run).abs() / length;
                away < thick / 2.0 + 0.1 && within(along, -thick, length + thick)
            }
            Self::Dot { centre, radius } => (x - centre.0).hypot(y - centre.1) < radius,
        }
    }
}

fn bar((left, right): (f32, f32), (top, bottom): (f32, f32)) -> ShapePart {
    ShapePart::Bar { left, right, top, bottom }
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

fn arms(index: u32, cell: &CellSize) -> Vec<ShapePart> {
    let row = ARMS[index as usize / 16].as_bytes();
    let at = index as usize % 16 * 5;
    let [up, right, down, left] = [0, 1, 2, 3].map(|arm| row[at + arm].wrapping_sub(b'0'));
    let (width, height, stroke) = (cell.width, cell.height, cell.stroke());
    // Every arm reaches through what it meets.
    let across = span([up, down], width, stroke);
    let along = span([left, right], height, stroke);
    let (wide, high) = (width as f32, height as f32);
    let mut bars = Vec::new();
    for (weight, ends) in [(up, (0.0, along.1)), (down, (along.0, high))] {
        bars.extend(lines(weight, width, stroke).into_iter().map(|(x, thick)| bar((x, x + thick), ends)));
    }
    for (weight, ends) in [(left, (0.0, across.1)), (right, (across.0, wide))] {
        bars.extend(lines(weight, height, stroke).into_iter().map(|(y, thick)| bar(ends, (y, y + thick))));
    }
    bars
}

/// Lines of two, three or four dashes.
fn dashes(code: u32, cell: &CellSize) -> Vec<ShapePart> {
    let (count, style) = match code {
        0x2504..=0x2507 => (3, code - 0x2504),
        0x2508..=0x250b => (4, code - 0x2508),
        _ => (2, code - 0x254c),
    };
    let (is_heavy, is_upright) = (style % 2 == 1, style >= 2);
    let stroke = cell.stroke() * if is_heavy { 2 } else { 1 };
    let (length, breadth) = if is_upright { (cell.height, cell.width) } else { (cell.width, cell.height) };
    let (from, each) = (middle(breadth, stroke), length as f32 / count as f32);
    let across = (from, from + stroke as f32);
    let dash = |number: u32| {
        let along = (number as f32 * each, (number as f32 + 0.6) * each);
        if is_upright { bar(across, along) } else { bar(along, across) }
    };
    (0..count).map(dash).collect()
}

/// A rounded corner: a bend between two lines that lead to the edges.
fn corner(code: u32, cell: &CellSize) -> Vec<ShapePart> {
    let (width, height, thick) = (cell.width, cell.height, cell.stroke() as f32);
    let (left, top) = (middle(width, cell.stroke()), middle(height, cell.stroke()));
    let radius = middle(width.min(height), cell.stroke());
    // The bend turns around a point between the two edges that it joins.
    let turn = |to_start: bool, from: f32, length: usize| {
        let middle = from + thick / 2.0;
        let centre = if to_start { middle - radius } else { middle + radius };
        (centre, if to_start { (0.0, centre) } else { (centre, length as f32) })
    };
    let (x, along) = turn(matches!(code, 0x256e | 0x256f), left, width);
    let (y, down) = turn(matches!(code, 0x256f | 0x2570), top, height);
    let side = (left + thick / 2.0 - x, top + thick / 2.0 - y);
    vec![
        bar(along, (top, top + thick)),
        bar((left, left + thick), down),
        ShapePart::Bend { centre: (x, y), side, radius, thick },
    ]
}

fn diagonals(code: u32, cell: &CellSize) -> Vec<ShapePart> {
    let (wide, high, thick) = (cell.width as f32, cell.height as f32, cell.stroke() as f32);
    let rising = ShapePart::Line { from: (0.0, high), to: (wide, 0.0), thick };
    let falling = ShapePart::Line { from: (0.0, 0.0), to: (wide, high), thick };
    match code {
        0x2571 => vec![rising],
        0x2572 => vec![falling],
        _ => vec![rising, falling],
    }
}

fn fork(cell: &CellSize) -> Vec<ShapePart> {
    let at = |x: f32, y: f32| (x * cell.width as f32, y * cell.height as f32);
    let thick = cell.stroke() as f32 * 1.2;
    let strokes = [(at(0.5, 0.9), at(0.5, 0.55)), (at(0.5, 0.55), at(0.15, 0.2)), (at(0.5, 0.55), at(0.85, 0.2))];
    strokes.map(|(from, to)| ShapePart::Line { from, to, thick }).to_vec()
}

/// Blocks: bars of eighths, and quarters.
fn block(code: u32, cell: &CellSize) -> Vec<ShapePart> {
    let eighths = |length: usize, eighths: u32| (length as f32 * eighths as f32 / 8.0).round();
    let across = |number| eighths(cell.width, number);
    let down = |number| eighths(cell.height, number);
    let (wide, high) = ((0.0, cell.width as f32), (0.0, cell.height as f32));
    vec![match code {
        0x2580 => bar(wide, (0.0, down(4))),
        // What is left of the cell is what the bar that grows from above would fill.
        0x2581..=0x2588 => bar(wide, (down(0x2588 - code), high.1)),
        0x2589..=0x258f => bar((0.0, across(0x2590 - code)), high),
        0x2590 => bar((across(4), wide.1), high),
        0x2594 => bar(wide, (0.0, down(1))),
        0x2595 => bar((wide.1 - across(1), wide.1), high),
        _ => {
            let (columns, rows) = ([(0.0, across(4)), (across(4), wide.1)], [(0.0, down(4)), (down(4), high.1)]);
            let quarters = QUARTERS[(code - 0x2596) as usize];
            let filled = (0..4).filter(|quarter| quarters >> quarter & 1 == 1);
            return filled.map(|quarter| bar(columns[quarter % 2], rows[quarter / 2])).collect();
        }
    }]
}

/// Dots in two columns and four rows.
fn braille(dots: u32, cell: &CellSize) -> Vec<ShapePart> {
    let (column, row) = (cell.width as f32 / 2.0, cell.height as f32 / 4.0);
    let radius = column.min(row) * 0.36;
    // The last row came later than the others.
    let bit = |x: usize, y: usize| if y == 3 { 6 + x } else { 3 * x + y };
    let places = (0..8).map(|place| (place % 2, place / 2)).filter(|(x, y)| dots >> bit(*x, *y) & 1 == 1);
    let middle = |place: usize, each: f32| (place as f32 + 0.5) * each;
    places.map(|(x, y)| ShapePart::Dot { centre: (middle(x, column), middle(y, row)), radius }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a character, a line per row.
    fn drawn(character: char) -> Vec<String> {
        let cell = CellSize::of(16);
        let stencil = shape(character.encode_utf8(&mut [0; 4]), &cell).expect("it has a geometry").stencil(&cell);
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
            let stencil = shape(character.encode_utf8(&mut [0; 4]), &cell).expect("a shape").stencil(&cell);
            assert!((0..stencil.height).any(|y| stencil.row(y).iter().any(|level| *level > 0)), "{character}");
        }
    }
}
