//! What animated pictures have in common: which frames are shown for how long, and what changes from one to the next.

use std::io;

use ratatui::buffer::Buffer;
use rayon::prelude::*;

use super::{
    ExportObserver, Frames,
    raster::{Colours, Patch, Stencils, Surface},
};
use crate::tui::theme::{Level, Theme};

/// Frames that are drawn before any is written; no machine has so many cores that more are worth their memory.
const BATCH: usize = 48;

/// Hundredths of a second that a frame is shown at least: browsers take less for a tenth of a second.
const BRIEFEST: u64 = 2;

/// A frame that is shown, by its number, and for how many hundredths of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimedFrame {
    frame: usize,
    pub delay: u16,
}

/// The screens of the frames that are shown, drawn one after the other.
pub(super) struct Screens<'a> {
    frames: Frames<'a>,
    observer: &'a dyn ExportObserver,
    all: usize,
    done: usize,
}

impl<'a> Screens<'a> {
    pub fn new(frames: Frames<'a>, observer: &'a dyn ExportObserver) -> Self {
        Self { all: frames.len(), frames, observer, done: 0 }
    }

    /// The screen of a frame; `None` where it is on view already, since it is shown for very long.
    pub fn of(&mut self, showing: &TimedFrame) -> io::Result<Option<Buffer>> {
        let mut screen = None;
        while self.done <= showing.frame {
            self.observer.progress(self.done, self.all)?;
            screen = self.frames.next().map(|frame| frame.screen);
            self.done += 1;
        }
        Ok(screen)
    }
}

/// Which frames are shown for how long. Of frames that are too close together to be seen the last one is shown; one that is
/// shown for very long is shown again and again.
pub(super) fn showings(frames: &Frames<'_>) -> Vec<TimedFrame> {
    let hundredths = |time: f64| (time * 100.0).round() as u64;
    let times: Vec<u64> = frames.times().map(hundredths).collect();
    let end = hundredths(frames.end());
    let mut showings = Vec::new();
    let mut since = 0;
    for frame in 0..times.len() {
        let until = times.get(frame + 1).copied().unwrap_or_else(|| end.max(since + BRIEFEST));
        if until < since + BRIEFEST {
            continue;
        }
        let mut left = until - since;
        while left > 0 {
            let delay = left.min(u16::MAX.into());
            showings.push(TimedFrame { frame, delay: delay as u16 });
            left -= delay;
        }
        since = until;
    }
    showings
}

/// Draws the frames that are shown, encodes what changes from each to the next on all threads, and hands it on in order.
/// The first patch is a whole screen; there is none where nothing changes.
pub(super) fn film<T: Send>(
    frames: Frames<'_>,
    showings: &[TimedFrame],
    observer: &dyn ExportObserver,
    encode: impl Fn(Option<Patch>) -> T + Sync,
    mut write: impl FnMut(T, u16) -> io::Result<()>,
) -> io::Result<()> {
    let options = frames.options();
    let colours = Colours::of(Theme::new(options.theme, Level::True));
    let mut stencils = Stencils::new(options.font_size, &options.fonts);
    let mut before: Option<Buffer> = None;
    let mut drawn = Screens::new(frames, observer);
    for batch in showings.chunks(BATCH) {
        let mut screens: Vec<Buffer> = Vec::with_capacity(batch.len());
        for showing in batch {
            let screen = drawn.of(showing)?;
            screens.extend(screen.or_else(|| screens.last().or(before.as_ref()).cloned()));
        }
        stencils.make(&screens);
        let surface = Surface { stencils: &stencils, colours };
        let earlier: Vec<Option<&Buffer>> =
            std::iter::once(before.as_ref()).chain(screens.iter().map(Some)).take(screens.len()).collect();
        let (last, all) = (drawn.done.saturating_sub(1), drawn.all);
        let encoded = earlier.par_iter().zip(&screens).map(|(before, screen)| {
            // The last frame that was drawn, again: only to hear whether to end.
            observer.progress(last, all)?;
            Ok(encode(surface.patch(*before, screen)))
        });
        for (encoded, showing) in encoded.collect::<io::Result<Vec<T>>>()?.into_iter().zip(batch) {
            write(encoded, showing.delay)?;
        }
        before = screens.pop();
    }
    tell_of_missing(&stencils, observer);
    Ok(())
}

/// Characters that are named where no font has them.
const NAMED: usize = 5;

/// Says which characters no font has.
pub(super) fn tell_of_missing(stencils: &Stencils, observer: &dyn ExportObserver) {
    let mut missing = stencils.missing().collect::<Vec<char>>();
    if missing.is_empty() {
        return;
    }
    let more = missing.len().saturating_sub(NAMED);
    missing.truncate(NAMED);
    let names = missing.iter().map(char::to_string).collect::<Vec<_>>().join(" ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    observer.note(&format!("no font has {names}{more}: boxes stand there; --font FILE adds a font"));
}
