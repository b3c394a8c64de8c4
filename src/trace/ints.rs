//! A column of whole numbers: bytes of variable length in memory, the same bytes in base64 in a file.
//!
//! A number `n` is written as `2n`, or as `-2n - 1` where it is negative, in groups of seven bits, the lowest first; the
//! eighth bit of a byte says that another follows. Small numbers of either sign take one byte.

use std::ops::Range;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ints(Vec<u8>);

impl Ints {
    /// A column out of the bytes of one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, value: i64) {
        let mut left = ((value << 1) ^ (value >> 63)) as u64;
        while left >= 0x80 {
            self.0.push(left as u8 | 0x80);
            left >>= 7;
        }
        self.0.push(left as u8);
    }

    /// Appends ascending positions as runs of neighbours: the gap before each run, and its length.
    pub(super) fn push_runs(&mut self, positions: impl IntoIterator<Item = usize>) {
        let mut behind = 0;
        let mut run: Option<Range<usize>> = None;
        for position in positions {
            match &mut run {
                Some(run) if run.end == position => run.end += 1,
                _ => {
                    self.push_run(&mut behind, run.take());
                    run = Some(position..position + 1);
                }
            }
        }
        self.push_run(&mut behind, run);
    }

    fn push_run(&mut self, behind: &mut usize, run: Option<Range<usize>>) {
        if let Some(run) = run {
            self.push((run.start - *behind) as i64);
            self.push(run.len() as i64);
            *behind = run.end;
        }
    }

    /// Appends values, each with how often it stands in a row.
    pub(super) fn push_repeats(&mut self, values: impl IntoIterator<Item = i64>) {
        let mut values = values.into_iter().peekable();
        while let Some(value) = values.next() {
            let mut times = 1;
            while values.next_if_eq(&value).is_some() {
                times += 1;
            }
            self.push(value);
            self.push(times);
        }
    }

    /// Reads it from its start; `name` names it in messages.
    pub(super) fn read(&self, name: &'static str) -> IntReader<'_> {
        IntReader::new(name, &self.0)
    }
}

impl Serialize for Ints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Ints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntsVisitor;

        impl de::Visitor<'_> for IntsVisitor {
            type Value = Ints;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a column in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ints, E> {
                let bytes = BASE64_STANDARD.decode(text);
                bytes.map(Ints).map_err(|error| E::custom(format_args!("a column is no base64: {error}")))
            }
        }

        deserializer.deserialize_str(IntsVisitor)
    }
}

/// Reads a column, which may be anybody's: every error is a sentence that names it.
#[derive(Debug, Clone)]
pub(super) struct IntReader<'a> {
    name: &'static str,
    bytes: &'a [u8],
}

impl<'a> IntReader<'a> {
    pub(super) fn new(name: &'static str, bytes: &'a [u8]) -> Self {
        Self { name, bytes }
    }

    /// The next bytes as they are.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(|| self.out_of_range())?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn next(&mut self) -> Result<i64, String> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) =
                self.bytes.split_first().ok_or_else(|| format!("the column {} ends early", self.name))?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(self.out_of_range())
    }

    /// The next number, as a type that may be too narrow for it.
    pub(super) fn narrow<T: TryFrom<i64>>(&mut self) -> Result<T, String> {
        let value = self.next()?;
        T::try_from(value).map_err(|_| self.out_of_range())
    }

    /// What is the difference of the next number to `before`, as a type that may be too narrow for it.
    pub(super) fn from<T: TryFrom<i64>>(&mut self, before: impl Into<i64>) -> Result<T, String> {
        let value = self.next()?.checked_add(before.into());
        value.and_then(|value| T::try_from(value).ok()).ok_or_else(|| self.out_of_range())
    }

    /// The next run of positions below `length`, where there is one; the one before ended at `behind`.
    pub(super) fn run(&mut self, behind: usize, length: usize) -> Result<Option<Range<usize>>, String> {
        if self.is_empty() {
            return Ok(None);
        }
        let (gap, count) = (self.narrow::<u32>()? as usize, self.narrow::<u32>()? as usize);
        let run = behind + gap..behind + gap + count;
        if count == 0 || run.end > length {
            return Err(format!("the column {} leaves the canvas", self.name));
        }
        Ok(Some(run))
    }

    /// Every position below `length` that it lists.
    pub(super) fn positions(mut self, length: usize) -> Result<Vec<usize>, String> {
        let mut positions = Vec::new();
        let mut behind = 0;
        while let Some(run) = self.run(behind, length)? {
            behind = run.end;
            positions.extend(run);
        }
        Ok(positions)
    }

    pub(super) fn repeats(self) -> Repeats<'a> {
        Repeats { reader: self, value: 0, left: 0 }
    }

    /// Nothing may be behind what was read.
    pub(super) fn finish(&self) -> Result<(), String> {
        if self.is_empty() { Ok(()) } else { Err(format!("the column {} is longer than its step", self.name)) }
    }

    pub(super) fn out_of_range(&self) -> String {
        format!("the column {} has a number out of range", self.name)
    }
}

/// Reads a column of values that stand several times in a row.
#[derive(Debug)]
pub(super) struct Repeats<'a> {
    reader: IntReader<'a>,
    value: i64,
    left: u32,
}

impl Repeats<'_> {
    pub(super) fn next(&mut self) -> Result<i64, String> {
        if self.left == 0 {
            self.value = self.reader.next()?;
            self.left = self.reader.narrow()?;
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| self.reader.out_of_range())?;
        Ok(self.value)
    }

    /// As [`IntReader::finish`].
    pub(super) fn finish(&self) -> Result<(), String> {
        if self.left > 0 {
            Err(format!("the column {} is longer than its step", self.reader.name))
        } else {
            self.reader.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn small_numbers_take_a_byte() {
        let mut ints = Ints::default();
        for value in [0, -1, 1, 63, -64, 64] {
            ints.push(value);
        }
        assert_eq!(ints.bytes(), [0, 1, 2, 126, 127, 0x80, 1]);
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read(values in vec(any::<i64>(), 0..9), cut in 1..9_usize) {
            let mut ints = Ints::default();
            for value in &values {
                ints.push(*value);
            }
            let mut reader = ints.read("x");
            for value in &values {
                prop_assert_eq!(reader.next().unwrap(), *value);
            }
            reader.finish().unwrap();
            let short = Ints::from_bytes(&ints.bytes()[..ints.bytes().len().saturating_sub(cut)]);
            let mut reader = short.read("x");
            let read = values.iter().map_while(|_| reader.next().ok()).count();
            prop_assert!(read < values.len().max(1));
            prop_assert_eq!(reader.next().unwrap_err(), "the column x ends early");
        }

        #[test]
        fn runs_and_repeats_are_read_back(values in vec((0..3_i64, any::<bool>()), 0..40)) {
            let listed: Vec<usize> = (0..values.len()).filter(|at| values[*at].1).collect();
            let mut ints = Ints::default();
            ints.push_runs(listed.iter().copied());
            prop_assert_eq!(ints.read("x").positions(values.len()).unwrap(), listed.clone());
            if let Some(last) = listed.last() {
                prop_assert_eq!(ints.read("x").positions(*last).unwrap_err(), "the column x leaves the canvas");
            }
            let mut ints = Ints::default();
            ints.push_repeats(values.iter().map(|(value, _)| *value));
            let mut repeats = ints.read("x").repeats();
            for (value, _) in &values {
                prop_assert_eq!(repeats.next().unwrap(), *value);
            }
            repeats.finish().unwrap();
        }
    }
}
