//! What a position is at a step, as a dot of the map: what marks it, and in which tone.

use ratatui::style::{Color, Style};

use crate::{
    decode::record::Reason,
    tui::{
        theme::{Glyphs, Theme, Tone},
        view::{
            step::{State, StepView},
            token_style::{self, bounded},
        },
    },
};

/// What there is to see, the least important first. Of several dots that share a cell the greatest is drawn, so that a
/// sure token never hides an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MapKind {
    /// Nothing: a mask that the step did not look at.
    #[default]
    Blank,
    /// Written by an earlier step, or given.
    Settled,
    /// A quantity: how sure a draft is, how old a K/V row.
    Shade,
    /// Written by this step.
    Commit,
    /// A K/V row that is read although it was computed under another token.
    Stale,
    /// Written by this step over another token, or by hand.
    Edited,
    /// Written although the guide accepted no draft.
    Forced,
    /// A draft that the guide does not accept.
    Refused,
    /// A draft in whose place the uncached truth has another token.
    Flip,
    /// Masked again by this step.
    Again,
    /// Written by this step, and fails in the answer.
    Failing,
}

impl MapKind {
    /// Those with a glyph of their own, where dots are read without colour.
    pub const SIGNS: [Self; 8] =
        [Self::Commit, Self::Stale, Self::Edited, Self::Forced, Self::Refused, Self::Flip, Self::Again, Self::Failing];

    /// A few words for the legend.
    pub fn words(self) -> &'static str {
        match self {
            Self::Blank => "not looked at",
            Self::Settled => "written before",
            Self::Shade => "drafts",
            Self::Commit => "written",
            Self::Stale => "stale",
            Self::Edited => "written over",
            Self::Forced => "forced",
            Self::Refused => "rejected",
            Self::Flip => "another token",
            Self::Again => "masked again",
            Self::Failing => "fails",
        }
    }
}

/// What marks a dot. Dots are compared by their kinds first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapMark {
    /// What there is to see.
    pub kind: MapKind,
    /// How much of it, where that is a quantity.
    pub level: u8,
}

impl MapMark {
    /// A mark of so much, 0 to 1.
    pub fn new(kind: MapKind, share: f32) -> Self {
        Self { kind, level: (bounded(share) * 255.0).round() as u8 }
    }

    /// How much of it, 0 to 1.
    pub fn share(self) -> f32 {
        f32::from(self.level) / 255.0
    }

    /// By what a position holds, for every layer that does not know better: drafts by their confidence.
    pub fn of_state(step: &StepView<'_>, position: usize) -> Self {
        match step.state(position) {
            State::Prompt => Self::default(),
            State::Given => Self::new(MapKind::Settled, 1.0),
            State::Masked if step.is_remasked(position) => Self::new(MapKind::Again, 1.0),
            State::Masked if token_style::is_inactive(step, position) => Self::default(),
            State::Masked => step.proposal(position).map_or_else(Self::default, |proposal| {
                // That nothing more will come is soon sure, and not worth a look.
                let is_end = step.log.header().is_end(proposal.token);
                Self::new(MapKind::Shade, if is_end { 0.0 } else { proposal.confidence })
            }),
            State::Written { fresh: true, reason: Reason::ByHand, .. } => Self::new(MapKind::Edited, 1.0),
            State::Written { fresh: true, confidence, .. } => {
                let kind = if step.overwritten(position).is_some() { MapKind::Edited } else { MapKind::Commit };
                // A token of the answer is more than an end of text.
                Self::new(kind, if step.is_eos(position) { 0.0 } else { 0.1 + 0.9 * bounded(confidence) })
            }
            State::Written { confidence, .. } => {
                Self::new(MapKind::Settled, if step.is_eos(position) { 0.0 } else { confidence })
            }
        }
    }

    /// The glyph that stands for it where colours do not.
    pub fn glyph(self, glyphs: &'static Glyphs) -> &'static str {
        match self.kind {
            MapKind::Blank | MapKind::Settled => " ",
            MapKind::Shade => glyphs.shades[usize::from(self.level) * glyphs.shades.len() / 256],
            MapKind::Commit => glyphs.rising[7],
            MapKind::Stale => glyphs.stale,
            MapKind::Edited => glyphs.edited,
            MapKind::Forced => glyphs.forced,
            MapKind::Refused => glyphs.refused,
            MapKind::Flip => glyphs.differs,
            MapKind::Again => glyphs.mask_again,
            MapKind::Failing => glyphs.wrong,
        }
    }
}

/// The colour of a dot: so much of a tone on the ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapTint {
    /// The tone.
    pub tone: Tone,
    /// Its share, 0 to 1.
    pub share: f32,
}

impl MapTint {
    /// So much of a tone.
    pub fn new(tone: Tone, share: f32) -> Self {
        Self { tone, share: bounded(share) }
    }

    /// Out of how the canvas shows the same, for every layer that does not know better: in full where this very step did
    /// something, weaker before, dark afterwards.
    pub fn of_style(theme: Theme, style: Style, mark: MapMark) -> Self {
        let share = match mark.kind {
            MapKind::Blank => 0.0,
            MapKind::Settled => 0.3,
            MapKind::Shade => 0.6,
            MapKind::Again => return Self::new(theme.remasked(), 1.0),
            MapKind::Failing => return Self::new(theme.palette().vermilion, 1.0),
            _ => 1.0,
        };
        // Wet ink has its colour behind it.
        let colour = style.bg.filter(|_| mark.kind >= MapKind::Commit).or(style.fg);
        Self::new(Tone::of(colour.unwrap_or(Color::Reset)), share)
    }

    /// The tone that it comes to, and that while its step is still to come.
    pub(in crate::tui::view) fn tones(self, theme: Theme) -> [Tone; 2] {
        let palette = theme.palette();
        // Without a ground of its own a dot that is nearly dark is still a glyph.
        let under = if theme.paints() { palette.ground } else { palette.faint };
        let now = self.tone.dot(under, self.share);
        [now, under.dot(now, 0.55)]
    }
}
