//! The characters that the screen is drawn with, and their stand-ins where only ASCII is safe.

/// A set of drawing characters, each one cell wide.
#[derive(Debug)]
pub struct Glyphs {
    /// Before a run that branched off another one.
    pub fork: &'static str,
    /// A masked position.
    pub mask: &'static str,
    /// A position that was masked again.
    pub mask_again: &'static str,
    /// A masked position whose K/V row was reused.
    pub mask_reused: &'static str,
    /// A masked position that was not attended to.
    pub mask_dropped: &'static str,
    /// End of text.
    pub eos: &'static str,
    /// A token that is a line break.
    pub newline: &'static str,
    /// A token of blanks only.
    pub blank: &'static str,
    /// A token without text of its own (special, or part of a character).
    pub empty: &'static str,
    /// The border between two blocks.
    pub block: &'static str,
    /// A rule.
    pub rule: &'static str,
    /// The part of a rule that stands for progress.
    pub rule_done: &'static str,
    /// Corners of a frame: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
    /// Where the lines of a frame meet: at its top, bottom, left and right, and within it.
    pub tees: [&'static str; 5],
    /// After a draft that the shown step changed.
    pub new_draft: &'static str,
    /// The upright of a frame.
    pub upright: &'static str,
    /// Bars that grow upwards, an eighth at a time; the last is a full cell.
    pub rising: [&'static str; 8],
    /// Half a cell of a filled bar.
    pub rule_half: &'static str,
    /// The handle of a slider.
    pub handle: &'static str,
    /// The edge of a notice.
    pub edge: &'static str,
    /// What the parts of a bar are filled with where there are no colours.
    pub fills: [&'static str; 3],
    /// A K/V row from new to old.
    pub ages: [&'static str; 4],
    /// The selected row of a list.
    pub pointer: &'static str,
    /// The step that is shown.
    pub cursor: &'static str,
    /// A knob change.
    pub change: &'static str,
    /// Something was changed by hand.
    pub changed: &'static str,
    /// Runs.
    pub running: &'static str,
    /// Is paused.
    pub paused: &'static str,
    /// Is over.
    pub stopped: &'static str,
    /// Shows an earlier step.
    pub scrubbed: &'static str,
    /// Right.
    pub right: &'static str,
    /// Wrong.
    pub wrong: &'static str,
    /// The guide accepted none of its drafts.
    pub rejected: &'static str,
    /// Differs from another run.
    pub differs: &'static str,
    /// Between two facts.
    pub dot: &'static str,
    /// Cut off here.
    pub ellipsis: &'static str,
    /// From one to another.
    pub arrow: &'static str,
    /// There are more choices to both sides.
    pub choice: [&'static str; 2],
    /// Turns while one waits.
    pub spinner: &'static [&'static str],
    /// When a knob takes effect: next step, next block, next run.
    pub effects: [&'static str; 3],
    /// Separates a product: 2×3.
    pub times: &'static str,
    /// The caption's mark.
    pub up_down: [&'static str; 2],
    /// Tokens were changed by hand.
    pub edited: &'static str,
    /// Stays where it is.
    pub pin: &'static str,
    /// A branch of a tree, and the last one.
    pub branches: [&'static str; 2],
    /// Dots of the map, from next to nothing to nearly all.
    pub shades: [&'static str; 4],
    /// A K/V row that is read although it was computed under another token.
    pub stale: &'static str,
    /// A dot of the map: written although nothing was accepted.
    pub forced: &'static str,
    /// A dot of the map: not accepted.
    pub refused: &'static str,
}

/// For terminals that show Unicode.
pub static UNICODE: Glyphs = Glyphs {
    fork: "↳",
    mask: "▄",
    mask_again: "╳",
    mask_reused: "▂",
    mask_dropped: "·",
    eos: "∎",
    newline: "↵",
    blank: "␣",
    empty: "◦",
    block: "┊",
    rule: "─",
    rule_done: "━",
    corners: ["╭", "╮", "╰", "╯"],
    tees: ["┬", "┴", "├", "┤", "┼"],
    new_draft: "′",
    upright: "│",
    rising: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    rule_half: "╸",
    handle: "●",
    edge: "▌",
    fills: ["█", "▒", "░"],
    ages: ["█", "▓", "▒", "░"],
    pointer: "▸",
    cursor: "▲",
    change: "◆",
    changed: "•",
    running: "●",
    paused: "‖",
    stopped: "■",
    scrubbed: "◂",
    right: "✓",
    wrong: "✗",
    rejected: "⊘",
    differs: "≠",
    dot: "·",
    ellipsis: "…",
    arrow: "→",
    choice: ["◂", "▸"],
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
    effects: ["›", "»", "↻"],
    times: "×",
    up_down: ["↑", "↓"],
    edited: "✎",
    pin: "⊤",
    branches: ["├", "└"],
    shades: ["·", "░", "▒", "▓"],
    stale: "▞",
    forced: "!",
    refused: "╱",
};

/// For terminals that do not.
pub static ASCII: Glyphs = Glyphs {
    fork: "Y",
    mask: "#",
    mask_again: "x",
    mask_reused: "%",
    mask_dropped: ".",
    eos: "$",
    newline: "/",
    blank: "_",
    empty: "o",
    block: "|",
    rule: "-",
    rule_done: "=",
    corners: ["+", "+", "+", "+"],
    tees: ["+", "+", "+", "+", "+"],
    new_draft: "'",
    upright: "|",
    rising: [".", ".", ":", ":", "+", "+", "#", "#"],
    rule_half: "=",
    handle: "o",
    edge: "|",
    fills: ["#", "=", "."],
    ages: ["#", "+", "=", "-"],
    pointer: ">",
    cursor: "^",
    change: "*",
    changed: "*",
    running: "*",
    paused: "=",
    stopped: "#",
    scrubbed: "<",
    right: "+",
    wrong: "x",
    rejected: "-",
    differs: "!",
    dot: "-",
    ellipsis: "~",
    arrow: ">",
    choice: ["<", ">"],
    spinner: &["|", "/", "-", "\\"],
    effects: ["s", "b", "r"],
    times: "x",
    up_down: ["^", "v"],
    edited: "@",
    pin: "T",
    branches: ["+", "`"],
    shades: [".", ":", "=", "+"],
    stale: "%",
    forced: "!",
    refused: "/",
};

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_glyph_is_one_cell() {
        for set in [&UNICODE, &ASCII] {
            let single = [
                set.mask,
                set.mask_again,
                set.mask_reused,
                set.mask_dropped,
                set.eos,
                set.newline,
                set.blank,
                set.empty,
                set.block,
                set.rule,
                set.rule_done,
                set.upright,
                set.rule_half,
                set.handle,
                set.edge,
                set.pointer,
                set.cursor,
                set.change,
                set.changed,
                set.running,
                set.paused,
                set.stopped,
                set.scrubbed,
                set.right,
                set.wrong,
                set.rejected,
                set.differs,
                set.dot,
                set.ellipsis,
                set.arrow,
                set.times,
                set.fork,
                set.edited,
                set.pin,
                set.new_draft,
                set.stale,
                set.forced,
                set.refused,
            ];
            let many = set.corners.iter().chain(&set.tees).chain(&set.rising).chain(&set.fills).chain(&set.choice);
            let many = many.chain(&set.shades).chain(&set.ages);
            let rest = set.spinner.iter().chain(&set.effects).chain(&set.up_down).chain(&set.branches);
            for glyph in single.iter().chain(many).chain(rest) {
                assert_eq!(glyph.width(), 1, "{glyph}");
            }
        }
    }

    #[test]
    fn the_fallback_is_ascii() {
        let ascii = format!("{ASCII:?}");
        assert!(ascii.is_ascii());
    }
}
