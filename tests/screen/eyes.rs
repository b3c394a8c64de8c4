//! Colours as people see them: by an oracle that shares no code with the program.

use std::collections::BTreeSet;

use diffuscope::tui::theme::Tone;
use palette::{
    FromColor, LinSrgb, Oklab, Srgb,
    color_difference::{EuclideanDistance, Wcag21RelativeContrast},
};
use ratatui::{buffer::Buffer, style::Color};
use serde::de::DeserializeOwned;

/// Eyes: the usual ones, and the three kinds of colour blindness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eye {
    Usual,
    Protan,
    Deutan,
    Tritan,
}

impl Eye {
    pub const ALL: [Self; 4] = [Self::Usual, Self::Protan, Self::Deutan, Self::Tritan];

    /// What it makes of linear red, green and blue: Machado, Oliveira and Fernandes, "A physiologically-based model for
    /// simulation of color vision deficiency" (IEEE TVCG 15(6), 2009), severity 1.0.
    fn matrix(self) -> [[f32; 3]; 3] {
        match self {
            Self::Usual => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Protan => [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
            Self::Deutan => [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
            Self::Tritan => [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        }
    }

    /// What it sees of a colour.
    pub fn sees(self, colour: Srgb<u8>) -> Oklab {
        let light: LinSrgb = colour.into_linear();
        let seen = self.matrix().map(|[r, g, b]| (r * light.red + g * light.green + b * light.blue).clamp(0.0, 1.0));
        Oklab::from_color(LinSrgb::from(seen))
    }

    /// How far apart it sees two colours: Euclidean in Oklab.
    pub fn difference(self, one: Srgb<u8>, other: Srgb<u8>) -> f32 {
        self.sees(one).distance(self.sees(other))
    }
}

/// The colour of a style as a terminal shows it; `None` where that is up to the terminal.
pub fn shown(colour: Color) -> Option<Srgb<u8>> {
    match colour {
        Color::Rgb(r, g, b) => Some(Srgb::new(r, g, b)),
        Color::Indexed(index @ 16..=231) => {
            let (cube, steps) = (index - 16, [0, 95, 135, 175, 215, 255]);
            let [r, g, b] = [cube / 36, cube / 6 % 6, cube % 6].map(|step| steps[usize::from(step)]);
            Some(Srgb::new(r, g, b))
        }
        Color::Indexed(index @ 232..) => Some([8 + 10 * (index - 232); 3].into()),
        _ => None,
    }
}

/// The colour of a tone itself.
pub fn rgb(tone: Tone) -> Srgb<u8> {
    Srgb::new(tone.rgb.0, tone.rgb.1, tone.rgb.2)
}

/// Contrast, 1 to 21 (WCAG 2.1).
pub fn contrast(one: Srgb<u8>, other: Srgb<u8>) -> f32 {
    one.into_format::<f32>().relative_contrast(other.into_format())
}

/// The contrast of every cell of a frame that holds a sign to be read: all but rules, frames, bars and masks, which are
/// drawn with lines and blocks.
pub fn text_contrasts(buffer: &Buffer) -> Vec<(f32, String)> {
    let is_shape = |c: char| matches!(c, '\u{2500}'..='\u{259f}' | ' ');
    let cells = buffer.content.iter().filter(|cell| !cell.symbol().chars().all(is_shape));
    cells
        .map(|cell| {
            let name = format!("'{}' {} on {} {:?}", cell.symbol(), cell.fg, cell.bg, cell.modifier);
            let (Some(ink), Some(ground)) = (shown(cell.fg), shown(cell.bg)) else { panic!("painted by none: {name}") };
            (contrast(ink, ground), name)
        })
        .collect()
}

/// Every variant of an enum that is written by its name, from what its reader says of a name that it does not know.
pub fn variants<T: DeserializeOwned>() -> Vec<T> {
    let unknown = serde_json::from_str::<T>("\"?\"").err().expect("no variant has such a name").to_string();
    let names: BTreeSet<&str> = unknown.split('`').skip(3).step_by(2).collect();
    assert!(names.len() > 1, "{unknown}");
    names.into_iter().map(|name| serde_json::from_value(name.into()).unwrap()).collect()
}
