//! Texts as words, numbers, white space and signs, and as lines.

use std::borrow::Cow;

use super::{Context, Dice};

/// What a character belongs to; signs belong to nothing.
fn class(c: char) -> u8 {
    match c {
        c if c.is_alphabetic() || c == '_' => 1,
        '0'..='9' | '.' => 2,
        c if c.is_whitespace() => 3,
        _ => 0,
    }
}

/// Cuts a text into words, numbers, white space and signs.
fn tokens(text: &str) -> Vec<Cow<'_, str>> {
    let mut tokens = Vec::new();
    let (mut start, mut last) = (0, 0);
    for (at, c) in text.char_indices() {
        let class = class(c);
        if at > start && (class == 0 || class != last) {
            tokens.push(Cow::Borrowed(&text[start..at]));
            start = at;
        }
        last = class;
    }
    tokens.push(Cow::Borrowed(&text[start..]));
    tokens
}

/// Changes some words.
pub fn change(text: &str, context: &Context<'_>, dice: &mut Dice) -> String {
    if dice.one_in(4) {
        return change_lines(text, context, dice);
    }
    let mut tokens = tokens(text);
    let range = dice.range(tokens.len());
    let at = range.start;
    match dice.below(10) {
        0 => drop(tokens.drain(range)),
        1 => {
            let copy: Vec<_> = (0..dice.many(200)).flat_map(|_| tokens[range.clone()].to_vec()).collect();
            tokens.splice(range.end..range.end, copy);
        }
        2 => {
            let other = dice.below(tokens.len());
            tokens.swap(at, other);
        }
        3 => {
            // Brackets around brackets around something.
            let (open, close) = [("[", "]"), ("{", "}"), ("(", ")"), ("\"", "\"")][dice.below(4)];
            let depth = dice.many(3000);
            tokens.insert(range.end, close.repeat(depth).into());
            tokens.insert(at, open.repeat(depth).into());
        }
        4 | 5 => {
            let number = tokens.iter().skip(at).position(|token| token.starts_with(|c: char| c.is_ascii_digit()));
            tokens[number.map_or(at, |number| at + number)] = dice.number().into();
        }
        6 => tokens.insert(at, dice.text().into()),
        7 => {
            let donor = String::from_utf8_lossy(context.donor(dice));
            let theirs = self::tokens(&donor);
            let part = dice.range(theirs.len());
            let part: Vec<Cow<'_, str>> = theirs[part].iter().map(|token| token.to_string().into()).collect();
            tokens.splice(range, part);
        }
        _ => {
            let phrase = match context.language.phrase {
                Some(phrase) if !dice.one_in(4) => phrase(dice),
                _ => dice.word(context.language.words).to_owned(),
            };
            let replaced = if dice.one_in(2) { at..at } else { range };
            tokens.splice(replaced, [phrase.into()]);
        }
    }
    tokens.concat()
}

/// Moves, drops, repeats, makes or borrows whole lines.
fn change_lines(text: &str, context: &Context<'_>, dice: &mut Dice) -> String {
    let mut lines: Vec<Cow<'_, str>> = text.split_inclusive('\n').map(Cow::Borrowed).collect();
    let range = dice.range(lines.len());
    match dice.below(5) {
        0 => drop(lines.drain(range)),
        1 => {
            let copy = lines[range.clone()].to_vec();
            lines.splice(range.end..range.end, copy);
        }
        2 => {
            let other = dice.below(lines.len());
            if !lines.is_empty() {
                lines.swap(range.start, other);
            }
        }
        3 => {
            let donor = String::from_utf8_lossy(context.donor(dice)).into_owned();
            let theirs: Vec<&str> = donor.split_inclusive('\n').collect();
            let part = dice.range(theirs.len());
            let part: Vec<Cow<'_, str>> = theirs[part].iter().map(|line| (*line).to_owned().into()).collect();
            lines.splice(range.start..range.start, part);
        }
        _ => {
            if let Some(phrase) = context.language.phrase {
                lines.insert(range.start, format!("{}\n", phrase(dice)).into());
            }
        }
    }
    lines.concat()
}

/// Changes one line by `change`, or drops or repeats it.
pub fn change_line(
    input: &[u8],
    dice: &mut Dice,
    change: impl FnOnce(&[u8], &mut Dice) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut lines: Vec<Cow<'_, [u8]>> = input.split_inclusive(|byte| *byte == b'\n').map(Cow::Borrowed).collect();
    let at = dice.below(lines.len());
    let line = lines.get(at)?.clone();
    match dice.below(12) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, line),
        _ => {
            let mut changed = change(line.trim_ascii(), dice)?;
            changed.push(b'\n');
            lines[at] = changed.into();
        }
    }
    Some(lines.concat())
}
