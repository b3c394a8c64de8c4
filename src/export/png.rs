//! PNG: the last frame as a still picture.

use std::io::{self, Write};

use png::{BitDepth, ColorType, Encoder, EncodingError};

use super::{
    ExportField, ExportObserver, Exporter, Frames,
    film::tell_of_missing,
    raster::{Colours, INKED, LEVELS, Patch, Stencils, Surface},
};
use crate::tui::theme::{Level, Rgb, Theme};

/// The format.
#[derive(Debug)]
pub(super) struct Png;

impl Exporter for Png {
    fn name(&self) -> &'static str {
        "png"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["png"]
    }

    fn about(&self) -> &'static str {
        "a picture of the last step that is shown"
    }

    fn heeds(&self, field: ExportField) -> bool {
        !field.is_motion()
    }

    fn write(&self, frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let (options, title) = (frames.options(), frames.title());
        let (width, height) = options.pixels();
        observer.progress(0, 1)?;
        let Some(frame) = frames.last_frame() else { return Ok(()) };
        let mut stencils = Stencils::new(options.font_size, &options.fonts);
        stencils.make(std::slice::from_ref(&frame.screen));
        let colours = Colours::of(Theme::new(options.theme, Level::True));
        let patch = Surface { stencils: &stencils, colours }.patch(None, &frame.screen);
        let mut encoder = Encoder::new(out, width as u32, height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.add_itxt_chunk("Title".to_owned(), title).map_err(broken)?;
        let mut writer = encoder.write_header().map_err(broken)?;
        let mut pixels = vec![0; width * height * 3];
        if let Some(patch) = &patch {
            paint(patch, &mut pixels, |Rgb(r, g, b)| [r, g, b]);
        }
        writer.write_image_data(&pixels).map_err(broken)?;
        writer.finish().map_err(broken)?;
        tell_of_missing(&stencils, observer);
        Ok(())
    }
}

pub(super) fn broken(error: EncodingError) -> io::Error {
    match error {
        EncodingError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// Puts the cells of a patch into its pixels, `N` bytes each.
pub(super) fn paint<const N: usize>(patch: &Patch, pixels: &mut [u8], bytes: impl Fn(Rgb) -> [u8; N]) {
    for cell in &patch.cells {
        let inks: Vec<[u8; N]> = (0..=INKED).map(|level| bytes(cell.inks.colour(level, LEVELS))).collect();
        let (left, top) = (cell.at.0 - patch.left, cell.at.1 - patch.top);
        for y in 0..cell.stencil.height {
            let row = cell.stencil.row(y);
            let pixels = &mut pixels[((top + y) * patch.width + left) * N..][..row.len() * N];
            for (pixel, level) in pixels.chunks_exact_mut(N).zip(row) {
                pixel.copy_from_slice(&inks[usize::from(*level)]);
            }
        }
    }
}
