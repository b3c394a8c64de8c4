//! The browser of kept runs: what is listed of them.

use jiff::civil::Date;

use crate::kept::{KeptRun, KeptState};

/// The longest text that can be typed to choose among runs, in characters.
pub const LONGEST_FILTER: usize = 80;

/// The kept runs, and what is typed to choose among them.
#[derive(Debug, Clone, Default)]
pub struct RunBrowser {
    /// All of them, the newest first.
    pub runs: Vec<KeptRun>,
    /// Words that a listed run has.
    pub filter: String,
    /// The date here.
    pub today: Option<Date>,
    /// Whether some are still to be read.
    pub is_reading: bool,
    /// Why there may be others.
    pub trouble: Option<String>,
}

impl RunBrowser {
    /// The runs that have every word that is typed, the newest first.
    pub fn listed(&self) -> Vec<&KeptRun> {
        let filter = self.filter.to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let has_all = |run: &&KeptRun| {
            words.is_empty() || {
                let text = text(run);
                words.iter().all(|word| text.contains(word))
            }
        };
        self.runs.iter().filter(has_all).collect()
    }
}

/// Everything of a run that can be typed to find it, in small letters.
fn text(run: &KeptRun) -> String {
    let mut text = run.name.clone();
    let mut add = |word: &str| {
        text.push(' ');
        text.push_str(word);
    };
    add(KeptOutcome::of(run).word());
    if let KeptState::Read { summary, family, .. } = &run.state {
        add(summary.preset.as_deref().unwrap_or_default());
        add(family.map_or("", crate::tasks::Family::name));
        add(if summary.is_fork { "fork" } else { "" });
        add(&summary.prompt);
    }
    text.to_lowercase()
}

/// What became of a kept run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptOutcome {
    /// It is not known yet.
    Unread,
    /// It cannot be read.
    Unreadable,
    /// It is being written.
    UnderWay,
    /// It has no end.
    Interrupted,
    /// Its answer is right.
    Correct,
    /// Its answer is wrong.
    Wrong,
    /// It ended, and nobody can say whether its answer is right.
    Finished,
    /// It was stopped by hand.
    Stopped,
}

impl KeptOutcome {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unread => "",
            Self::Unreadable => "unreadable",
            Self::UnderWay => "under way",
            Self::Interrupted => "interrupted",
            Self::Correct => "correct",
            Self::Wrong => "wrong",
            Self::Finished => "finished",
            Self::Stopped => "stopped by hand",
        }
    }

    /// Of a kept run.
    pub fn of(run: &KeptRun) -> Self {
        match &run.state {
            KeptState::Unread => Self::Unread,
            KeptState::Unreadable(_) => Self::Unreadable,
            KeptState::Read { is_under_way: true, .. } => Self::UnderWay,
            KeptState::Read { summary, .. } => match summary.end.as_ref().map(|end| (end.correct, end.reason)) {
                None => Self::Interrupted,
                Some((Some(true), _)) => Self::Correct,
                Some((Some(false), _)) => Self::Wrong,
                Some((None, Some(_))) => Self::Finished,
                Some((None, None)) => Self::Stopped,
            },
        }
    }
}
