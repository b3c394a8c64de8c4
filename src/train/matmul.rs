//! Matrix products on strided views of plain slices.
//!
//! One of the trainer's two places with `unsafe` code: the product itself takes raw pointers. The views check
//! their bounds when they are made, so nothing outside this file has to think about it.

/// A read-only matrix in a slice.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A matrix in a slice that a product is written to.
#[derive(Debug)]
pub struct ViewMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// What a product does with the values that are already in its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// They are overwritten, never read.
    Replace,
    /// The product is added to them.
    Add,
}

fn check(len: usize, rows: usize, cols: usize, row_stride: usize, col_stride: usize) {
    if rows > 0 && cols > 0 {
        let last = (rows - 1) * row_stride + (cols - 1) * col_stride;
        assert!(last < len, "a {rows}x{cols} view ends at {last}, its slice at {len}");
    }
}

impl<'a> View<'a> {
    /// The row-major `(rows, cols)` matrix at the start of `data`.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// A row-major matrix whose rows start `row_stride` values apart.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        check(data.len(), rows, cols, row_stride, 1);
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transposed matrix; nothing moves.
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

impl<'a> ViewMut<'a> {
    /// The row-major `(rows, cols)` matrix at the start of `data`.
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// A row-major matrix whose rows start `row_stride` values apart.
    pub fn strided(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        check(data.len(), rows, cols, row_stride, 1);
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }
}

/// `destination = scale * left @ right`, or that added to it; on the calling thread alone.
///
/// # Panics
/// If the shapes do not fit.
#[expect(
    unsafe_code,
    reason = "the product takes raw pointers; the views have checked that every element lies in their slices"
)]
pub fn product(destination: ViewMut<'_>, store: Store, left: View<'_>, right: View<'_>, scale: f32) {
    assert!(
        left.cols == right.rows && destination.rows == left.rows && destination.cols == right.cols,
        "({}, {}) = ({}, {}) @ ({}, {}) does not fit",
        destination.rows,
        destination.cols,
        left.rows,
        left.cols,
        right.rows,
        right.cols,
    );
    if destination.rows == 0 || destination.cols == 0 {
        return;
    }
    let add = store == Store::Add;
    // SAFETY: all strides are non-negative and `check` has bounded the last element of each matrix by the length of
    // its slice; the destination is borrowed mutably, so it overlaps neither factor.
    unsafe {
        gemm::gemm(
            left.rows,
            right.cols,
            left.cols,
            destination.data.as_mut_ptr(),
            destination.col_stride as isize,
            destination.row_stride as isize,
            add,
            left.data.as_ptr(),
            left.col_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.col_stride as isize,
            right.row_stride as isize,
            if add { 1.0 } else { 0.0 },
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_of_transposed_and_strided_views() {
        // left is columns 1..3 of a (2, 4) buffer, right a transposed (2, 2).
        let left = [9.0, 1.0, 2.0, 9.0, 9.0, 3.0, 4.0, 9.0];
        let right = [1.0, 10.0, 100.0, 1000.0];
        let mut out = [0.5; 4];
        let view = View::strided(&left[1..], 2, 2, 4);
        product(ViewMut::new(&mut out, 2, 2), Store::Replace, view, View::new(&right, 2, 2).t(), 1.0);
        assert_eq!(out, [21.0, 2100.0, 43.0, 4300.0]);
        product(ViewMut::new(&mut out, 2, 2), Store::Add, view, View::new(&right, 2, 2), 2.0);
        assert_eq!(out, [21.0 + 402.0, 2100.0 + 4020.0, 43.0 + 806.0, 4300.0 + 8060.0]);
    }

    #[test]
    #[should_panic(expected = "its slice at 3")]
    fn a_view_beyond_its_slice_is_refused() {
        let _ = View::new(&[0.0; 3], 2, 2);
    }
}
