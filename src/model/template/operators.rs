//! The operators of a template, as Python has them: what they grow or walk through is paid for.
//!
//! The template engine's own have no bound and no hook for one, which is why `compile.rs` puts these in their place.

use minijinja::{
    Error, ErrorKind, State, Value,
    formatting::{FormatStyle, format},
    tests,
    value::ValueKind,
};

use super::{
    arguments::flattened,
    budget::{Budget, NODE},
};

/// The text of a value, as Python's `str` writes it.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Number if !value.is_integer() => format(FormatStyle::StrFormat, "{}", std::slice::from_ref(value)),
        ValueKind::Seq | ValueKind::Map => representation(value),
        _ => Ok(value.to_string()),
    }
}

/// A value within another one, as Python's `repr` writes it: the template engine's own has other numbers.
fn representation(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Number => text(value),
        ValueKind::Seq => {
            let items = value.try_iter()?.checked().map(|item| representation(&item?));
            let items = items.collect::<Result<Vec<_>, _>>()?;
            Ok(match (value.is_tuple(), &items[..]) {
                (true, [only]) => format!("({only},)"),
                (true, _) => format!("({})", items.join(", ")),
                (false, _) => format!("[{}]", items.join(", ")),
            })
        }
        ValueKind::Map if is_mapping(value) => {
            let fields = value.try_iter()?.checked().map(|key| {
                let key = key?;
                Ok(format!("{}: {}", representation(&key)?, representation(&value.get_item(&key)?)?))
            });
            Ok(format!("{{{}}}", fields.collect::<Result<Vec<_>, Error>>()?.join(", ")))
        }
        _ => Ok(format!("{value:?}")),
    }
}

/// Whether a value is a mapping and nothing of the engine's own beside it.
pub(super) fn is_mapping(value: &Value) -> bool {
    value.kind() == ValueKind::Map
        && value.as_object().is_some_and(|object| !object.type_name().starts_with("minijinja::"))
}

/// `left ~ right`.
pub(super) fn concat(budget: &Budget, left: &Value, right: &Value) -> Result<Value, Error> {
    budget.weigh(left)?;
    budget.weigh(right)?;
    let joined = text(left)? + &text(right)?;
    budget.spend(joined.len() as u64)?;
    Ok(Value::from(joined))
}

/// `left + right`.
pub(super) fn add(budget: &Budget, left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        budget.spend(NODE + 2 * (left.len() + right.len()) as u64)?;
        return Ok(Value::from([left, right].concat()));
    }
    if is_sequence(left) && is_sequence(right) && left.is_tuple() == right.is_tuple() {
        let mut items = budget.collect(left)?;
        items.extend(budget.collect(right)?);
        return budget.hold(Budget::sequence(items, left));
    }
    match numbers(left, right) {
        Some(Pair::Whole(a, b)) => a.checked_add(b).map(whole).ok_or_else(|| overflow("+")),
        Some(Pair::Real(a, b)) => Ok(Value::from(a + b)),
        None => Err(impossible("+", left, right)),
    }
}

/// `left * right`.
pub(super) fn multiply(budget: &Budget, left: &Value, right: &Value) -> Result<Value, Error> {
    for (many, times) in [(left, right), (right, left)] {
        let Some(times) = times.as_i64().filter(|_| times.kind() == ValueKind::Number) else { continue };
        let times = u64::try_from(times).unwrap_or(0);
        if let Some(text) = many.as_str() {
            budget.spend((NODE + text.len() as u64).saturating_mul(times))?;
            return Ok(Value::from(text.repeat(times as usize)));
        }
        if is_sequence(many) {
            let items = budget.collect(many)?;
            budget.spend((NODE * (1 + items.len() as u64)).saturating_mul(times))?;
            let repeated = std::iter::repeat_n(items, times as usize).flatten().collect();
            return Ok(Budget::sequence(repeated, many));
        }
    }
    match numbers(left, right) {
        Some(Pair::Whole(a, b)) => a.checked_mul(b).map(whole).ok_or_else(|| overflow("*")),
        Some(Pair::Real(a, b)) => Ok(Value::from(a * b)),
        None => Err(impossible("*", left, right)),
    }
}

/// `left % right`: the remainder of a division, or a text with values filled in.
pub(super) fn remainder(budget: &Budget, left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(pattern) = left.as_str() {
        let values = if right.is_tuple() { budget.collect(right)? } else { vec![right.clone()] };
        budget.spend(format_price(pattern, &values)?)?;
        return budget.hold(Value::from(format(FormatStyle::Printf, pattern, &values)?));
    }
    // The sign is the divisor's, as in Python.
    match numbers(left, right) {
        Some(Pair::Whole(_, 0) | Pair::Real(_, 0.0)) => Err(Error::new(ErrorKind::InvalidOperation, "% by zero")),
        Some(Pair::Whole(a, b)) => {
            let rest = a.checked_rem(b).unwrap_or(0);
            Ok(whole(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }))
        }
        Some(Pair::Real(a, b)) => {
            let rest = a % b;
            Ok(Value::from(if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }))
        }
        None => Err(impossible("%", left, right)),
    }
}

/// No less than the bytes that a text becomes when `values` are filled in: every place may take any of them, and any
/// number in the text may be the width of one.
pub(super) fn format_price(pattern: &str, values: &[Value]) -> Result<u64, Error> {
    let mut longest = 0;
    let mut sizes = 0_u64;
    for value in flattened(values) {
        let value = &value;
        longest = longest.max(text(value)?.len() as u64);
        sizes = sizes.saturating_add(size(value));
    }
    let places = pattern.matches(['%', '{']).count() as u64;
    let numbers = pattern.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let widths = numbers.map(|digits| digits.parse().unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
    // A width can also be one of the values.
    let given = if pattern.contains('*') || pattern.contains(":{") { sizes } else { 0 };
    let values = longest.saturating_mul(places);
    Ok(values.saturating_add(widths).saturating_add(given.saturating_mul(places)).saturating_add(pattern.len() as u64))
}

/// The number that a value is, as far as it can be a width or a count.
pub(super) fn size(value: &Value) -> u64 {
    f64::try_from(value.clone()).map_or(0, |number| number.abs() as u64)
}

/// `value[key]`.
pub(super) fn item(budget: &Budget, value: &Value, key: &Value) -> Result<Value, Error> {
    budget.weigh(key)?;
    budget.spend(value.as_str().map_or(0, str::len) as u64)?;
    value.get_item(key)
}

/// `value[start:stop:step]`.
pub(super) fn slice(budget: &Budget, value: &Value, bounds: [&Value; 3]) -> Result<Value, Error> {
    budget.weigh(value)?;
    let [start, stop, step] = bounds.map(|bound| match bound.kind() {
        ValueKind::None => Ok(None),
        _ => i64::try_from(bound.clone()).map(Some),
    });
    let (start, stop, step) = (start?, stop?, step?.unwrap_or(1));
    if step == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "cannot slice by a step of 0"));
    }
    let places = |length: usize| positions(length as i64, start, stop, step);
    if let Some(text) = value.as_str() {
        let chars: Vec<char> = text.chars().collect();
        return Ok(Value::from(places(chars.len()).map(|at| chars[at]).collect::<String>()));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Value::from(Vec::<Value>::new())),
        _ if is_sequence(value) => {
            let items = budget.collect(value)?;
            let chosen = places(items.len()).map(|at| items[at].clone()).collect();
            Ok(Budget::sequence(chosen, value))
        }
        kind => Err(Error::new(ErrorKind::InvalidOperation, format!("value of type {kind} cannot be sliced"))),
    }
}

/// The places that a slice of Python takes from a sequence.
fn positions(length: i64, start: Option<i64>, stop: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let (lower, upper) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let within = |at: i64| if at < 0 { at.saturating_add(length).max(lower) } else { at.min(upper) };
    let start = start.map_or(if step < 0 { upper } else { lower }, within);
    let stop = stop.map_or(if step < 0 { lower } else { upper }, within);
    std::iter::successors(Some(start), move |at| at.checked_add(step))
        .take_while(move |at| if step < 0 { *at > stop } else { *at < stop })
        .map(|at| at as usize)
}

/// `left == right` and its kin.
pub(super) fn compare(
    budget: &Budget,
    left: &Value,
    right: &Value,
    holds: fn(&Value, &Value) -> bool,
) -> Result<bool, Error> {
    budget.weigh(left)?;
    budget.weigh(right)?;
    Ok(holds(left, right))
}

/// `item in container`.
pub(super) fn contains(budget: &Budget, state: &State<'_, '_>, item: &Value, container: &Value) -> Result<bool, Error> {
    budget.weigh(item)?;
    budget.weigh(container)?;
    tests::is_in(state, item, container)
}

fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Two numbers of one kind.
enum Pair {
    Whole(i128, i128),
    Real(f64, f64),
}

fn numbers(left: &Value, right: &Value) -> Option<Pair> {
    let whole = |value: &Value| match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok(),
        _ => None,
    };
    let real = |value: &Value| match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).ok().or_else(|| whole(value).map(|number| number as f64)),
        _ => whole(value).map(|number| number as f64),
    };
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(Pair::Whole(left, right)),
        _ => Some(Pair::Real(real(left)?, real(right)?)),
    }
}

fn whole(number: i128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::from(number), Value::from)
}

fn overflow(operator: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("the numbers are too large for {operator}"))
}

fn impossible(operator: &str, left: &Value, right: &Value) -> Error {
    let (left, right) = (left.kind(), right.kind());
    Error::new(
        ErrorKind::InvalidOperation,
        format!("tried to use {operator} operator on unsupported types {left} and {right}"),
    )
}
