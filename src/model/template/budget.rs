//! What one rendering may cost.
//!
//! Instructions are counted by the template engine. But one instruction can double a list, and sixty of them make a list
//! that no memory holds and no walk ends. So every value is weighed when it is made and when something is done with it,
//! as often as it is found in itself, and all of that together is bounded: neither the time that an operation takes nor
//! the memory that all values take can be more than a small multiple of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Tuple, ValueKind},
};

use super::LONGEST_FRAME;

/// What a value weighs beside the bytes of its text: about the memory that it takes.
pub(super) const NODE: u64 = 32;
/// Bytes that may be made and handled, beside [`SHARE`] times the conversation. The longest templates of the field take
/// some ten thousand.
const BASE: u64 = 64 << 20;
/// How often a template may handle what was said.
const SHARE: u64 = 128;
/// How deep values may be nested: each level is a few frames of the stack when one is printed, compared or dropped.
pub(super) const DEEPEST: usize = 64;

/// What a rendering may still cost.
#[derive(Debug)]
pub(super) struct Budget {
    work: AtomicU64,
    output: AtomicU64,
    work_exceeded: AtomicBool,
    output_exceeded: AtomicBool,
}

impl Budget {
    /// For a conversation of `said` bytes. A template may print what was said several times over: into captures and
    /// macros first, then into the prompt.
    pub fn new(said: usize) -> Self {
        let said = said as u64;
        Self {
            work: AtomicU64::new(BASE + SHARE * said),
            output: AtomicU64::new(LONGEST_FRAME as u64 + 8 * said),
            work_exceeded: AtomicBool::new(false),
            output_exceeded: AtomicBool::new(false),
        }
    }

    /// Whether a rendering broke off because it handled too much.
    pub fn is_work_exceeded(&self) -> bool {
        self.work_exceeded.load(Relaxed)
    }

    /// Whether a rendering broke off because it printed too much.
    pub fn is_output_exceeded(&self) -> bool {
        self.output_exceeded.load(Relaxed)
    }

    /// Pays for work on `cost` bytes, before it is done.
    pub fn spend(&self, cost: u64) -> Result<(), Error> {
        take(&self.work, &self.work_exceeded, cost)
    }

    /// Pays for `bytes` that are printed, into captures too.
    pub fn print(&self, bytes: usize) -> Result<(), Error> {
        take(&self.output, &self.output_exceeded, bytes as u64)
    }

    /// Pays for something to be done with `value`, and says what it weighs.
    pub fn weigh(&self, value: &Value) -> Result<u64, Error> {
        self.weigh_at(value, 0)
    }

    fn weigh_at(&self, value: &Value, depth: usize) -> Result<u64, Error> {
        let mut weight = NODE + value.as_str().map_or(0, str::len) as u64;
        self.spend(weight)?;
        let kind = value.kind();
        if !matches!(kind, ValueKind::Map | ValueKind::Seq | ValueKind::Iterable) {
            return Ok(weight);
        }
        if depth == DEEPEST {
            return Err(Error::new(ErrorKind::InvalidOperation, "a value is nested too deeply"));
        }
        let Ok(items) = value.try_iter() else { return Ok(weight) };
        for item in items.checked() {
            let item = item?;
            weight += self.weigh_at(&item, depth + 1)?;
            if kind == ValueKind::Map {
                weight += self.weigh_at(&value.get_item(&item)?, depth + 1)?;
            }
        }
        Ok(weight)
    }

    /// Pays for a value that was made. One that is only a promise of items, to be made each time they are looked at,
    /// becomes the list of them.
    pub fn hold(&self, value: Value) -> Result<Value, Error> {
        let value = if value.kind() == ValueKind::Iterable { Value::from(self.collect(&value)?) } else { value };
        self.weigh(&value)?;
        Ok(value)
    }

    /// The items of a value, paid for one by one.
    pub fn collect(&self, value: &Value) -> Result<Vec<Value>, Error> {
        let mut items = Vec::new();
        for item in value.try_iter()?.checked() {
            self.spend(NODE)?;
            items.push(item?);
        }
        Ok(items)
    }

    /// The same as a list or a tuple, whichever `like` is.
    pub fn sequence(items: Vec<Value>, like: &Value) -> Value {
        if like.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) }
    }

    /// Calls a function of the library with values that are paid for, and pays for its result.
    pub fn call(&self, function: &Value, state: &mut State<'_, '_>, arguments: &[Value]) -> Result<Value, Error> {
        for argument in arguments {
            self.weigh(argument)?;
        }
        self.hold(function.call(state, arguments)?)
    }
}

fn take(left: &AtomicU64, out: &AtomicBool, cost: u64) -> Result<(), Error> {
    left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(cost)).map(drop).map_err(|_| {
        out.store(true, Relaxed);
        Error::new(ErrorKind::InvalidOperation, "the template takes too much")
    })
}
