//! What can be chosen for an export.

/// Something that can be chosen for an export, beside its format and its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportField {
    /// What has a row in a table.
    Table,
    /// What of the screen is shown.
    Scene,
    /// What stands in the canvas's place.
    View,
    /// How the canvas is read.
    Layer,
    /// How its tokens are arranged.
    Arrangement,
    /// Which palette.
    Theme,
    /// Columns and rows.
    Size,
    /// The size of letters, in pixels.
    FontSize,
    /// Fonts for what the bundled one does not have.
    Font,
    /// The other one of two runs.
    Against,
    /// What two runs are aligned by.
    Axis,
    /// Which steps are shown.
    Steps,
    /// How fast they follow each other.
    Pace,
    /// The longest pause.
    IdleLimit,
    /// Whether the prompt is typed first.
    Typing,
    /// How long the last frame is shown.
    Hold,
    /// How often a picture plays.
    Loop,
    /// A line above.
    Title,
    /// Words below.
    Caption,
}

impl ExportField {
    /// What a flag of the command chooses, by its name; `None` for the file itself and its format.
    pub fn of_flag(flag: &str) -> Option<Self> {
        Some(match flag {
            "table" => Self::Table,
            "scene" => Self::Scene,
            "view" => Self::View,
            "layer" => Self::Layer,
            "arrangement" => Self::Arrangement,
            "theme" => Self::Theme,
            "width" | "height" => Self::Size,
            "font-size" => Self::FontSize,
            "font" => Self::Font,
            "against" => Self::Against,
            "axis" => Self::Axis,
            "steps" => Self::Steps,
            "fps" | "speed" => Self::Pace,
            "idle-limit" => Self::IdleLimit,
            "no-typing" => Self::Typing,
            "hold" => Self::Hold,
            "loop" => Self::Loop,
            "title" => Self::Title,
            "caption" => Self::Caption,
            _ => return None,
        })
    }

    /// Whether it is about what moves: nothing for a still picture.
    pub(super) fn is_motion(self) -> bool {
        matches!(self, Self::Pace | Self::IdleLimit | Self::Typing | Self::Hold | Self::Loop)
    }
}
