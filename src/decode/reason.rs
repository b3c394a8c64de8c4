//! Why a token was written: every reason once, with its words.

use serde::{Deserialize, Serialize};

/// What several reasons have in common; views show reasons of a kind in one colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReasonKind {
    /// The guide accepted it.
    Accepted,
    /// It was written without a test.
    Untested,
    /// The guide wrote it.
    Replaced,
    /// It passed the test of its rule; a rule has one test.
    Passed,
    /// It passed a test that was relaxed for it.
    Relaxed,
    /// It was the best, where nothing passed.
    Best,
    /// It was among the best few, as many as the step had to write.
    Scheduled,
    /// It owes its place to chance, to earlier steps, or to a second look.
    Other,
    /// Somebody wrote it.
    ByHand,
    /// Nothing was proposed there: it fills what follows an end of text.
    Filled,
}

/// One entry per reason: variant, kind, phrase, short name, meaning; in front, the name that older files have. The order is
/// that of [`Reason::ALL`].
macro_rules! reasons {
    ($($(#[$alias:meta])? $variant:ident: $kind:ident, $phrase:literal, $short:literal, $meaning:literal;)+) => {
        /// Why a token was written. In files, the variant's name in kebab-case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Reason { $(#[doc = $meaning] $(#[$alias])? $variant,)+ }

        impl Reason {
            /// Every reason, in the order of importance.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What it has in common with others.
            pub fn kind(self) -> ReasonKind {
                match self { $(Self::$variant => ReasonKind::$kind,)+ }
            }

            /// In a sentence: "by quota".
            pub fn phrase(self) -> &'static str {
                match self { $(Self::$variant => $phrase,)+ }
            }

            /// In a sentence of its own.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// In a word or two, where room is scarce.
            pub fn short(self) -> &'static str {
                match self { $(Self::$variant => $short,)+ }
            }
        }
    };
}

reasons! {
    GuideAgreed: Accepted, "with the guide", "agreed", "The guide accepted it.";
    Forced: Untested, "forced", "forced",
        "The guide accepted nothing, so the denoiser's first draft was written all the same.";
    GuideWrote: Replaced, "by the guide", "guide wrote",
        "The guide rejected the draft, and wrote its own token in its place.";
    BlockEntry: Untested, "on entering the block", "block entry",
        "The first position of a block, written from the pass that entered the block: the passes that follow compute no \
         row that predicts it (Fast-dLLM on shifted networks).";
    Threshold: Passed, "above the threshold", "threshold", "Its confidence reached the threshold.";
    Factor: Passed, "by the factor rule", "factor", "Its confidence reached what its rank asks for.";
    Entropy: Passed, "at low entropy", "low entropy", "Its entropy was low enough.";
    #[serde(alias = "at-rest")]
    Stable: Passed, "confident and stable", "stable",
        "It was confident, and its distribution had stopped moving (KLASS).";
    Filter: Passed, "by the filter", "filter", "A trained filter took it for final (Learn2PD).";
    WideIn: Passed, "wide in", "wide in",
        "It cleared the low bar of a rule that takes doubtful tokens back later (WINO).";
    Together: Passed, "certain together", "together",
        "With the others of the step it was likelier than any other choice, whatever their dependence (Fast-dLLM++).";
    Neighbour: Relaxed, "near an anchor", "near anchor",
        "Its confidence reached the relaxed threshold, near a token that reached the full one.";
    Credit: Other, "by credit", "credit", "It passed the test of the rule only for the credit of earlier steps.";
    BestOfRun: Best, "best of its run", "best of run", "The best of its run of masks, above the low threshold.";
    BestOfStep: Best, "best of the step", "best of step", "Nothing passed the test, and it was the best.";
    Quota: Scheduled, "by quota", "quota", "Among the best of the step's quota.";
    Drawn: Other, "sampled", "sampled", "Dream's origin rule drew it.";
    Edit: Other, "edited", "edit", "It replaced a committed token (LLaDA2.1).";
    Revised: Other, "revised", "revised", "Masked again in the same step, and written again (ReMDM).";
    EarlyCommit: Untested, "by early commit", "early commit",
        "The best tokens led by so much that everything was written.";
    ByHand: ByHand, "by hand", "by hand", "Somebody wrote it.";
    EndOfText: Filled, "end-of-text fill", "end of text", "An end-of-text rule filled it.";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_words_of_its_own() {
        let distinct = |word: fn(Reason) -> &'static str| {
            Reason::ALL.iter().map(|reason| word(*reason)).collect::<BTreeSet<_>>().len()
        };
        assert_eq!([Reason::phrase, Reason::short].map(distinct), [Reason::ALL.len(); 2]);
    }

    #[test]
    fn older_files_are_read() {
        assert_eq!(serde_json::from_str::<Reason>("\"at-rest\"").unwrap(), Reason::Stable);
        assert_eq!(serde_json::to_string(&Reason::Stable).unwrap(), "\"stable\"");
        assert_eq!(serde_json::to_string(&Reason::BestOfStep).unwrap(), "\"best-of-step\"");
    }
}
