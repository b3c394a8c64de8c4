//! What is seen together, as elements: areas and lines by their colours, then letters by their rows.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    lives::CellPiece,
    look::{CellLook, LetterStyle},
    outline::{Area, Outline},
};
use crate::export::{markup::escaped, raster::CellSize};

/// What lies over what within a group. The edges of the first two are put between pixels at any size, so that no seam is seen
/// where colours meet; lines may be thinner than a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coat {
    Ground,
    Block,
    Line,
}

impl Coat {
    fn class(self) -> &'static str {
        match self {
            Self::Ground | Self::Block => " s",
            Self::Line => "",
        }
    }
}

/// Writes groups.
pub(super) struct GroupWriter<'a> {
    pub size: CellSize,
    pub looks: &'a [CellLook<'a>],
}

impl GroupWriter<'_> {
    /// Writes the elements of a group.
    pub fn write(&self, mut pieces: Vec<CellPiece>, out: &mut dyn Write) -> io::Result<()> {
        pieces.sort_unstable();
        for ((coat, colour), outline) in self.outlines(&pieces) {
            writeln!(out, "<path class=\"c{colour}{}\" d=\"{}\"/>", coat.class(), outline.data())?;
        }
        for row in pieces.chunk_by(|a, b| a.y == b.y) {
            self.letters(row, out)?;
        }
        Ok(())
    }

    fn look(&self, piece: CellPiece) -> &CellLook<'_> {
        &self.looks[piece.look as usize]
    }

    /// Where a piece begins, in pixels from the left and from the top.
    fn corner(&self, piece: CellPiece) -> (usize, usize) {
        (usize::from(piece.x) * self.size.width, usize::from(piece.y) * self.size.height)
    }

    fn outlines(&self, pieces: &[CellPiece]) -> BTreeMap<(Coat, u32), Outline> {
        let mut outlines: BTreeMap<(Coat, u32), Outline> = BTreeMap::new();
        for piece in pieces.iter().copied() {
            let (look, (x, y)) = (self.look(piece), self.corner(piece));
            let width = self.size.width * usize::from(look.cells);
            let band = |top: usize, height: usize| Area {
                left: x as f32,
                right: (x + width) as f32,
                top: (y + top) as f32,
                bottom: (y + top + height) as f32,
            };
            if let Some(ground) = look.ground {
                outlines.entry((Coat::Ground, ground)).or_default().area(band(0, self.size.height));
            }
            if !look.parts.is_empty() {
                let coat = if look.is_block { Coat::Block } else { Coat::Line };
                let outline = outlines.entry((coat, look.letters.ink)).or_default();
                look.parts.iter().for_each(|part| outline.part(*part, (x as f32, y as f32)));
            }
            for (top, ink) in &look.lines {
                outlines.entry((Coat::Line, *ink)).or_default().area(band(*top, self.size.stroke()));
            }
        }
        outlines
    }

    /// The letters of a row.
    fn letters(&self, row: &[CellPiece], out: &mut dyn Write) -> io::Result<()> {
        let baseline = usize::from(row[0].y) * self.size.height + self.size.baseline;
        let mut line = LetterLine::default();
        let mut others = String::new();
        for piece in row.iter().copied() {
            let (look, (x, _)) = (self.look(piece), self.corner(piece));
            if look.is_plain() {
                line.push(look.letters, look.symbol, x..x + self.size.width);
            } else if !look.symbol.is_empty() {
                let is_wide = look.cells > 1;
                let (class, x) =
                    if is_wide { (" w", x + self.size.width * usize::from(look.cells) / 2) } else { ("", x) };
                let (style, text) = (look.letters, escaped(look.symbol));
                let _ = writeln!(others, "<text class=\"{style}{class}\" x=\"{x}\" y=\"{baseline}\">{text}</text>");
            }
        }
        line.write(baseline, out)?;
        out.write_all(others.as_bytes())
    }
}

/// Letters of a row that are one text, each with its place.
#[derive(Debug, Default)]
struct LetterLine {
    places: Vec<String>,
    runs: Vec<(LetterStyle, String)>,
    end: usize,
}

impl LetterLine {
    /// Adds a letter. A blank stands for whatever lies between it and the one before.
    fn push(&mut self, style: LetterStyle, letter: &str, place: std::ops::Range<usize>) {
        if let Some((_, text)) = self.runs.last_mut()
            && self.end != place.start
        {
            text.push(' ');
            self.places.push(self.end.to_string());
        }
        match self.runs.last_mut() {
            Some((last, text)) if *last == style => text.push_str(letter),
            _ => self.runs.push((style, letter.to_owned())),
        }
        self.places.push(place.start.to_string());
        self.end = place.end;
    }

    fn write(self, baseline: usize, out: &mut dyn Write) -> io::Result<()> {
        let places = self.places.join(" ");
        match &self.runs[..] {
            [] => Ok(()),
            [(style, text)] => {
                let text = escaped(text);
                writeln!(out, "<text class=\"{style}\" x=\"{places}\" y=\"{baseline}\">{text}</text>")
            }
            runs => {
                write!(out, "<text x=\"{places}\" y=\"{baseline}\">")?;
                for (style, text) in runs {
                    write!(out, "<tspan class=\"{style}\">{}</tspan>", escaped(text))?;
                }
                writeln!(out, "</text>")
            }
        }
    }
}
