//! The three plots of the stories, position by position.
//!
//! All variants of one position have the same number of pieces, so that a place on the canvas keeps its role whichever
//! variant is drawn: only the optional positions, the choice of the plot and spelled words move the text. (A test counts.)

use std::sync::LazyLock;

use super::grammar::Pattern;

/// One position of a plot.
pub(super) struct Position {
    /// Its variants.
    pub(super) variants: Vec<Pattern>,
    /// Left out in half of the stories.
    pub(super) optional: bool,
}

/// The plots; the first position of each is its opening and the last its ending.
pub(super) static PLOTS: LazyLock<[Vec<Position>; 3]> = LazyLock::new(|| [plot(LOST), plot(GIFT), plot(FEAST)]);

type Notation = &'static [(bool, &'static [&'static str])];

fn plot(notation: Notation) -> Vec<Position> {
    notation
        .iter()
        .map(|&(optional, variants)| Position {
            variants: variants.iter().map(|&variant| Pattern::new(variant)).collect(),
            optional,
        })
        .collect()
}

/// The thing is lost, and the animal finds it.
const LOST: Notation = &[
    (false, &["One [sunny|cold|windy|quiet] [morning|day|evening] {N} [took|carried|brought] {o} {t} to the {L}."]),
    (
        false,
        &[
            "The {t} was {c}, and {N} [loved|liked|needed] it very much.",
            "It was {c}, and {p} had [made|bought|painted] it last [year|week|month].",
        ],
    ),
    (
        false,
        &[
            "[Near|By|Beside] the {s} {p} [met|saw|found] {an a} with [kind|sad|big] eyes.",
            "{P} [sat|lay|knelt] down near the {s} and {an a} [came|appeared].",
        ],
    ),
    (
        true,
        &[
            "The {a} was [hungry|thirsty|lonely|tired], so {N} [gave|brought] it some {d}.",
            "{N} sat down there and shared some {d} with the {a}.",
        ],
    ),
    (
        false,
        &[
            "Then {p} [played|rested|walked] by the {s} and forgot the {t}.",
            "After that {p} [slept|sang|danced] there and lost the {c} {t}.",
        ],
    ),
    (
        false,
        &[
            "[Soon|Later] the {t} was gone, and {N} felt very [sad|worried|lonely].",
            "[Soon|Later] {N} saw that the {t} was not there any more.",
        ],
    ),
    (
        false,
        &[
            "{P} looked [behind|under|around] the {s}, but it was not there.",
            "{P} [called|cried|shouted] out, but nobody at the {L} heard {m}.",
        ],
    ),
    (
        false,
        &[
            "{F} came [by|along|past] and [asked|wondered] why {N} was so [sad|quiet].",
            "{F} [heard|saw] {m} and came to help {N} find it.",
        ],
    ),
    (
        true,
        &[
            "\"Do not [worry|cry] now, {N},\" said {F}, \"we will find it.\"",
            "\"Look, {N},\" said {F}, \"the {a} is running to the {s}.\"",
        ],
    ),
    (
        false,
        &[
            "Then the {a} [ran|hurried|rushed] to the {s} and began to dig.",
            "Then the {a} came back and carried something {c} to {m}.",
        ],
    ),
    (
        false,
        &[
            "It was the {t}, and it was still as {c} as before.",
            "There was the {c} {t}, [wet|dusty|dirty] but whole, behind the {s}.",
        ],
    ),
    (
        false,
        &[
            "{N} [hugged|kissed|thanked] the {a} and [laughed|smiled|cheered] with {F}.",
            "{N} [laughed|smiled|cheered] and gave the {a} some {d}.",
        ],
    ),
    (true, &["From that day the {a} and {N} were [good|best|close] friends."]),
    (
        false,
        &[
            "That [night|evening] {N} went home [happy|proud|glad] with {o} {t}.",
            "In the end {N} was [happy|proud|glad] to go home.",
        ],
    ),
];

/// The thing is a present, and the wind takes it.
const GIFT: Notation = &[
    (
        false,
        &[
            "{N} lived near the {L} and had a [dear|good|old] friend called {F}.",
            "Long ago {N} and {o} [dear|good|old] friend {F} lived near the {L}.",
        ],
    ),
    (
        false,
        &[
            "One [morning|evening|day] {N} said, \"I will [make|buy|find] {F} {an c} {t}.\"",
            "\"{F} needs {an c} {t},\" said {N} on a [cold|windy|quiet] day.",
        ],
    ),
    (false, &["{P} [worked|hammered|painted] until [noon|night|dawn], and then the {t} was [ready|finished|done]."]),
    (
        false,
        &[
            "On the way {p} [met|passed|saw] {an a} that [danced|slept|sat] by the {s}.",
            "[Near|By|Beside] the {s} {p} saw {an a} that was [hungry|thirsty] and [sad|tired].",
        ],
    ),
    (
        true,
        &[
            "The {a} [followed|greeted|liked] {N} and wanted some {d}.",
            "{N} stopped and [gave|offered] the {a} some {d}.",
        ],
    ),
    (
        false,
        &[
            "Then a strong wind [took|carried|blew] the {c} {t} over the {s}.",
            "But then the wind was strong and [took|carried|blew] the {t} away.",
        ],
    ),
    (
        false,
        &[
            "\"Oh no, my {t}!\" [cried|shouted|called] {N}, \"it is for {F}!\"",
            "\"Oh no, come back!\" [cried|shouted|called] {N}, \"you are for {F}!\"",
        ],
    ),
    (
        false,
        &[
            "The {a} [ran|jumped|raced] after it and caught it with great [care|skill|speed].",
            "Quick as [light|fire|rain] the {a} [ran|jumped|raced] over and caught the {t}.",
        ],
    ),
    (false, &["{N} [thanked|hugged|praised] the {a}, and they [walked|went|hurried] on together."]),
    (true, &["Together they [crossed|left|passed] the {L} and [sang|talked|laughed] about the {c} {t}."]),
    (
        false,
        &[
            "{F} [opened|answered] the door and [smiled|laughed|cheered] at the {c} {t}.",
            "{F} came to the door and [loved|liked|praised] the {c} {t}.",
        ],
    ),
    (
        false,
        &[
            "\"Nobody ever gave me such a [fine|lovely|pretty] {t},\" said {F}.",
            "\"This is the most [lovely|useful|perfect] {t} of all,\" said {F}.",
        ],
    ),
    (true, &["The {a} got some {d} and a [warm|soft|new] bed."]),
    (
        false,
        &[
            "From that day {N}, {F} and the {a} were [good|best|close] friends.",
            "So in the end {N}, {F} and the {a} were [happy|proud|glad].",
        ],
    ),
];

/// The thing and the animal save the day at a feast.
const FEAST: Notation = &[
    (
        false,
        &[
            "Every [spring|summer|autumn|winter] there was a great [feast|fair|dance] at the {L}.",
            "The whole [village|town] loved the [spring|summer|autumn|winter] [feast|fair|dance] at the {L}.",
        ],
    ),
    (
        false,
        &[
            "{N} [owned|had] only {an c} {t} and {an a}, but {p} went.",
            "{N} [packed|took] {o} {c} {t}, called {o} {a} and went right there.",
        ],
    ),
    (
        false,
        &[
            "\"Nobody [wins|dances|plays] with {an t},\" [laughed|joked|said] {F} by the {s}.",
            "\"That is an old {t},\" [laughed|joked|said] {F} by the {s}.",
        ],
    ),
    (false, &["But {N} [smiled|nodded|waved] and [sat|waited|rested] with the {a}."]),
    (true, &["They [shared|ate|tasted] some [warm|fresh|sweet] {d} and watched the [others|people|dancers]."]),
    (
        false,
        &[
            "Then it was dark, and all the [lamps|lights|fires] went out.",
            "Then a storm came, and all the [lamps|lights|fires] went out.",
        ],
    ),
    (false, &["{F} [fell|slipped|tripped] near the {s} and [called|shouted|cried] for help."]),
    (
        false,
        &[
            "The {a} [heard|noticed] it first and [pulled|led|took] {N} there.",
            "First the {a} [heard|noticed] it, then {N} [came|followed].",
        ],
    ),
    (
        false,
        &[
            "{N} [held|raised|lifted] the {t} and [helped|saved|freed] {F} with it.",
            "With the {c} {t} {N} [helped|saved|freed] {F} at last.",
        ],
    ),
    (
        false,
        &[
            "\"I was [wrong|rude|unkind],\" said {F}, \"your {t} is the best.\"",
            "\"I was [wrong|rude|unkind],\" said {F}, \"the {a} is so clever.\"",
        ],
    ),
    (true, &["The {a} [ate|got|found] all the {d} that was left."]),
    (false, &["Then the lights came back, and everyone [danced|sang|cheered] for {N}."]),
    (false, &["{N} won the [first|great|big] prize, a [golden|silver] [cup|crown|bell]."]),
    (true, &["{P} gave [half|part|most] of it to {F} and the {a}."]),
    (
        false,
        &[
            "So {N} and {F} went home [happy|proud|glad] with the {a}.",
            "That night {N} and the {a} were [happy|proud|glad] and [warm|safe|tired].",
        ],
    ),
];
