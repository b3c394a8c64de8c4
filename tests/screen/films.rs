//! Recordings as pixels: decoded again, and compared with the cells that they were drawn from.

use std::{io, sync::Mutex};

use diffuscope::{
    export::{self, ExportError, ExportObserver, ExportOptions, Frames, Typeface},
    trace::Log,
    tui::{Scene, view},
};
use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

use super::common;

/// Small, so that it is quickly drawn.
fn small(steps: &str) -> ExportOptions {
    ExportOptions {
        width: 60,
        height: 16,
        font_size: 10,
        typing: false,
        steps: steps.parse().unwrap(),
        ..ExportOptions::default()
    }
}

fn exported(format: &str, log: &Log, options: &ExportOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    export::format(format).unwrap().write(Frames::of(log, options).unwrap(), &(), &mut bytes).unwrap();
    bytes
}

/// A picture, three bytes a pixel.
#[derive(Clone, PartialEq)]
struct Picture {
    width: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        self.pixels[(y * self.width + x) * 3..][..3].try_into().unwrap()
    }

    /// Puts a rectangle of colours over it; what is transparent leaves what is there.
    fn put(&mut self, (left, top, width): (usize, usize, usize), rgba: &[u8]) {
        for (at, pixel) in rgba.chunks(4).enumerate().filter(|(_, pixel)| pixel[3] > 0) {
            let place = ((top + at / width) * self.width + left + at % width) * 3;
            self.pixels[place..place + 3].copy_from_slice(&pixel[..3]);
        }
    }
}

fn png_of(bytes: &[u8]) -> Picture {
    let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    pixels.truncate(info.buffer_size());
    Picture { width: info.width as usize, pixels }
}

/// The pictures of a GIF as they are seen, with hundredths of a second, and how often it plays.
fn gif_of(bytes: &[u8]) -> (Vec<(Picture, u16)>, gif::Repeat) {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(bytes).unwrap();
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    let mut seen = Picture { width, pixels: vec![0; width * height * 3] };
    let mut pictures = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        seen.put((frame.left.into(), frame.top.into(), frame.width.into()), &frame.buffer);
        pictures.push((seen.clone(), frame.delay));
    }
    (pictures, decoder.repeat())
}

/// The same for an APNG.
fn apng_of(bytes: &[u8]) -> (Vec<(Picture, u16)>, u32) {
    let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().unwrap();
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let animation = *reader.info().animation_control().unwrap();
    let mut seen = Picture { width, pixels: vec![0; width * height * 3] };
    let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
    let mut pictures = Vec::new();
    for _ in 0..animation.num_frames {
        let info = reader.next_frame(&mut buffer).unwrap();
        let frame = *reader.info().frame_control().unwrap();
        let place = (frame.x_offset as usize, frame.y_offset as usize, info.width as usize);
        seen.put(place, &buffer[..info.buffer_size()]);
        assert_eq!(frame.delay_den, 100);
        pictures.push((seen.clone(), frame.delay_num));
    }
    (pictures, animation.num_plays)
}

/// The cell's rectangle of pixels.
fn cell_of(picture: &Picture, screen: &Buffer, x: u16, y: u16) -> Vec<[u8; 3]> {
    let (wide, high) = (
        picture.width / usize::from(screen.area.width),
        picture.pixels.len() / 3 / picture.width / usize::from(screen.area.height),
    );
    let (left, top) = (usize::from(x) * wide, usize::from(y) * high);
    (0..wide * high).map(|at| picture.pixel(left + at % wide, top + at / wide)).collect()
}

/// Ground and ink of a cell, as a terminal has them.
fn colours(screen: &Buffer, x: u16, y: u16) -> [[u8; 3]; 2] {
    let cell = &screen[(x, y)];
    let exact = |colour| match colour {
        Color::Rgb(r, g, b) => [r, g, b],
        other => panic!("{other:?} is no exact colour"),
    };
    let mut colours = [exact(cell.bg), exact(cell.fg)];
    if cell.modifier.contains(Modifier::REVERSED) {
        colours.reverse();
    }
    colours
}

#[test]
fn a_picture_shows_every_cell_in_its_colours() {
    for log in [common::story(), common::failing()] {
        let options = ExportOptions { width: 100, height: 30, ..small("7") };
        let screen = Frames::of(&log, &options).unwrap().last().unwrap().screen;
        let picture = png_of(&exported("png", &log, &options));
        let mut inked = 0;
        for (x, y) in (0..30).flat_map(|y| (0..100).map(move |x| (x, y))) {
            let (cell, pixels) = (&screen[(x, y)], cell_of(&picture, &screen, x, y));
            let [ground, ink] = colours(&screen, x, y);
            let symbol = cell.symbol();
            let is_bare = symbol == " " && !cell.modifier.intersects(Modifier::UNDERLINED | Modifier::CROSSED_OUT);
            if is_bare {
                assert!(pixels.iter().all(|pixel| *pixel == ground), "at {x}, {y}");
            } else if symbol == "█" {
                assert!(pixels.iter().all(|pixel| *pixel == ink), "at {x}, {y}");
            } else if ground != ink && symbol != " " {
                assert!(pixels.iter().any(|pixel| *pixel != ground), "{symbol} at {x}, {y} is not seen");
                inked += 1;
            }
            if symbol.chars().all(|c| c.is_ascii_alphanumeric()) && !cell.modifier.contains(Modifier::UNDERLINED) {
                assert_eq!(pixels[0], ground, "{symbol} at {x}, {y} leaves the corner free");
            }
        }
        assert!(inked > 300, "{inked}");
    }
}

#[test]
fn an_animated_png_shows_the_very_pictures_of_its_steps() {
    let log = common::story();
    let options = ExportOptions { plays: 3, hold: 1.5, ..small("4..9") };
    let (pictures, plays) = apng_of(&exported("apng", &log, &options));
    assert_eq!((pictures.len(), plays), (6, 3));
    for (step, (picture, _)) in (4..).zip(&pictures) {
        let still = png_of(&exported("png", &log, &small(&step.to_string())));
        assert!(*picture == still, "step {step}");
    }
    assert_eq!(pictures.last().unwrap().1, 150);
}

#[test]
fn a_gif_shows_them_with_no_more_colours_than_it_has() {
    let log = common::story();
    let (pictures, repeat) = gif_of(&exported("gif", &log, &small("4..9")));
    assert_eq!((pictures.len(), repeat), (6, gif::Repeat::Infinite));
    for (step, (picture, _)) in (4..).zip(&pictures) {
        let still = png_of(&exported("png", &log, &small(&step.to_string())));
        let apart = |(a, b): (&u8, &u8)| a.abs_diff(*b);
        let most = picture.pixels.iter().zip(&still.pixels).map(apart).max().unwrap();
        let exact = picture.pixels.chunks(3).zip(still.pixels.chunks(3)).filter(|(a, b)| a == b).count();
        // Edges of letters have fewer levels; everything else is the same.
        assert!(most < 60 && exact * 5 > picture.pixels.len() / 3 * 4, "step {step}: {most}, {exact}");
    }
}

#[test]
fn frames_are_shown_for_as_long_as_was_asked_for() {
    let log = common::story();
    let delays = |options: &ExportOptions| -> Vec<u16> {
        gif_of(&exported("gif", &log, options)).0.iter().map(|(_, delay)| *delay).collect()
    };
    let slow = delays(&ExportOptions { fps: Some(0.5), hold: 4.25, ..small("2..5") });
    assert_eq!(slow, [300, 200, 200, 425]);
    let long = delays(&ExportOptions { hold: 700.0, fps: Some(1.0), ..small("5..6") });
    assert_eq!(long, [200, u16::MAX, 70_000_u32.abs_diff(u16::MAX.into()) as u16], "shown again and again");
    let fast = delays(&ExportOptions { speed: Some(1000.0), hold: 0.0, ..small("0..9") });
    assert!(fast.len() < 10 && fast.iter().all(|delay| *delay >= 2), "browsers slow down what is faster: {fast:?}");
    for (plays, repeat) in [(1, gif::Repeat::Finite(0)), (5, gif::Repeat::Finite(4))] {
        assert_eq!(gif_of(&exported("gif", &log, &ExportOptions { plays, ..small("3") })).1, repeat);
    }
}

#[test]
fn the_same_trace_gives_the_same_bytes_on_any_number_of_threads() {
    let log = common::story();
    let threads = |number| rayon::ThreadPoolBuilder::new().num_threads(number).build().unwrap();
    for format in ["gif", "apng", "png", "svg", "svg-still"] {
        let options = ExportOptions { typing: true, ..small("..3") };
        let one = threads(1).install(|| exported(format, &log, &options));
        assert!(one == threads(3).install(|| exported(format, &log, &options)), "{format}");
        assert!(one == exported(format, &log, &options), "{format}");
    }
}

/// Hears what is said, and stops a recording after so many frames.
#[derive(Default)]
struct Listener {
    notes: Mutex<Vec<String>>,
    stops_at: Option<usize>,
}

impl ExportObserver for Listener {
    fn progress(&self, done: usize, frames: usize) -> io::Result<()> {
        assert!(done < frames);
        if self.stops_at.is_some_and(|most| done >= most) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    fn note(&self, sentence: &str) {
        self.notes.lock().unwrap().push(sentence.to_owned());
    }
}

#[test]
fn characters_that_no_font_has_are_named_once() {
    let mut fixture = common::Fixture::new("Say it", "日本語 中文 한국어 é ½ → end", 8, "plain");
    while fixture.quota_step(4, None) {}
    let log = fixture.finish(None, None);
    for format in ["gif", "png", "apng"] {
        let (listener, options) = (Listener::default(), small("0.."));
        let frames = Frames::of(&log, &options).unwrap();
        export::format(format).unwrap().write(frames, &listener, &mut Vec::new()).unwrap();
        let notes = listener.notes.into_inner().unwrap();
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert!(note.starts_with("no font has 中 文 日 本 語 and 3 more: "), "{note}");
        assert!(note.ends_with("--font FILE adds a font"), "{note}");
    }
    let (listener, options) = (Listener::default(), small("0.."));
    let story = common::story();
    let frames = Frames::of(&story, &options).unwrap();
    export::format("png").unwrap().write(frames, &listener, &mut Vec::new()).unwrap();
    assert_eq!(listener.notes.into_inner().unwrap(), [""; 0], "the bundled font has what the program draws");
}

#[test]
fn every_glyph_of_the_screen_is_in_the_bundled_font() {
    let unicode = format!("{:?}", diffuscope::tui::theme::UNICODE);
    let signs: String = unicode.chars().filter(|c| !c.is_ascii()).collect();
    assert!(signs.chars().count() > 60, "{signs}");
    let options = ExportOptions { width: 120, title: signs, ..small("0") };
    let listener = Listener::default();
    let story = common::story();
    export::format("png").unwrap().write(Frames::of(&story, &options).unwrap(), &listener, &mut Vec::new()).unwrap();
    assert_eq!(listener.notes.into_inner().unwrap(), [""; 0]);
}

#[test]
fn a_recording_that_is_stopped_ends_at_once() {
    let log = common::story();
    for format in export::FORMATS.iter().filter(|format| !["png", "svg-still"].contains(&format.name())) {
        let (listener, options) = (Listener { stops_at: Some(3), ..Listener::default() }, small("0.."));
        let written = format.write(Frames::of(&log, &options).unwrap(), &listener, &mut Vec::new());
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::Interrupted, "{}", format.name());
    }
}

/// Takes so many bytes, then is full.
struct FullDisk(usize);

impl io::Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_called_that() {
    let (log, options) = (common::story(), small("0..3"));
    for format in export::FORMATS {
        for room in [0, 30, 2000] {
            let written = format.write(Frames::of(&log, &options).unwrap(), &(), &mut FullDisk(room));
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull, "{} after {room}", format.name());
        }
    }
}

#[test]
fn the_oddest_is_drawn_within_its_cells() {
    for (width, height) in [(40, 12), (90, 20)] {
        let options = ExportOptions { width, height, font_size: 8, ..small("0..") };
        let (pictures, _) = gif_of(&exported("gif", &common::odd(), &options));
        let last = &pictures.last().unwrap().0;
        let screen = Frames::of(&common::odd(), &options).unwrap().last().unwrap().screen;
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let cell = &screen[(x, y)];
            let follows_wide = x > 0 && view::cells(screen[(x - 1, y)].symbol()) > 1;
            if cell.symbol() == " " && cell.modifier.is_empty() && !follows_wide {
                let [ground, _] = colours(&screen, x, y);
                assert!(cell_of(last, &screen, x, y).iter().all(|pixel| *pixel == ground), "at {x}, {y}");
            }
        }
    }
}

#[test]
fn two_runs_become_a_picture_too() {
    let (a, b) = (common::story(), common::failing());
    let options = ExportOptions { width: 100, height: 30, scene: Scene::Compare, ..small("3") };
    let mut bytes = Vec::new();
    let frames = Frames::of_two(&a, &b, &options).unwrap();
    export::format("png").unwrap().write(frames, &(), &mut bytes).unwrap();
    assert_eq!(png_of(&bytes).width, 600);
}

#[test]
fn pictures_have_their_bounds() {
    let log = common::story();
    let message = |options: ExportOptions| Frames::of(&log, &options).err().map(|error: ExportError| error.to_string());
    let told = message(ExportOptions { font_size: 5, ..small("0") });
    assert_eq!(told.unwrap(), "font-size cannot be 5: it takes a number of pixels from 6 to 64");
    let told = message(ExportOptions { width: 500, height: 200, font_size: 40, ..small("0") }).unwrap();
    assert!(told.starts_with("a picture of 12000×"), "{told}");
    assert!(told.ends_with("is too large: take fewer cells, or smaller letters by --font-size"), "{told}");
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = Typeface::read(&manifest.join("Cargo.toml")).unwrap_err().to_string();
    assert!(
        told.ends_with(
            "Cargo.toml is no font that can be read: it takes a TrueType or OpenType file (.ttf, .otf, .ttc)"
        )
    );
    let told = Typeface::read(&manifest.join("no-such.ttf")).unwrap_err().to_string();
    assert!(told.contains("no-such.ttf cannot be read: "), "{told}");
    let added = Typeface::read(&manifest.join("assets/fonts/DejaVuSansMono.ttf")).unwrap();
    let options = ExportOptions { fonts: vec![added], ..small("2") };
    assert!(exported("png", &log, &options) == exported("png", &log, &small("2")), "the bundled font comes first");
}
