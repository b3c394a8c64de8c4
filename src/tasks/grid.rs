//! The grid of digits that the prompt of a sudoku shows: the families' own of four by four, and those of six by six and
//! nine by nine that other models are asked for.

/// Sides that a grid may have, with the rows and columns of its boxes.
const SHAPES: [(usize, (usize, usize)); 3] = [(4, (2, 2)), (6, (2, 3)), (9, (3, 3))];

/// A sudoku as its prompt states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudokuGrid {
    rows: Vec<Vec<Option<char>>>,
    boxes: (usize, usize),
}

impl SudokuGrid {
    /// Reads the last square of digits in a prompt that speaks of a sudoku: a line for each row, blanks between digits or
    /// none; `0`, `.` and `_` are empty cells.
    pub fn read(prompt: &str) -> Option<Self> {
        if !prompt.to_lowercase().contains("sudoku") {
            return None;
        }
        let lines: Vec<_> = prompt.lines().map(row).collect();
        let mut squares =
            SHAPES.iter().flat_map(|(side, boxes)| lines.windows(*side).rev().map(move |rows| (rows, *boxes)));
        squares.find_map(|(rows, boxes)| Self::of(rows, boxes))
    }

    fn of(rows: &[Option<Vec<Option<char>>>], boxes: (usize, usize)) -> Option<Self> {
        let side = rows.len();
        let fits = |row: &Vec<Option<char>>| {
            let digits = || row.iter().flatten().filter_map(|digit| digit.to_digit(10));
            row.len() == side && digits().all(|digit| digit as usize <= side)
        };
        let rows = rows.iter().map(|row| row.clone().filter(fits)).collect::<Option<Vec<_>>>()?;
        Some(Self { rows, boxes })
    }

    /// Cells of a row, and rows: 4, 6 or 9.
    pub fn side(&self) -> usize {
        self.rows.len()
    }

    /// Rows and columns of a box.
    pub fn boxes(&self) -> (usize, usize) {
        self.boxes
    }

    /// The digit that the prompt gives for a cell; `None` where it gives none.
    pub fn given(&self, row: usize, column: usize) -> Option<char> {
        *self.rows.get(row)?.get(column)?
    }
}

/// The cells of a line that holds nothing else.
fn row(line: &str) -> Option<Vec<Option<char>>> {
    let cell = |c: char| match c {
        '0' | '.' | '_' => Some(None),
        '1'..='9' => Some(Some(c)),
        _ => None,
    };
    line.chars().filter(|c| !c.is_whitespace()).map(cell).collect::<Option<Vec<_>>>().filter(|cells| !cells.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(prompt: &str) -> Option<(usize, (usize, usize))> {
        SudokuGrid::read(prompt).map(|grid| (grid.side(), grid.boxes()))
    }

    fn givens(prompt: &str, cells: [(usize, usize); 3]) -> Option<[Option<char>; 3]> {
        SudokuGrid::read(prompt).map(|grid| cells.map(|(row, column)| grid.given(row, column)))
    }

    #[test]
    fn the_families_own_prompts_are_read() {
        let prompt = "Solve this sudoku:\n1030\n0412\n2140\n4021";
        assert_eq!(shape(prompt), Some((4, (2, 2))));
        assert_eq!(givens(prompt, [(0, 0), (0, 1), (3, 3)]), Some([Some('1'), None, Some('1')]));
    }

    #[test]
    fn larger_grids_may_have_blanks_between_their_digits() {
        let prompt = format!("A Sudoku, please:\n{}Only digits.", "5 3 . . 7 . . . _\n".repeat(9));
        assert_eq!(shape(&prompt), Some((9, (3, 3))));
        assert_eq!(givens(&prompt, [(8, 4), (8, 8), (9, 0)]), Some([Some('7'), None, None]));
        assert_eq!(shape(&format!("sudoku\n{}", "123456\n".repeat(6))), Some((6, (2, 3))));
    }

    #[test]
    fn what_is_no_grid_is_none() {
        for prompt in ["1030\n0412\n2140\n4021", "sudoku\n1030\n0412\n2140", "sudoku\n1050\n0412\n2140\n4021", "sudoku"]
        {
            assert_eq!(SudokuGrid::read(prompt), None, "{prompt}");
        }
    }
}
