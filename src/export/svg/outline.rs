//! Geometry as the data of paths.

use std::fmt::{self, Write};

use crate::export::raster::ShapePart;

/// A number with two decimals at most.
pub(super) struct Number(pub f32);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        // No minus before a zero.
        write!(f, "{}", if rounded == 0.0 { 0.0 } else { rounded })
    }
}

/// A rectangle, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
}

/// The outline of what has one colour. Everything in it turns to the right, so that nothing is cut out where parts meet;
/// rectangles that continue each other are one.
#[derive(Debug, Default)]
pub(super) struct Outline {
    data: String,
    open: Option<Area>,
}

impl Outline {
    /// The value of `d`.
    pub fn data(mut self) -> String {
        self.close();
        self.data
    }

    /// Adds a rectangle.
    pub fn area(&mut self, area: Area) {
        match &mut self.open {
            Some(open) if (open.right, open.top, open.bottom) == (area.left, area.top, area.bottom) => {
                open.right = area.right;
            }
            _ => {
                self.close();
                self.open = Some(area);
            }
        }
    }

    fn close(&mut self) {
        if let Some(Area { left, right, top, bottom }) = self.open.take() {
            let (x, y, width, height) = (Number(left), Number(top), Number(right - left), Number(bottom - top));
            let _ = write!(self.data, "M{x} {y}h{width}v{height}h-{width}z");
        }
    }

    /// Adds a part of the shape of a cell whose upper left corner is at `corner`.
    pub fn part(&mut self, part: ShapePart, corner: (f32, f32)) {
        let at = |(x, y): (f32, f32)| (corner.0 + x, corner.1 + y);
        match part {
            ShapePart::Bar { left, right, top, bottom } => {
                let ((left, top), (right, bottom)) = (at((left, top)), at((right, bottom)));
                self.area(Area { left, right, top, bottom });
            }
            ShapePart::Bend { centre, side, radius, thick } => self.bend(at(centre), side, radius, thick),
            ShapePart::Line { from, to, thick } => self.line(at(from), at(to), thick),
            ShapePart::Dot { centre, radius } => {
                let (x, y) = at(centre);
                let (x, y, radius, across) = (Number(x - radius), Number(y), Number(radius), Number(2.0 * radius));
                let arc = format!("a{radius} {radius} 0 1 1");
                let _ = write!(self.data, "M{x} {y}{arc} {across} 0{arc}-{across} 0z");
            }
        }
    }

    fn bend(&mut self, (x, y): (f32, f32), side: (f32, f32), radius: f32, thick: f32) {
        let (outer, inner) = (radius + thick / 2.0, (radius - thick / 2.0).max(0.0));
        let across = |radius: f32| (x + radius.copysign(side.0), y);
        let down = |radius: f32| (x, y + radius.copysign(side.1));
        // The way that turns to the right along the outer edge.
        let is_right = side.0 * side.1 > 0.0;
        let [first, second, third, fourth] = if is_right {
            [across(outer), down(outer), down(inner), across(inner)]
        } else {
            [down(outer), across(outer), across(inner), down(inner)]
        };
        let point = |(x, y): (f32, f32)| format!("{} {}", Number(x), Number(y));
        let arc = |radius: f32, turn: u8, to| format!("A{0} {0} 0 0 {turn} {1}", Number(radius), point(to));
        let _ =
            write!(self.data, "M{}{}L{}{}z", point(first), arc(outer, 1, second), point(third), arc(inner, 0, fourth));
    }

    fn line(&mut self, from: (f32, f32), to: (f32, f32), thick: f32) {
        let (run, rise) = (to.0 - from.0, to.1 - from.1);
        let length = run.hypot(rise);
        let (along, half) = ((run / length, rise / length), thick / 2.0 + 0.1);
        let corner = |(x, y): (f32, f32), on: f32, off: f32| {
            format!("{} {}", Number(x + on * along.0 + off * along.1), Number(y + on * along.1 - off * along.0))
        };
        let [first, second] = [corner(from, -thick, half), corner(to, thick, half)];
        let [third, fourth] = [corner(to, thick, -half), corner(from, -thick, -half)];
        let _ = write!(self.data, "M{first}L{second} {third} {fourth}z");
    }
}
