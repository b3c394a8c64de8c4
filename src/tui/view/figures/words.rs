//! Figures as text.

use crate::{
    model::memory,
    session::FigureValue,
    trace::Figures,
    tui::{theme::Theme, view::pen::count},
};

/// In place of a figure that there is not.
pub(in crate::tui::view) const NONE: &str = "-";

/// What a figure says, as short as can be.
pub(in crate::tui::view) fn value(value: FigureValue, theme: Theme) -> String {
    let times = theme.glyphs.times;
    match value {
        FigureValue::Absent => NONE.to_owned(),
        FigureValue::Count(number) => count(number),
        FigureValue::Number(number) => decimal(number),
        FigureValue::Share(share) => percent(share),
        FigureValue::Times(number) if number < 1.0 => format!("{number:.2}{times}"),
        FigureValue::Times(number) => format!("{number:.1}{times}"),
        FigureValue::Estimate(number) => format!("~{number:.1}{times}"),
        FigureValue::Seconds(seconds) => format!("{}s", decimal(seconds)),
        FigureValue::Bytes(number) => memory::bytes(number),
        FigureValue::Operations(number) => operations(number),
    }
}

/// A number with as many decimals as it deserves.
pub(in crate::tui::view) fn decimal(value: f64) -> String {
    match value {
        value if !value.is_finite() => NONE.to_owned(),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => count(value.round() as u64),
    }
}

/// A share in percent.
pub(in crate::tui::view) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// A large number in three digits: "1.24T".
fn operations(number: f64) -> String {
    let units = [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (size, unit) = units.into_iter().find(|(size, _)| number >= 0.9995 * size).unwrap_or((1.0, ""));
    let number = number / size;
    let decimals = if number < 9.995 { 2 } else { usize::from(number < 99.95) };
    format!("{number:.decimals$}{unit}")
}

/// Share of the audited masks at which the truth has another most likely token.
pub(in crate::tui::view) fn flips(figures: &Figures) -> String {
    if figures.audited == 0 {
        return NONE.to_owned();
    }
    percent(figures.flips as f64 / figures.audited as f64)
}

/// A divergence: small ones count.
pub(in crate::tui::view) fn nats(divergence: f64) -> String {
    if divergence.is_finite() { format!("{divergence:.3}") } else { NONE.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Level, ThemeName};

    #[test]
    fn values_take_six_cells_or_a_unit() {
        let theme = Theme::new(ThemeName::Dark, Level::Mono);
        let text = |value| super::value(value, theme);
        assert_eq!(text(FigureValue::Operations(1_240_000_000_000.0)), "1.24T");
        assert_eq!(text(FigureValue::Operations(999_600.0)), "1.00M");
        assert_eq!(text(FigureValue::Operations(12.0)), "12.0");
        assert_eq!(text(FigureValue::Estimate(4.26)), "~4.3×");
        assert_eq!([text(FigureValue::Times(0.84)), text(FigureValue::Times(15.23))], ["0.84×", "15.2×"]);
        assert_eq!(text(FigureValue::Number(f64::NAN)), NONE);
    }
}
