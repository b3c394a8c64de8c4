//! A run of this sitting.

use std::{borrow::Cow, time::Duration};

use super::title;
use crate::{
    engine::protocol::RunId,
    printable,
    settings::Settings,
    trace::{Entry, Exchange, Log},
};

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It is running.
    Running,
    /// It is paused: the engine has announced it.
    Paused,
    /// It is over, by itself or by hand.
    Over,
    /// It failed, and why.
    Failed(String),
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunOutcome {
    /// It can still make steps.
    UnderWay,
    /// Its answer is right.
    Right,
    /// Its answer is wrong.
    Wrong,
    /// Nobody judged it.
    Unjudged,
    /// It failed.
    Broken,
}

/// Where a run branched off another one of this sitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The other run. It may have been closed since.
    pub parent: RunId,
    /// After how many of its steps.
    pub step: usize,
    /// What was changed by hand there, in a few words; `None` where knobs alone differ.
    pub by_hand: Option<String>,
}

/// A run: its log, and what is known beside.
#[derive(Debug)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// Its log. Steps are added by [`Self::push`].
    pub log: Box<Log>,
    /// How far it is.
    pub phase: Phase,
    /// When it began, on the clock of the ticks.
    pub began: Duration,
    /// How long its steps were in coming: what it would take to see it again.
    pub lasted: Duration,
    /// The file that it was read from, printable.
    pub file: Option<String>,
    /// Whether a file holds all of its steps.
    pub saved: bool,
    /// Whether it stays however scarce memory gets.
    pub pinned: bool,
    /// The step that was shown of it last, while another run is shown; `None` follows the newest.
    pub at: Option<usize>,
    /// The position that was selected last, while another run is shown.
    pub selected: Option<usize>,
    branch: Option<Branch>,
    /// What it is called by hand.
    name: Option<String>,
    /// What it is called by what made it.
    made: String,
    /// The settings that its title tells the differences from.
    base: Settings,
}

impl Run {
    /// Runs that were longer in coming are not given up without a question.
    const PRECIOUS: Duration = Duration::from_secs(5);

    /// A run with the steps of `log`.
    pub fn new(id: RunId, log: Box<Log>, phase: Phase, began: Duration) -> Self {
        let base = title::preset_settings(log.header());
        let mut run = Self {
            id,
            log,
            phase,
            began,
            lasted: Duration::ZERO,
            file: None,
            saved: false,
            pinned: false,
            at: None,
            selected: None,
            branch: None,
            name: None,
            made: String::new(),
            base,
        };
        run.retitle();
        run
    }

    /// The same, as a branch of another run, whose settings were `base` there.
    #[must_use]
    pub fn branching(self, branch: Branch, base: Settings) -> Self {
        let mut run = Self { branch: Some(branch), base, ..self };
        run.retitle();
        run
    }

    /// The same, of which a file holds all steps.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { saved: true, ..self }
    }

    /// The same, as it was read from a file, which holds all steps.
    #[must_use]
    pub fn read_from(self, file: &str) -> Self {
        Self { file: Some(printable::line(file)), ..self.kept() }
    }

    /// Adds a step that came at `now`.
    pub fn push(&mut self, entry: &Entry, now: Duration) {
        self.log.push(entry);
        self.lasted = now.saturating_sub(self.began);
        self.saved = false;
        if !entry.record.changes.is_empty() {
            self.retitle();
        }
    }

    fn retitle(&mut self) {
        let settings = self.log.settings_at(self.log.len());
        self.made = match &self.branch {
            Some(Branch { by_hand, .. }) => title::of_branch(by_hand.as_deref(), &settings, &self.base),
            None => title::of(self.log.header(), &settings, &self.base),
        };
    }

    /// What it is called: by hand, or by its preset and the knobs that stand elsewhere; a branch by what it does otherwise
    /// than the run that it left, which may be nothing.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.made)
    }

    /// What it is called by hand; empty where it is not.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Calls it something; nothing in particular where that is blank.
    pub fn rename(&mut self, name: &str) {
        self.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    }

    /// Where it branched off another run of this sitting.
    pub fn branch(&self) -> Option<&Branch> {
        self.branch.as_ref()
    }

    /// What became of it.
    pub fn outcome(&self) -> RunOutcome {
        match (&self.phase, self.log.end().and_then(|end| end.correct)) {
            (Phase::Running | Phase::Paused, _) => RunOutcome::UnderWay,
            (Phase::Failed(_), _) => RunOutcome::Broken,
            (Phase::Over, Some(true)) => RunOutcome::Right,
            (Phase::Over, Some(false)) => RunOutcome::Wrong,
            (Phase::Over, None) => RunOutcome::Unjudged,
        }
    }

    /// What it has answered so far; `None` where that is nothing.
    pub fn answered(&self) -> Option<Cow<'_, str>> {
        let answer = match self.log.end() {
            Some(end) => Cow::Borrowed(end.answer.as_str()),
            None => Cow::Owned(self.written()),
        };
        Some(answer).filter(|answer| !answer.trim().is_empty())
    }

    /// The text that is written, up to end of text.
    fn written(&self) -> String {
        let (header, canvas) = (self.log.header(), self.log.canvas(self.log.len()));
        let answer = canvas.ids().enumerate().skip(header.prompt_ids.len());
        let text = answer.take_while(|(_, id)| !header.is_end(*id)).filter(|(_, id)| *id != header.mask_id);
        text.map(|(position, _)| canvas.piece(position)).collect()
    }

    /// The conversation up to here: the turns that it continues and, where it has answered something, itself.
    pub fn conversation(&self) -> Vec<Exchange> {
        let header = self.log.header();
        let own = self.answered().map(|answer| Exchange { prompt: header.prompt.clone(), answer: answer.into_owned() });
        header.turns.iter().cloned().chain(own).collect()
    }

    /// Whether it can still make steps.
    pub fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused)
    }

    /// Whether leaving it behind would lose something.
    pub fn is_precious(&self) -> bool {
        !self.saved && !self.log.is_empty() && self.lasted > Self::PRECIOUS
    }

    /// It makes no more steps.
    pub fn end(&mut self) {
        if self.is_under_way() {
            self.phase = Phase::Over;
        }
    }
}
