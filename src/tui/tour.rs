//! The tour: five cards, each about a pane, with the keys that belong to it. It works on the run that is there.

use super::{action::Action, action::Direction, action::Overlay, app::App, compare::CompareAction, view::Layer};

/// What a card points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TourPane {
    /// The canvas.
    Canvas,
    /// The timeline; the canvas where there is no room for one.
    Timeline,
}

/// A card.
#[derive(Debug)]
pub struct TourCard {
    /// A few words.
    pub title: &'static str,
    /// Two or three sentences.
    pub text: &'static str,
    /// The pane that it is about.
    pub pane: TourPane,
    /// The layer that the canvas is read by meanwhile.
    pub layer: &'static str,
    /// What can be done there.
    pub actions: Vec<Action>,
}

/// Number of cards.
pub const CARDS: usize = 5;

/// The cards, in their order.
pub fn cards() -> [TourCard; CARDS] {
    let layer = |name| Layer::named(name).map(Action::Layer).into_iter();
    [
        TourCard {
            title: "drafts and confidence",
            text: "Every position that is not written yet shows a draft: what the model would write there now, the \
                   brighter the surer. In each step the rule writes a few of them, and all the others are drafted \
                   again.",
            pane: TourPane::Canvas,
            layer: "confidence",
            actions: layer("confidence").chain([Action::ToggleDrafts, Action::SelectMove(Direction::Down)]).collect(),
        },
        TourCard {
            title: "steps, back and forth",
            text: "A run is a log of steps, and the timeline has a bar for each: how many tokens it wrote. Go back to \
                   any step while the run continues; what you see then is exactly what was there.",
            pane: TourPane::Timeline,
            layer: "confidence",
            actions: vec![Action::Scrub(-1), Action::TogglePlay, Action::Pace(1), Action::Follow],
        },
        TourCard {
            title: "the cache",
            text: "A pass over the whole canvas is dear, and most of it hardly changes. A cache reuses K/V rows of \
                   earlier steps: the legend names those that this step computed, those that are older, and what \
                   far ahead was left out.",
            pane: TourPane::Canvas,
            layer: "cache",
            actions: layer("cache").chain([Action::ToggleAudit, Action::Toggle(Overlay::Legend)]).collect(),
        },
        TourCard {
            title: "the guide",
            text: "Tokens that are written at once do not know of each other. A small model that reads from left to \
                   right checks the drafts, accepts as far as it agrees, and says what it wanted instead.",
            pane: TourPane::Canvas,
            layer: "guide",
            actions: layer("guide").chain([Action::Toggle(Overlay::Presets), Action::SelectFailed]).collect(),
        },
        TourCard {
            title: "hands and forks",
            text: "Choose a token, go to the step that wrote it, and write another one: the run forks there and \
                   continues in its own way. Any knob that is turned at an earlier step can fork it, too.",
            pane: TourPane::Canvas,
            layer: "confidence",
            actions: vec![
                Action::OpenToken,
                Action::Fork,
                Action::Compare(CompareAction::Toggle),
                Action::Toggle(Overlay::Runs),
            ],
        },
    ]
}

impl App {
    /// Number of the card that is shown, from 0.
    pub fn card(&self) -> Option<usize> {
        (self.overlays.last() == Some(&Overlay::Tour)).then(|| self.list.min(CARDS - 1))
    }
}
