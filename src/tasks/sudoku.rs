//! Sudoku of four by four: rows, columns and boxes of two by two hold 1 to 4.

use std::ops::Range;

use super::Assessment;
use super::dice::Dice;
use super::text::quote;

/// Cells row by row; 0 is a blank.
type Grid = [u8; 16];

/// One puzzle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudokuTask(Grid);

const HEAD: &str = "Solve this sudoku:\n";

/// Givens of a puzzle.
const GIVENS: std::ops::RangeInclusive<usize> = 8..=12;

impl SudokuTask {
    /// Draws a puzzle of 8 to 12 givens with one solution.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        loop {
            let mut grid = solution(dice);
            let mut cells: Vec<usize> = (0..16).collect();
            dice.shuffle(&mut cells);
            let blanks = 16 - dice.between(*GIVENS.start() as u32, *GIVENS.end() as u32) as usize;
            for &cell in &cells[..blanks] {
                grid[cell] = 0;
            }
            if count_solutions(&mut grid.clone(), 2) == 1 {
                return Self(grid);
            }
        }
    }

    pub(super) fn parse(prompt: &str) -> Option<Self> {
        let grid = read(prompt.strip_prefix(HEAD)?, b'0')?;
        let givens = grid.iter().filter(|&&digit| digit != 0).count();
        (GIVENS.contains(&givens) && count_solutions(&mut grid.clone(), 1) > 0).then_some(Self(grid))
    }

    /// The prompt whose words these are, with each row on a line of its own.
    pub(super) fn laid_out(words: &[&str]) -> Option<String> {
        let head = HEAD.split_whitespace().count();
        let (head, rows) = words.split_at_checked(head)?;
        Some(format!("{}\n{}", head.join(" "), rows.join("\n")))
    }

    pub(super) fn prompt(&self) -> String {
        format!("{HEAD}{}", write(&self.0))
    }

    pub(super) fn variant(&self) -> &'static str {
        let givens = self.0.iter().filter(|&&digit| digit != 0).count();
        ["8 givens", "9 givens", "10 givens", "11 givens", "12 givens"][givens - GIVENS.start()]
    }

    pub(super) fn is_deterministic(&self) -> bool {
        count_solutions(&mut self.0.clone(), 2) == 1
    }

    pub(super) fn solve(&self) -> String {
        let mut grid = self.0;
        fill(&mut grid, [1, 2, 3, 4]);
        write(&grid)
    }

    pub(super) fn check(&self, answer: &str) -> Assessment {
        let Some(grid) = read(answer, b'1') else {
            let reason = format!("expected four rows of four digits from 1 to 4, found {}", quote(answer));
            return Assessment::wrong(reason, misshapen(answer));
        };
        for (cell, (&given, &found)) in self.0.iter().zip(&grid).enumerate() {
            let (row, column) = (cell / 4 + 1, cell % 4 + 1);
            if given != 0 && given != found {
                let reason = format!("row {row}, column {column} is given as {given}, found {found}");
                return Assessment::wrong(reason, cell_range(cell));
            }
        }
        match self.doubled(&grid) {
            Some(cell) => {
                let (row, column) = (cell / 4 + 1, cell % 4 + 1);
                let reason = format!("{} in row {row}, column {column} stands there twice", grid[cell]);
                Assessment::wrong(reason, cell_range(cell))
            }
            None => Assessment::right("every row, column and box holds 1 to 4"),
        }
    }

    /// The cell to blame for a digit that stands there twice: none that was given and, where there is one solution, one that
    /// is another there.
    fn doubled(&self, grid: &Grid) -> Option<usize> {
        let mut solved = self.0;
        let is_one = self.is_deterministic() && fill(&mut solved, [1, 2, 3, 4]);
        let doubled = || (0..16).filter(|&cell| self.0[cell] == 0 && !allowed(grid, cell, grid[cell]));
        doubled().find(|&cell| is_one && grid[cell] != solved[cell]).or_else(|| doubled().next())
    }
}

/// The byte of a cell in four lines of four digits.
fn cell_range(cell: usize) -> Range<usize> {
    let at = cell / 4 * 5 + cell % 4;
    at..at + 1
}

/// The first character of a text that is not in the shape of an answer; its end where all of them are.
fn misshapen(text: &str) -> Range<usize> {
    let fits = |(at, found): &(usize, char)| match at {
        19.. => false,
        at if at % 5 == 4 => *found == '\n',
        _ => ('1'..='4').contains(found),
    };
    match text.char_indices().find(|character| !fits(character)) {
        Some((at @ 19.., _)) => at..text.len(),
        Some((at, found)) => at..at + found.len_utf8(),
        None => text.len()..text.len(),
    }
}

/// Four lines of four digits from `lowest` to 4.
fn read(text: &str, lowest: u8) -> Option<Grid> {
    let mut grid = [0; 16];
    let mut rows = text.split('\n');
    for row in grid.chunks_exact_mut(4) {
        let line = rows.next()?.as_bytes();
        if line.len() != 4 || !line.iter().all(|digit| (lowest..=b'4').contains(digit)) {
            return None;
        }
        for (cell, digit) in row.iter_mut().zip(line) {
            *cell = digit - b'0';
        }
    }
    rows.next().is_none().then_some(grid)
}

fn write(grid: &Grid) -> String {
    let rows: Vec<String> =
        grid.chunks_exact(4).map(|row| row.iter().map(|&digit| char::from(b'0' + digit)).collect()).collect();
    rows.join("\n")
}

/// True when no other cell of the same row, column or box holds `digit`.
fn allowed(grid: &Grid, cell: usize, digit: u8) -> bool {
    let (row, column) = (cell / 4, cell % 4);
    (0..16).filter(|&other| other != cell && grid[other] == digit).all(|other| {
        let (r, c) = (other / 4, other % 4);
        r != row && c != column && (r / 2, c / 2) != (row / 2, column / 2)
    })
}

/// Counts the solutions of `grid`, up to `most`. Givens that contradict each other leave none.
fn count_solutions(grid: &mut Grid, most: usize) -> usize {
    let consistent = (0..16).all(|cell| grid[cell] == 0 || allowed(grid, cell, grid[cell]));
    if consistent { count_from(grid, 0, most) } else { 0 }
}

fn count_from(grid: &mut Grid, from: usize, most: usize) -> usize {
    let Some(cell) = (from..16).find(|&cell| grid[cell] == 0) else {
        return 1;
    };
    let mut count = 0;
    for digit in 1..=4 {
        if count < most && allowed(grid, cell, digit) {
            grid[cell] = digit;
            count += count_from(grid, cell + 1, most - count);
            grid[cell] = 0;
        }
    }
    count
}

/// Fills the blanks, trying the digits in the order of `digits`; false when there is no solution.
fn fill(grid: &mut Grid, digits: [u8; 4]) -> bool {
    let Some(cell) = (0..16).find(|&cell| grid[cell] == 0) else {
        return true;
    };
    for digit in digits {
        if allowed(grid, cell, digit) {
            grid[cell] = digit;
            if fill(grid, digits) {
                return true;
            }
            grid[cell] = 0;
        }
    }
    false
}

/// One of the 288 full grids.
fn solution(dice: &mut Dice) -> Grid {
    loop {
        let mut grid = [0; 16];
        let mut digits = [1, 2, 3, 4];
        dice.shuffle(&mut digits);
        grid[..4].copy_from_slice(&digits);
        // Three cells at random decide between the grids with this first row; some triples leave none.
        for cell in [4, 8, 10] {
            grid[cell] = dice.between(1, 4) as u8;
        }
        dice.shuffle(&mut digits);
        if count_solutions(&mut grid.clone(), 1) == 1 && fill(&mut grid, digits) {
            return grid;
        }
    }
}
