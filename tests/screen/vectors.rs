//! Recordings as SVG: read again, and compared with the cells that they were drawn from.

use std::collections::{BTreeMap, HashMap};

use diffuscope::{
    export::{self, ExportOptions, Frames},
    trace::Log,
    tui::{Scene, theme::ThemeName, view},
};
use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

use super::common;

fn options(width: u16, height: u16, steps: &str) -> ExportOptions {
    ExportOptions { width, height, typing: false, steps: steps.parse().unwrap(), ..ExportOptions::default() }
}

fn exported(format: &str, frames: Frames<'_>) -> String {
    let mut bytes = Vec::new();
    export::format(format).unwrap().write(frames, &(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn svg(log: &Log, options: &ExportOptions) -> String {
    exported("svg", Frames::of(log, options).unwrap())
}

/// An element: what encloses it by number, its tag, its attributes, and the text that directly follows each of its tags.
struct Element {
    parent: usize,
    tag: String,
    attributes: HashMap<String, String>,
    text: String,
}

/// Reads a document, and panics where it is not well-formed.
fn elements(svg: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("a tag without an end: {piece}"));
        assert!(!text.contains('>'), "{text}");
        if let Some(name) = tag.strip_prefix('/') {
            let ended = open.pop().unwrap();
            assert_eq!(elements[ended].tag, name);
            continue;
        }
        let (inner, is_empty) = tag.strip_suffix('/').map_or((tag, false), |inner| (inner, true));
        let (name, rest) = inner.split_once(' ').unwrap_or((inner, ""));
        let parts: Vec<&str> = rest.split('"').collect();
        let attribute = |pair: &[&str]| (pair[0].trim().trim_end_matches('=').to_owned(), pair[1].to_owned());
        let attributes = parts.chunks_exact(2).map(attribute).collect();
        let parent = open.last().copied().unwrap_or(usize::MAX);
        elements.push(Element { parent, tag: name.to_owned(), attributes, text: plain(text) });
        if !is_empty {
            open.push(elements.len() - 1);
        }
    }
    assert!(open.is_empty());
    elements
}

fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A picture, as a browser would show it at a time.
struct Moving {
    elements: Vec<Element>,
    /// From which share of the time to which each group is seen, by its name, in hundredths.
    seen: HashMap<String, (f64, f64)>,
    inks: HashMap<String, [u8; 3]>,
    cell: (usize, usize),
}

impl Moving {
    fn read(svg: &str, area: ratatui::layout::Rect) -> Self {
        let elements = elements(svg);
        let css = &elements.iter().find(|element| element.tag == "style").unwrap().text;
        let share = |text: &str| text.trim_end_matches('%').parse::<f64>().unwrap();
        let mut seen = HashMap::new();
        for frames in css.split("@keyframes ").skip(1) {
            let (name, frames) = frames.lines().next().unwrap().split_once('{').unwrap();
            let steps: Vec<(f64, bool)> = frames
                .split_inclusive('}')
                .filter_map(|step| step.split_once('{'))
                .map(|(at, rule)| (share(at), rule == "visibility:visible}"))
                .collect();
            let from = steps.iter().find(|(_, visible)| *visible).unwrap().0;
            let to = steps.iter().find(|(at, visible)| !visible && *at > from).map_or(100.0, |(at, _)| *at);
            seen.insert(name.to_owned(), (from, to));
        }
        let hex = |text: &str| [0, 2, 4].map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
        let inks = css.split(".c").skip(1).filter_map(|rule| rule.split_once("{fill:#"));
        let inks = inks.map(|(number, colour)| (format!("c{number}"), hex(colour))).collect();
        let size = |name: &str| elements[0].attributes[name].parse::<usize>().unwrap();
        let cell = (size("width") / usize::from(area.width), size("height") / usize::from(area.height));
        Self { elements, seen, inks, cell }
    }

    /// The elements that are seen.
    fn at(&self, share: f64) -> impl Iterator<Item = (usize, &Element)> {
        let is_seen = move |element: &Element| {
            let mut parent = element.parent;
            while self.elements[parent].tag != "g" {
                parent = self.elements[parent].parent;
            }
            let group = &self.elements[parent].attributes;
            self.seen.get(&group["id"]).is_none_or(|(from, to)| (*from..*to).contains(&share))
        };
        let drawn = ["text", "tspan", "path"];
        self.elements.iter().enumerate().filter(move |(_, element)| drawn.contains(&&*element.tag) && is_seen(element))
    }

    fn ink(&self, element: &Element) -> [u8; 3] {
        self.inks[element.attributes["class"].split(' ').next().unwrap()]
    }

    /// Letters by their cells, with their colours.
    fn letters(&self, share: f64) -> BTreeMap<(usize, usize), (String, [u8; 3])> {
        let mut letters = BTreeMap::new();
        for (number, text) in self.at(share).filter(|(_, element)| element.tag == "text") {
            let places: Vec<usize> = text.attributes["x"].split(' ').map(|x| x.parse().unwrap()).collect();
            let row = text.attributes["y"].parse::<usize>().unwrap() / self.cell.1;
            let spans = self.elements.iter().filter(|span| span.parent == number);
            let runs: Vec<&Element> = if text.text.is_empty() { spans.collect() } else { vec![text] };
            let characters: Vec<(char, [u8; 3])> = runs
                .iter()
                .flat_map(|run| run.text.trim_end_matches('\n').chars().map(|c| (c, self.ink(run))))
                .collect();
            if places.len() == 1 {
                let is_wide = text.attributes["class"].split(' ').any(|class| class == "w");
                let x = places[0] - if is_wide { self.cell.0 } else { 0 };
                let symbol = characters.iter().map(|(c, _)| *c).collect::<String>();
                assert!(letters.insert((x / self.cell.0, row), (symbol, characters[0].1)).is_none());
                continue;
            }
            assert_eq!(places.len(), characters.len(), "every letter has its place");
            for (x, (c, ink)) in places.into_iter().zip(characters) {
                assert_eq!(x % self.cell.0, 0);
                let before = (c != ' ').then(|| letters.insert((x / self.cell.0, row), (c.to_string(), ink)));
                assert!(before.flatten().is_none(), "two letters at {x}, {row}");
            }
        }
        letters
    }

    /// The colour behind a cell, where one was painted: of the last rectangle over its middle.
    fn grounds(&self, share: f64) -> Vec<([u8; 3], [usize; 4])> {
        let mut grounds = Vec::new();
        for (_, path) in self.at(share).filter(|(_, element)| element.tag == "path") {
            for area in path.attributes["d"].split('M').skip(1).filter(|area| area.contains('h') && !area.contains('.'))
            {
                let numbers: Vec<usize> =
                    area.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
                grounds.push((self.ink(path), [numbers[0], numbers[1], numbers[2], numbers[3]]));
            }
        }
        grounds
    }
}

/// Letter, ink and ground of every cell that has a letter.
fn lettered(screen: &Buffer) -> BTreeMap<(usize, usize), (String, [u8; 3])> {
    let mut letters = BTreeMap::new();
    for y in 0..screen.area.height {
        let mut x = 0;
        while x < screen.area.width {
            let cell = &screen[(x, y)];
            let symbol = cell.symbol().trim();
            let drawn = |c: char| matches!(c, '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}' | '\u{2442}');
            if !symbol.is_empty() && !symbol.chars().all(drawn) {
                letters.insert((x.into(), y.into()), (symbol.to_owned(), colours(screen, x, y)[1]));
            }
            x += view::cells(cell.symbol()).max(1);
        }
    }
    letters
}

/// Ground and ink of a cell.
fn colours(screen: &Buffer, x: u16, y: u16) -> [[u8; 3]; 2] {
    let cell = &screen[(x, y)];
    assert!(!cell.modifier.contains(Modifier::DIM));
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

/// Compares every frame of a picture with what the playground drew.
fn shows_every_frame(svg: &str, frames: Frames<'_>) {
    let (area, end) = (frames.area(), frames.end());
    let picture = Moving::read(svg, area);
    for frame in frames {
        // Times are kept in hundredths of a second.
        let share = (frame.time + 0.006) / end * 100.0;
        let (letters, expected) = (picture.letters(share), lettered(&frame.screen));
        let other = expected.iter().find(|(place, letter)| letters.get(place) != Some(letter));
        assert_eq!(other.map(|(place, letter)| (letter, letters.get(place))), None, "at {} s", frame.time);
        assert_eq!(letters.len(), expected.len(), "at {} s", frame.time);
        let grounds = picture.grounds(share);
        let own = colours(&frame.screen, 0, area.height - 1)[0];
        for (x, y) in (0..area.height).flat_map(|y| (0..area.width).map(move |x| (x, y))) {
            let cell = &frame.screen[(x, y)];
            // Behind a wide character nothing is drawn.
            let is_bare = cell.symbol() == " " && cell.bg != Color::Reset;
            if let Some([ground, _]) = is_bare.then(|| colours(&frame.screen, x, y))
                && ground != own
            {
                let middle = (
                    usize::from(x) * picture.cell.0 + picture.cell.0 / 2,
                    usize::from(y) * picture.cell.1 + picture.cell.1 / 2,
                );
                let covers = |[left, top, width, height]: [usize; 4]| {
                    (left..left + width).contains(&middle.0) && (top..top + height).contains(&middle.1)
                };
                let painted = grounds.iter().filter(|(_, area)| covers(*area)).map(|(ink, _)| *ink);
                assert_eq!(painted.collect::<Vec<_>>(), [ground], "at {x}, {y}, {} s", frame.time);
            }
        }
    }
}

#[test]
fn at_any_time_the_letters_are_those_of_the_screen() {
    for (log, steps) in [(common::story(), "..12"), (common::failing(), "0.."), (common::odd(), "0..")] {
        let options = ExportOptions { typing: true, ..options(100, 24, steps) };
        shows_every_frame(&svg(&log, &options), Frames::of(&log, &options).unwrap());
    }
}

#[test]
fn a_map_on_paper_and_two_runs_are_shown_as_well() {
    let (a, b) = (common::story(), common::failing());
    let map = ExportOptions { scene: Scene::Map, theme: ThemeName::Light, font_size: 11, ..options(60, 16, "3..9") };
    shows_every_frame(&svg(&a, &map), Frames::of(&a, &map).unwrap());
    let both = ExportOptions { scene: Scene::Compare, ..options(100, 30, "2..6") };
    let two = || Frames::of_two(&a, &b, &both).unwrap();
    shows_every_frame(&exported("svg", two()), two());
}

#[test]
fn without_motion_the_last_frame_stands() {
    let log = common::story();
    let moving = svg(&log, &options(80, 24, "..9"));
    let still = exported("svg-still", Frames::of(&log, &options(80, 24, "..9")).unwrap());
    assert!(!still.contains("animation") && !still.contains("visibility"));
    assert_eq!(svg(&log, &options(80, 24, "9")), still, "of one frame, there is nothing to move");
    // What is outside of the rules for motion hides everything else.
    let (css, _) = moving.split_once("@media screen and (prefers-reduced-motion:no-preference){").unwrap();
    assert!(css.contains("g{visibility:hidden}.last{visibility:visible}") && !css.contains("animation"));
    let words = |svg: &str| -> Vec<String> {
        let elements = elements(svg);
        let last = elements.iter().rposition(|element| element.tag == "g").unwrap();
        elements.into_iter().skip(last).map(|element| element.text).collect()
    };
    assert_eq!(words(&moving), words(&still));
}

#[test]
fn it_says_what_it_shows_and_nothing_before_its_time() {
    let log = common::story();
    let first = elements(&svg(&log, &options(100, 30, "..3")));
    let whole = elements(&svg(&log, &options(100, 30, "0..")));
    let said =
        |elements: &[Element], tag: &str| elements.iter().find(|element| element.tag == tag).unwrap().text.clone();
    assert_eq!(said(&whole, "title").trim(), common::STORY_PROMPT);
    assert_eq!(elements(&svg(&log, &options(100, 30, "..3")))[0].attributes["aria-labelledby"], "title words");
    assert!(said(&whole, "desc").contains("One day Laura went to the farm."), "{}", said(&whole, "desc"));
    assert!(said(&whole, "desc").contains("correct") && !said(&first, "desc").contains("correct"));
    assert!(said(&first, "desc").contains("running"));
    // A column after the other, so that text is not torn by what stands beside it.
    let words = said(&whole, "desc");
    assert!(words.find("One day").unwrap() < words.find("tokens per pass").unwrap(), "{words}");
    let steps = words.find("steps").unwrap();
    assert!(words.find("One day").unwrap() < steps && words.find("tokens per pass").unwrap() > steps, "{words}");
}

#[test]
fn it_plays_as_long_and_as_often_as_was_asked_for() {
    let log = common::story();
    let rule = |options: &ExportOptions| {
        let svg = svg(&log, options);
        let (_, rest) = svg.split_once("g{animation:").unwrap();
        rest.split_once('}').unwrap().0.to_owned()
    };
    let slow = ExportOptions { fps: Some(0.5), hold: 4.25, ..options(60, 16, "2..5") };
    assert_eq!(rule(&slow), "11250ms step-end infinite");
    assert_eq!(rule(&ExportOptions { plays: 3, ..slow.clone() }), "11250ms step-end 3");
    assert_eq!(rule(&ExportOptions { hold: 700.0, ..slow.clone() }), "707000ms step-end infinite");
    let brief = ExportOptions { speed: Some(1000.0), hold: 0.0, ..options(60, 16, "0..9") };
    let groups = |options: &ExportOptions| svg(&log, options).matches("<g ").count();
    assert!(groups(&brief) < groups(&options(60, 16, "0..9")), "what is too brief to be seen is left out");
}

#[test]
fn what_it_holds_can_do_nothing() {
    let hostile = "</text><script>alert(1)</script> ]]> &lt; & <b onload=\"x\">'\u{1b}[31m\u{202e}\u{0}";
    let mut fixture = common::Fixture::new(hostile, hostile, 24, "plain");
    while fixture.quota_step(4, None) {}
    let log = fixture.finish(Some(false), Some(hostile));
    let options = ExportOptions { title: hostile.to_owned(), caption: hostile.to_owned(), ..options(120, 30, "0..") };
    for format in ["svg", "svg-still"] {
        let svg = exported(format, Frames::of(&log, &options).unwrap());
        let allowed = ["svg", "title", "desc", "style", "rect", "g", "path", "text", "tspan"];
        let attributes =
            ["xmlns", "width", "height", "viewBox", "role", "aria-labelledby", "id", "class", "fill", "d", "x", "y"];
        for element in elements(&svg) {
            assert!(allowed.contains(&&*element.tag), "{}", element.tag);
            assert!(element.attributes.keys().all(|name| attributes.contains(&&**name)), "{:?}", element.attributes);
        }
        assert!(!svg.contains("]]>") && !svg.contains("url(") && !svg.contains("@import"));
        assert_eq!(svg.matches("://").count(), 1, "the name of the format, and no address");
        assert!(svg.chars().all(|c| c == '\n' || diffuscope::printable::is_printable(c)));
    }
}
