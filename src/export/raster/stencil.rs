//! Which pixels of a cell its text covers.

/// Sixteenths: a pixel is sampled at four by four places.
pub const LEVELS: u8 = 16;

/// A pixel of an underline, which may have a colour of its own.
pub const INKED: u8 = LEVELS + 1;

/// How many samples are taken across and down a pixel.
const SAMPLES: usize = 4;

/// The pixels of a cell, or of two that a wide character takes: each from 0, the ground, to [`LEVELS`], the text's colour;
/// or [`INKED`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stencil {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    pixels: Vec<u8>,
}

impl Stencil {
    /// One that covers nothing.
    pub fn empty(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![0; width * height] }
    }

    /// One that covers every pixel evenly.
    pub fn even(width: usize, height: usize, level: u8) -> Self {
        Self { width, height, pixels: vec![level; width * height] }
    }

    /// One that covers what is inside a shape, in pixels from the top left.
    pub fn of(width: usize, height: usize, inside: impl Fn(f32, f32) -> bool) -> Self {
        let mut stencil = Self::empty(width, height);
        let at = |pixel: usize, sample: usize| pixel as f32 + (sample as f32 + 0.5) / SAMPLES as f32;
        for (y, row) in stencil.pixels.chunks_mut(width.max(1)).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let samples = (0..SAMPLES * SAMPLES).map(|n| (at(x, n % SAMPLES), at(y, n / SAMPLES)));
                *pixel = samples.filter(|(x, y)| inside(*x, *y)).count() as u8;
            }
        }
        stencil
    }

    /// A row of pixels.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..][..self.width]
    }

    /// Covers a pixel by that much, 0 to 1, unless it is covered more already. What lies outside is left out.
    pub fn cover(&mut self, x: i32, y: i32, share: f32) {
        let level = (share.clamp(0.0, 1.0) * f32::from(LEVELS)).round() as u8;
        if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y))
            && x < self.width
            && y < self.height
        {
            let pixel = &mut self.pixels[y * self.width + x];
            *pixel = level.max(*pixel);
        }
    }

    /// Draws a line through all of it, so many pixels thick.
    pub fn strike(&mut self, top: usize, thickness: usize, level: u8) {
        let rows = top.min(self.height)..(top + thickness).min(self.height);
        self.pixels[rows.start * self.width..rows.end * self.width].fill(level);
    }
}
