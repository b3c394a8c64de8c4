//! SVG: pictures whose letters are text, and move without a script.
//!
//! What a screen shows is cut into pieces by the frames in which they are seen ([`lives`]). Those that are seen together are a
//! group, which key frames of the style sheet show and hide. Without them (on paper, for a reader who asked for less motion, in
//! a program that knows no animations) the last frame stands there alone. Letters come from the fonts of the reader, so
//! every one is put into its cell; lines, blocks and dots have the geometry that the pictures of pixels have ([`outline`]).

mod group;
mod lives;
mod look;
mod outline;
mod words;

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use ratatui::buffer::Buffer;

use super::{
    ExportField, ExportObserver, ExportOptions, Exporter, Frames,
    film::{Screens, showings},
    markup::escaped,
    raster::{CellSize, Colours},
};
use crate::tui::theme::{Level, Rgb, Theme};
use group::GroupWriter;
use lives::Lives;
use look::Looks;
use words::words;

/// The moving picture.
#[derive(Debug)]
pub(super) struct Svg;

/// The last frame as a still one.
#[derive(Debug)]
pub(super) struct SvgStill;

/// Fonts whose letters look best in cells of this shape, where they are installed.
const FONTS: &str = "\"JetBrains Mono\",\"DejaVu Sans Mono\",ui-monospace,SFMono-Regular,Menlo,Consolas,monospace";

impl Exporter for Svg {
    fn name(&self) -> &'static str {
        "svg"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["svg"]
    }

    fn about(&self) -> &'static str {
        "an animated picture whose letters are text, for web pages"
    }

    fn heeds(&self, field: ExportField) -> bool {
        field != ExportField::Font
    }

    fn write(&self, frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let mut picture = SvgPicture::new(&frames);
        let (showings, all) = (showings(&frames), frames.len());
        let mut screens = Screens::new(frames, observer);
        for showing in &showings {
            if let Some(screen) = screens.of(showing)? {
                picture.show(screen);
            }
            picture.end += u64::from(showing.delay);
        }
        picture.write(&|| observer.progress(all.saturating_sub(1), all), out)
    }
}

impl Exporter for SvgStill {
    fn name(&self) -> &'static str {
        "svg-still"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["svg"]
    }

    fn about(&self) -> &'static str {
        "the last step that is shown, as such a picture"
    }

    fn heeds(&self, field: ExportField) -> bool {
        field != ExportField::Font && !field.is_motion()
    }

    fn write(&self, frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let mut picture = SvgPicture::new(&frames);
        observer.progress(0, 1)?;
        let Some(frame) = frames.last_frame() else { return Ok(()) };
        picture.show(frame.screen);
        picture.write(&|| observer.progress(0, 1), out)
    }
}

/// A picture as it is put together: what was seen so far, and when.
struct SvgPicture<'a> {
    options: &'a ExportOptions,
    title: String,
    colours: Colours,
    size: CellSize,
    lives: Lives,
    /// When each frame begins, in hundredths of a second.
    starts: Vec<u64>,
    /// When the last one ends.
    end: u64,
}

impl<'a> SvgPicture<'a> {
    fn new(frames: &Frames<'a>) -> Self {
        let options = frames.options();
        let colours = Colours::of(Theme::new(options.theme, Level::True));
        Self {
            options,
            title: frames.title(),
            colours,
            size: CellSize::of(options.font_size),
            lives: Lives::new(colours),
            starts: Vec::new(),
            end: 0,
        }
    }

    /// A frame begins.
    fn show(&mut self, screen: Buffer) {
        self.starts.push(self.end);
        self.lives.show(screen);
    }

    /// Writes all of it, and asks before every group whether to end.
    fn write(mut self, ask: &dyn Fn() -> io::Result<()>, out: &mut dyn Write) -> io::Result<()> {
        let words = self.lives.shown.as_ref().map(words).unwrap_or_default();
        let groups = self.lives.finish();
        let looks = Looks::of(&self.lives.looks.all, self.colours, &self.size);
        let stretches: Vec<(usize, usize)> = groups.keys().copied().collect();
        let ((width, height), Rgb(r, g, b)) = (self.options.pixels(), self.colours.ground);
        write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-labelledby=\"title words\">\n<title id=\"title\">{}</title>\n<desc id=\"words\">{}</desc>\n\
             <style>\n{}{}</style>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#{r:02x}{g:02x}{b:02x}\"/>\n",
            escaped(&self.title),
            escaped(&words),
            self.styles(&looks),
            self.animations(&stretches),
        )?;
        let writer = GroupWriter { size: self.size, looks: &looks.all };
        for (number, ((_, to), pieces)) in groups.into_iter().enumerate() {
            ask()?;
            let class = if to == self.starts.len() { " class=\"last\"" } else { "" };
            writeln!(out, "<g id=\"g{number}\"{class}>")?;
            writer.write(pieces, out)?;
            writeln!(out, "</g>")?;
        }
        writeln!(out, "</svg>")
    }

    /// What classes mean: how letters look, that the edges of areas fall between pixels, and every colour.
    fn styles(&self, looks: &Looks<'_>) -> String {
        let mut css = format!(
            "text{{font:{}px {FONTS};font-variant-ligatures:none}}.b{{font-weight:bold}}.i{{font-style:italic}}\
             .w{{text-anchor:middle}}.s{{shape-rendering:crispEdges}}\n",
            outline::Number(self.size.em.0)
        );
        for (number, Rgb(r, g, b)) in looks.colours.iter().enumerate() {
            let _ = write!(css, ".c{number}{{fill:#{r:02x}{g:02x}{b:02x}}}");
        }
        css.push('\n');
        css
    }

    /// When each group is seen, where there are several frames. What is left without these rules is the last one.
    fn animations(&self, stretches: &[(usize, usize)]) -> String {
        let frames = self.starts.len();
        if frames < 2 {
            return String::new();
        }
        let times = if self.options.plays == 0 { "infinite".to_owned() } else { self.options.plays.to_string() };
        let mut css = format!(
            "g{{visibility:hidden}}.last{{visibility:visible}}\n\
             @media screen and (prefers-reduced-motion:no-preference){{\ng{{animation:{}ms step-end {times}}}\n",
            self.end * 10
        );
        for (number, (from, to)) in stretches.iter().enumerate() {
            let _ = write!(css, "#g{number}{{animation-name:g{number}}}@keyframes g{number}{{");
            if *from > 0 {
                css.push_str("0%{visibility:hidden}");
            }
            let _ = write!(css, "{}{{visibility:visible}}", self.share(*from));
            if *to < frames {
                let _ = write!(css, "{}{{visibility:hidden}}", self.share(*to));
            }
            css.push_str("}\n");
        }
        css.push_str("}\n");
        css
    }

    /// When a frame begins, as a share of the whole: in whole numbers, so that no platform rounds it otherwise.
    fn share(&self, frame: usize) -> String {
        const DECIMALS: u64 = 100_000;
        let share = self.starts[frame] * 100 * DECIMALS / self.end.max(1);
        let digits = format!("{}.{:05}", share / DECIMALS, share % DECIMALS);
        format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}
