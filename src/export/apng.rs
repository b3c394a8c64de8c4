//! APNG: an animated picture in which every colour is exact.

use std::io::{self, Write};

use png::{BitDepth, BlendOp, ColorType, Encoder};

use super::{
    ExportObserver, Exporter, Frames,
    film::{film, showings},
    png::{broken, paint},
    raster::Patch,
};
use crate::tui::theme::Rgb;

/// The format.
#[derive(Debug)]
pub(super) struct Apng;

/// What a frame puts over the one before: a rectangle of colours, with holes where nothing has changed.
struct ApngFrame {
    patch: Patch,
    pixels: Vec<u8>,
}

impl Exporter for Apng {
    fn name(&self) -> &'static str {
        "apng"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["apng", "png"]
    }

    fn about(&self) -> &'static str {
        "an animated picture in exact colours, larger than a gif"
    }

    fn write(&self, frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let (options, showings) = (frames.options(), showings(&frames));
        let (width, height) = options.pixels();
        let mut encoder = Encoder::new(out, width as u32, height as u32);
        encoder.set_color(ColorType::Rgba);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_animated(showings.len() as u32, options.plays.into()).map_err(broken)?;
        encoder.set_blend_op(BlendOp::Over).map_err(broken)?;
        encoder.add_itxt_chunk("Title".to_owned(), frames.title()).map_err(broken)?;
        let mut writer = encoder.write_header().map_err(broken)?;
        film(frames, &showings, observer, apng_frame, |ApngFrame { patch, pixels }, delay| {
            writer.set_frame_delay(delay, 100).map_err(broken)?;
            writer.set_frame_position(0, 0).map_err(broken)?;
            writer.set_frame_dimension(patch.width as u32, patch.height as u32).map_err(broken)?;
            writer.set_frame_position(patch.left as u32, patch.top as u32).map_err(broken)?;
            writer.write_image_data(&pixels).map_err(broken)
        })?;
        writer.finish().map_err(broken)
    }
}

fn apng_frame(patch: Option<Patch>) -> ApngFrame {
    let patch = patch.unwrap_or_else(Patch::hole);
    let mut pixels = vec![0; patch.width * patch.height * 4];
    paint(&patch, &mut pixels, |Rgb(r, g, b)| [r, g, b, 255]);
    ApngFrame { patch, pixels }
}
