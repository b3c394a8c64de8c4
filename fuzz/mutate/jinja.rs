//! Parts of chat templates, by the grammar of Jinja.

use super::Dice;

#[rustfmt::skip]
const NAMES: [&str; 12] = [
    "messages", "message", "bos_token", "eos_token", "tools", "documents", "x", "ns", "ns.s", "loop", "loop.index0",
    "add_generation_prompt",
];
#[rustfmt::skip]
const LITERALS: [&str; 20] = [
    "0", "1", "-1", "2", "1000000000", "9223372036854775807", "-9223372036854775808", "1e308", "0.5", "''", "'a'",
    "'ab\\n'", "'%*d'", "'user'", "[]", "[1, 2, 3]", "{}", "{'a': 1}", "none", "true",
];
#[rustfmt::skip]
const FILTERS: [&str; 46] = [
    "length", "upper", "trim", "list", "string", "int", "float", "abs", "first", "last", "reverse", "sort", "unique",
    "sum", "min", "max", "tojson", "safe", "escape", "title", "capitalize", "items", "dictsort", "pprint",
    "urlencode", "round", "bool", "lines", "lower", "count", "zip", "chain", "join", "replace", "default", "indent",
    "batch", "slice", "format", "map", "select", "reject", "selectattr", "rejectattr", "groupby", "split",
];
#[rustfmt::skip]
const TESTS: [&str; 24] = [
    "defined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "float", "true", "odd",
    "even", "sameas", "divisibleby", "eq", "in", "startingwith", "endingwith", "containing", "safe", "lower",
    "filter", "test", "callable",
];
#[rustfmt::skip]
const METHODS: [&str; 24] = [
    "split", "strip", "lstrip", "rstrip", "replace", "startswith", "endswith", "upper", "lower", "title", "join",
    "find", "count", "splitlines", "items", "keys", "values", "get", "append", "format", "removeprefix", "zfill",
    "center", "rsplit",
];
const FUNCTIONS: [&str; 10] =
    ["range", "namespace", "dict", "raise_exception", "strftime_now", "debug", "cycler", "joiner", "lipsum", "super"];
const OPERATORS: [&str; 17] =
    ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", " in ", " not in ", " and ", " or ", " if "];

/// Anything that a template may hold: a statement, an expression that is printed, a text.
pub fn phrase(dice: &mut Dice) -> String {
    statement(dice, 2)
}

fn statement(dice: &mut Dice, depth: usize) -> String {
    let value = |dice: &mut Dice| expression(dice, 3);
    let body = |dice: &mut Dice| {
        if depth == 0 { value(dice) } else { (0..dice.many(3)).map(|_| statement(dice, depth - 1)).collect() }
    };
    match dice.below(12) {
        0 => format!("{{% for x in {} %}}{}{{% endfor %}}", value(dice), body(dice)),
        1 => format!("{{% for x in range({}) %}}{}{{% endfor %}}", dice.many(500), body(dice)),
        2 => format!("{{% if {} %}}{}{{% else %}}{}{{% endif %}}", value(dice), body(dice), body(dice)),
        3 => format!("{{% set x = {} %}}", value(dice)),
        4 => format!("{{% set ns = namespace(s={}) %}}{}", value(dice), body(dice)),
        5 => format!("{{% set ns.s = {} %}}", value(dice)),
        6 => format!("{{% set x %}}{}{{% endset %}}", body(dice)),
        7 => format!("{{% macro m(x) %}}{}{{% endmacro %}}{{{{ m({}) }}}}", body(dice), value(dice)),
        8 => format!("{{% filter {} %}}{}{{% endfilter %}}", dice.word(&FILTERS), body(dice)),
        9 => {
            let tag = ["generation", "break", "continue", "do x", "endfor", "raw", "block b", "with x = 1", "-", ""];
            format!("{{%{} {} %}}", dice.word(&["", "-", "+"]), dice.word(&tag))
        }
        _ => format!("{{{{ {} }}}}", value(dice)),
    }
}

fn expression(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return match dice.below(4) {
            0 => dice.word(&NAMES).to_owned(),
            1 => dice.number(),
            _ => dice.word(&LITERALS).to_owned(),
        };
    }
    let part = |dice: &mut Dice| expression(dice, depth - 1);
    match dice.below(10) {
        0 | 1 => format!("{}{}{}", part(dice), dice.word(&OPERATORS), part(dice)),
        2..5 => format!("{}|{}{}", part(dice), dice.word(&FILTERS), arguments(dice, depth)),
        5 => format!("{} is {}{}", part(dice), dice.word(&TESTS), arguments(dice, depth)),
        6 => format!("{}.{}{}", part(dice), dice.word(&METHODS), arguments(dice, depth)),
        7 => format!("{}{}", dice.word(&FUNCTIONS), arguments(dice, depth)),
        8 => format!("{}[{}:{}]", part(dice), part(dice), part(dice)),
        _ => format!("{}({})", dice.word(&["", "", "not ", "-"]), part(dice)),
    }
}

/// None, or some in brackets.
fn arguments(dice: &mut Dice, depth: usize) -> String {
    let several: Vec<String> = (0..dice.below(4)).map(|_| expression(dice, depth - 1)).collect();
    if several.is_empty() && dice.one_in(2) { String::new() } else { format!("({})", several.join(", ")) }
}
