//! The header of a GGUF file: fields by name, and where each tensor lies.
//!
//! The file is untrusted. Every count is held against the bytes that are left before anything is read, lists stay
//! where they are in the file until they are asked for, and no tensor is believed to lie outside the file.
//!
//! candle's own reader (`quantized::gguf_file::Content`) would be 350 lines less, and is not used: it panics at an alignment
//! of 0, keeps the last of two fields of one name, copies every list into a value of 32 bytes an element, compares no
//! tensor with the length of the file, and says neither which tensor is of an unknown type nor in which part a file ends.

use std::collections::BTreeMap;
use std::ops::Range;

use candle_core::quantized::GgmlDType;

use crate::model::weights::LoadError;
use crate::model::weights::stored::Encoding;

/// What a file begins with.
const MAGIC: &[u8; 4] = b"GGUF";
/// Fields that a header may have; real ones have about fifty.
const MOST_FIELDS: u64 = 1 << 16;
/// Tensors that a file may have; a network of a hundred layers has about a thousand.
const MOST_TENSORS: u64 = 1 << 17;
/// Bytes of a name in this format.
const LONGEST_NAME: usize = 65_535;
/// Dimensions of a tensor in this format.
const MOST_DIMENSIONS: u32 = 4;
/// Lists within lists; no known field has any.
const DEEPEST: usize = 4;
/// Where tensors begin at multiples of, unless the file says otherwise.
const ALIGNMENT: u64 = 32;

/// What a header says.
#[derive(Debug)]
pub(super) struct GgufHeader {
    fields: BTreeMap<String, GgufValue>,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

/// Where a tensor lies and what it is.
#[derive(Debug)]
pub(super) struct TensorInfo {
    pub(super) encoding: Encoding,
    /// Outermost dimension first, the other way round than in the file.
    pub(super) shape: Vec<usize>,
    /// Bytes of the file.
    pub(super) range: Range<usize>,
}

/// The value of a field.
#[derive(Debug)]
pub(super) enum GgufValue {
    /// Of any width, signed or not.
    Whole(i128),
    Float(f64),
    Flag(bool),
    /// Bytes of the file.
    Text(Range<usize>),
    List(GgufList),
}

impl GgufValue {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Whole(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
        }
    }
}

/// A list that lies in the file.
#[derive(Debug)]
pub(super) struct GgufList {
    kind: GgufType,
    length: usize,
    /// Bytes of its elements.
    range: Range<usize>,
}

impl GgufList {
    /// The elements of a list of texts; `None` for other lists, and where one is no UTF-8.
    pub(super) fn texts<'a>(&self, bytes: &'a [u8]) -> Option<Vec<&'a str>> {
        if self.kind != GgufType::Text {
            return None;
        }
        let mut at = Cursor::within(bytes, &self.range);
        (0..self.length).map(|_| std::str::from_utf8(&bytes[at.text().ok()?]).ok()).collect()
    }

    /// The elements of a list of whole numbers; `None` for other lists.
    pub(super) fn wholes(&self, bytes: &[u8]) -> Option<Vec<i64>> {
        let mut at = Cursor::within(bytes, &self.range);
        let element = |_| match at.value(self.kind, 0).ok()? {
            GgufValue::Whole(number) => i64::try_from(number).ok(),
            _ => None,
        };
        (0..self.length).map(element).collect()
    }
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GgufType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Flag,
    Text,
    List,
    U64,
    I64,
    F64,
}

impl GgufType {
    fn of(number: u32) -> Option<Self> {
        use GgufType::{F32, F64, Flag, I8, I16, I32, I64, List, Text, U8, U16, U32, U64};
        let kinds = [U8, I8, U16, I16, U32, I32, F32, Flag, Text, List, U64, I64, F64];
        kinds.get(number as usize).copied()
    }

    /// Bytes of a value: all of them, or for texts and lists the fewest.
    fn least_bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Flag => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 | Self::Text => 8,
            Self::List => 12,
        }
    }

    fn is_fixed(self) -> bool {
        !matches!(self, Self::Text | Self::List)
    }
}

/// What is wrong with a header.
enum Malformed {
    /// It continues beyond the end of the file.
    Truncated,
    /// Numbers of a tensor that are stored in a way that is not computed with.
    Encoding { tensor: String, encoding: String },
    /// Anything else.
    Invalid(String),
}

impl GgufHeader {
    /// Reads the header of a file; `file` is its name in messages.
    pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Self, LoadError> {
        Self::parse(file, bytes, bytes.len() as u64)?.map_err(|part| LoadError::Gguf {
            file: file.to_owned(),
            reason: format!("it ends within {part}, after {} bytes: it is truncated", bytes.len()),
        })
    }

    /// Reads the header of a file of `size` bytes of which the first are there; `None` where the header needs more of them.
    pub(super) fn begun(file: &str, bytes: &[u8], size: u64) -> Result<Option<Self>, LoadError> {
        if (bytes.len() as u64) < size {
            Self::parse(file, bytes, size).map(Result::ok)
        } else {
            Self::read(file, bytes).map(Some)
        }
    }

    /// The header, or the part of it within which the bytes end.
    fn parse(file: &str, bytes: &[u8], size: u64) -> Result<Result<Self, &'static str>, LoadError> {
        let mut cursor = Cursor { bytes, at: 0, size };
        let unsound = |reason: String| LoadError::Gguf { file: file.to_owned(), reason };
        let malformed = |malformed: Malformed, part: &'static str| match malformed {
            Malformed::Truncated => Ok(Err(part)),
            Malformed::Encoding { tensor, encoding } => {
                Err(LoadError::Encoding { file: file.to_owned(), name: tensor, encoding })
            }
            Malformed::Invalid(reason) => Err(unsound(reason)),
        };
        match bytes.first_chunk() {
            Some(magic) if magic == MAGIC => cursor.at = MAGIC.len(),
            found => {
                let found = found.map_or(bytes, |magic: &[u8; 4]| magic.as_slice());
                return Err(unsound(format!("it begins with \"{}\", expected \"GGUF\"", found.escape_ascii())));
            }
        }
        let (fields, tensors) = match cursor.header() {
            Ok(header) => header,
            Err((wrong, part)) => return malformed(wrong, part),
        };
        let alignment = match fields.get("general.alignment") {
            None => ALIGNMENT,
            Some(GgufValue::Whole(alignment)) => match u64::try_from(*alignment) {
                Ok(alignment) if alignment.is_power_of_two() && alignment <= 1 << 20 => alignment,
                _ => return Err(unsound(format!("its alignment is {alignment}, expected a power of two"))),
            },
            Some(other) => return Err(unsound(format!("its alignment is {}, expected a number", other.kind()))),
        };
        let start = (cursor.at as u64).next_multiple_of(alignment);
        let mut placed = BTreeMap::new();
        let mut expected = 0;
        for (name, TensorHeader { encoding, shape, offset }) in tensors {
            if !offset.is_multiple_of(alignment) {
                return Err(unsound(format!("tensor `{name}` begins at {offset}, no multiple of {alignment}")));
            }
            let length = encoding.bytes(shape.iter().product()) as u64;
            let Some(end) = start.checked_add(offset).and_then(|begin| begin.checked_add(length)) else {
                return Err(unsound(format!("tensor `{name}` begins at {offset}, which no file can hold")));
            };
            expected = expected.max(end);
            placed.insert(name, TensorInfo { encoding, shape, range: (end - length) as usize..end as usize });
        }
        if expected > size {
            return Err(LoadError::Length { file: file.to_owned(), found: size, expected });
        }
        Ok(Ok(Self { fields, tensors: placed }))
    }

    /// The value of a field.
    pub(super) fn field(&self, key: &str) -> Option<&GgufValue> {
        self.fields.get(key)
    }
}

/// A tensor as the header describes it.
struct TensorHeader {
    encoding: Encoding,
    shape: Vec<usize>,
    /// From the start of the tensors on.
    offset: u64,
}

/// A place in the header.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes of the whole file, of which more may be to come.
    size: u64,
}

impl<'a> Cursor<'a> {
    /// At the start of a range, beyond the end of which nothing is read.
    fn within(bytes: &'a [u8], range: &Range<usize>) -> Self {
        Self { bytes: &bytes[..range.end], at: range.start, size: range.end as u64 }
    }

    /// Fields and tensors; the error says which part of the header it is about.
    #[expect(clippy::type_complexity, reason = "two maps and an error, named nowhere else")]
    fn header(
        &mut self,
    ) -> Result<(BTreeMap<String, GgufValue>, BTreeMap<String, TensorHeader>), (Malformed, &'static str)> {
        let (fields, tensors) = self.counts().map_err(|wrong| (wrong, "its first line"))?;
        let fields = self.fields(fields).map_err(|wrong| (wrong, "its metadata"))?;
        let tensors = self.tensors(tensors).map_err(|wrong| (wrong, "its list of tensors"))?;
        Ok((fields, tensors))
    }

    fn left(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let array = self.bytes[self.at..].first_chunk::<N>().ok_or(Malformed::Truncated)?;
        self.at += N;
        Ok(*array)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// Steps over so many bytes.
    fn skip(&mut self, length: u64) -> Result<Range<usize>, Malformed> {
        if length > self.left() {
            return Err(Malformed::Truncated);
        }
        let start = self.at;
        self.at += length as usize;
        Ok(start..self.at)
    }

    fn text(&mut self) -> Result<Range<usize>, Malformed> {
        let length = self.u64()?;
        self.skip(length)
    }

    fn name(&mut self) -> Result<String, Malformed> {
        let range = self.text()?;
        if range.len() > LONGEST_NAME {
            return Err(Malformed::Invalid(format!("it has a name of {} bytes", range.len())));
        }
        Ok(String::from_utf8_lossy(&self.bytes[range]).into_owned())
    }

    /// Version, then the numbers of fields and of tensors.
    fn counts(&mut self) -> Result<(u64, u64), Malformed> {
        let version = self.u32()?;
        match version {
            2 | 3 => {}
            _ if matches!(version.swap_bytes(), 1..=3) => {
                return Err(Malformed::Invalid(
                    "it is written for big-endian machines: convert the model again".into(),
                ));
            }
            _ => {
                return Err(Malformed::Invalid(format!(
                    "it is of version {version}, expected 2 or 3: convert the model again with a current llama.cpp"
                )));
            }
        }
        let (tensors, fields) = (self.u64()?, self.u64()?);
        for (what, count, most) in [("tensors", tensors, MOST_TENSORS), ("fields", fields, MOST_FIELDS)] {
            if count > most {
                return Err(Malformed::Invalid(format!("it claims to hold {count} {what}, more than any model has")));
            }
        }
        Ok((fields, tensors))
    }

    fn fields(&mut self, count: u64) -> Result<BTreeMap<String, GgufValue>, Malformed> {
        let mut fields = BTreeMap::new();
        for _ in 0..count {
            let key = self.name()?;
            let kind = self.kind(&key)?;
            let value = self.value(kind, 0).map_err(|malformed| match malformed {
                Malformed::Invalid(reason) => Malformed::Invalid(format!("field `{key}` {reason}")),
                other => other,
            })?;
            if fields.contains_key(&key) {
                return Err(Malformed::Invalid(format!("it has two fields `{key}`")));
            }
            fields.insert(key, value);
        }
        Ok(fields)
    }

    fn kind(&mut self, key: &str) -> Result<GgufType, Malformed> {
        let number = self.u32()?;
        GgufType::of(number).ok_or_else(|| Malformed::Invalid(format!("field `{key}` is of the unknown type {number}")))
    }

    fn value(&mut self, kind: GgufType, depth: usize) -> Result<GgufValue, Malformed> {
        Ok(match kind {
            GgufType::U8 => GgufValue::Whole(u8::from_le_bytes(self.array()?).into()),
            GgufType::I8 => GgufValue::Whole(i8::from_le_bytes(self.array()?).into()),
            GgufType::U16 => GgufValue::Whole(u16::from_le_bytes(self.array()?).into()),
            GgufType::I16 => GgufValue::Whole(i16::from_le_bytes(self.array()?).into()),
            GgufType::U32 => GgufValue::Whole(self.u32()?.into()),
            GgufType::I32 => GgufValue::Whole(i32::from_le_bytes(self.array()?).into()),
            GgufType::U64 => GgufValue::Whole(self.u64()?.into()),
            GgufType::I64 => GgufValue::Whole(i64::from_le_bytes(self.array()?).into()),
            GgufType::F32 => GgufValue::Float(f32::from_le_bytes(self.array()?).into()),
            GgufType::F64 => GgufValue::Float(f64::from_le_bytes(self.array()?)),
            GgufType::Flag => match self.array()? {
                [flag @ (0 | 1)] => GgufValue::Flag(flag == 1),
                [other] => return Err(Malformed::Invalid(format!("is {other}, expected 0 or 1"))),
            },
            GgufType::Text => GgufValue::Text(self.text()?),
            GgufType::List => GgufValue::List(self.list(depth)?),
        })
    }

    fn list(&mut self, depth: usize) -> Result<GgufList, Malformed> {
        if depth == DEEPEST {
            return Err(Malformed::Invalid("holds lists within lists too deep".into()));
        }
        let number = self.u32()?;
        let kind =
            GgufType::of(number).ok_or_else(|| Malformed::Invalid(format!("lists the unknown type {number}")))?;
        let length = self.u64()?;
        let least = length.saturating_mul(kind.least_bytes());
        let left = self.size - self.at as u64;
        if least > left {
            return Err(Malformed::Invalid(format!(
                "claims to list {length} elements, but the file has only {left} more bytes: it is truncated or damaged"
            )));
        }
        let start = self.at;
        if kind.is_fixed() {
            self.skip(least)?;
        } else {
            for _ in 0..length {
                self.value(kind, depth + 1)?;
            }
        }
        Ok(GgufList { kind, length: length as usize, range: start..self.at })
    }

    fn tensors(&mut self, count: u64) -> Result<BTreeMap<String, TensorHeader>, Malformed> {
        let mut tensors = BTreeMap::new();
        for _ in 0..count {
            let name = self.name()?;
            let described = self.tensor(&name)?;
            if tensors.contains_key(&name) {
                return Err(Malformed::Invalid(format!("it has two tensors `{name}`")));
            }
            tensors.insert(name, described);
        }
        Ok(tensors)
    }

    fn tensor(&mut self, name: &str) -> Result<TensorHeader, Malformed> {
        let dimensions = self.u32()?;
        if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
            return Err(Malformed::Invalid(format!(
                "tensor `{name}` has {dimensions} dimensions, expected 1 to {MOST_DIMENSIONS}"
            )));
        }
        let sizes = (0..dimensions).map(|_| self.u64()).collect::<Result<Vec<_>, _>>()?;
        let elements = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
        // A byte holds four numbers at most: more of them cannot lie in any file.
        if elements.is_none_or(|elements| elements == 0 || elements > i64::MAX as u64 / 8) {
            return Err(Malformed::Invalid(format!("tensor `{name}` has the impossible sizes {sizes:?}")));
        }
        let encoding = encoding(name, self.u32()?)?;
        let block = encoding.blocks().map_or(1, |blocks| blocks.block_size()) as u64;
        if !sizes[0].is_multiple_of(block) {
            return Err(Malformed::Invalid(format!(
                "tensor `{name}` has rows of {} numbers, but {encoding} comes in blocks of {block}",
                sizes[0]
            )));
        }
        let shape = sizes.iter().rev().map(|&size| size as usize).collect();
        Ok(TensorHeader { encoding, shape, offset: self.u64()? })
    }
}

/// The encoding that a number in the file stands for.
fn encoding(tensor: &str, number: u32) -> Result<Encoding, Malformed> {
    Ok(match number {
        0 => Encoding::F32,
        1 => Encoding::F16,
        30 => Encoding::BF16,
        2 => Encoding::Blocks(GgmlDType::Q4_0),
        3 => Encoding::Blocks(GgmlDType::Q4_1),
        6 => Encoding::Blocks(GgmlDType::Q5_0),
        7 => Encoding::Blocks(GgmlDType::Q5_1),
        8 => Encoding::Blocks(GgmlDType::Q8_0),
        10 => Encoding::Blocks(GgmlDType::Q2K),
        11 => Encoding::Blocks(GgmlDType::Q3K),
        12 => Encoding::Blocks(GgmlDType::Q4K),
        13 => Encoding::Blocks(GgmlDType::Q5K),
        14 => Encoding::Blocks(GgmlDType::Q6K),
        other => {
            let known = OTHERS.iter().find(|(number, _)| *number == other);
            let encoding = known.map_or_else(|| format!("type {other}"), |(_, name)| (*name).to_owned());
            return Err(Malformed::Encoding { tensor: tensor.to_owned(), encoding });
        }
    })
}

/// Encodings of the format that are not supported, by number.
const OTHERS: [(u32, &str); 21] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
    (41, "Q1_0"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// A file, written piece by piece.
    #[derive(Clone)]
    struct File(Vec<u8>);

    impl File {
        fn new(version: u32, tensors: u64, fields: u64) -> Self {
            Self(MAGIC.to_vec()).u32(version).u64(tensors).u64(fields)
        }

        fn u32(mut self, number: u32) -> Self {
            self.0.extend(number.to_le_bytes());
            self
        }

        fn u64(mut self, number: u64) -> Self {
            self.0.extend(number.to_le_bytes());
            self
        }

        fn bytes(mut self, bytes: &[u8]) -> Self {
            self.0.extend(bytes);
            self
        }

        fn text(self, text: &str) -> Self {
            self.u64(text.len() as u64).bytes(text.as_bytes())
        }

        fn tensor(self, name: &str, sizes: &[u64], encoding: u32, offset: u64) -> Self {
            let start = self.text(name).u32(sizes.len() as u32);
            sizes.iter().fold(start, |file, &size| file.u64(size)).u32(encoding).u64(offset)
        }

        /// Data of this many bytes, where tensors begin.
        fn data(mut self, length: usize) -> Self {
            self.0.resize(self.0.len().next_multiple_of(32) + length, 7);
            self
        }

        fn read(&self) -> Result<GgufHeader, LoadError> {
            GgufHeader::read("m.gguf", &self.0)
        }

        fn message(&self) -> String {
            self.read().unwrap_err().to_string()
        }
    }

    /// A file with every kind of field and two tensors.
    fn whole() -> File {
        File::new(3, 2, 6)
            .text("a.count")
            .u32(4)
            .u32(7)
            .text("a.eps")
            .u32(6)
            .bytes(&1e-6_f32.to_le_bytes())
            .text("a.flag")
            .u32(7)
            .bytes(&[1])
            .text("a.name")
            .u32(8)
            .text("tiny")
            .text("a.words")
            .u32(9)
            .u32(8)
            .u64(2)
            .text("one")
            .text("two")
            .text("a.kinds")
            .u32(9)
            .u32(5)
            .u64(2)
            .u32(3)
            .u32(u32::MAX)
            .tensor("x", &[64, 2], 8, 0)
            .tensor("y", &[3], 0, 160)
            .data(172)
    }

    #[test]
    fn a_header_says_what_is_where() {
        let file = whole();
        let header = file.read().unwrap();
        assert!(matches!(header.field("a.count"), Some(GgufValue::Whole(7))));
        assert!(matches!(header.field("a.eps"), Some(GgufValue::Float(eps)) if *eps as f32 == 1e-6));
        assert!(matches!(header.field("a.flag"), Some(GgufValue::Flag(true))));
        assert!(matches!(header.field("a.name"), Some(GgufValue::Text(range)) if &file.0[range.clone()] == b"tiny"));
        let Some(GgufValue::List(words)) = header.field("a.words") else { panic!("no list") };
        assert_eq!((words.texts(&file.0).unwrap(), words.wholes(&file.0)), (vec!["one", "two"], None));
        let Some(GgufValue::List(kinds)) = header.field("a.kinds") else { panic!("no list") };
        assert_eq!((kinds.wholes(&file.0).unwrap(), kinds.texts(&file.0)), (vec![3, -1], None));
        let (x, y) = (&header.tensors["x"], &header.tensors["y"]);
        assert_eq!((&x.shape[..], x.range.len(), x.encoding.to_string().as_str()), (&[2, 64][..], 2 * 2 * 34, "Q8_0"));
        assert_eq!((&y.shape[..], y.range.start - x.range.start, y.range.end), (&[3][..], 160, file.0.len()));
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_that_says_so() {
        let file = whole();
        for length in 0..file.0.len() {
            let message = File(file.0[..length].to_vec()).message();
            let expected = if length < 4 { "expected \"GGUF\"" } else { "truncated" };
            assert!(message.contains(expected), "{length}: {message}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let one = |name: &str, sizes: &[u64], encoding, offset| {
            File::new(3, 1, 0).tensor(name, sizes, encoding, offset).data(1024)
        };
        let field = |kind| File::new(3, 0, 1).text("k").u32(kind);
        let cases = [
            (File(b"PK\x03\x04 and more".to_vec()), r#"begins with "PK\x03\x04", expected "GGUF""#),
            (File::new(1, 0, 0), "is of version 1, expected 2 or 3"),
            (File::new(3_u32.swap_bytes(), 0, 0), "big-endian"),
            (File::new(3, u64::MAX, 0), "claims to hold 18446744073709551615 tensors"),
            (File::new(3, 0, 1 << 40), "claims to hold 1099511627776 fields"),
            (field(13), "field `k` is of the unknown type 13"),
            (field(7).bytes(&[2]), "field `k` is 2, expected 0 or 1"),
            (field(9).u32(0).u64(u64::MAX), "field `k` claims to list 18446744073709551615 elements"),
            (field(9).u32(9).u64(1).u32(9).u64(1).u32(9).u64(1).u32(9).u64(1).u32(0).u64(0).data(99), "too deep"),
            (field(8).u64(u64::MAX), "truncated"),
            (File::new(3, 0, 2).text("k").u32(0).bytes(&[1]).text("k").u32(0).bytes(&[1]), "two fields `k`"),
            (one("x", &[], 0, 0), "tensor `x` has 0 dimensions"),
            (one("x", &[1; 5], 0, 0), "tensor `x` has 5 dimensions"),
            (one("x", &[u64::MAX, 2], 0, 0), "impossible sizes [18446744073709551615, 2]"),
            (one("x", &[0, 2], 0, 0), "impossible sizes [0, 2]"),
            (one("x", &[48, 2], 8, 0), "rows of 48 numbers, but Q8_0 comes in blocks of 32"),
            (one("x", &[128, 2], 12, 0), "rows of 128 numbers, but Q4_K comes in blocks of 256"),
            (one("x", &[4], 0, 8), "begins at 8, no multiple of 32"),
            (one("x", &[4], 0, u64::MAX - 31), "which no file can hold"),
            (one("x", &[1 << 40], 0, 0), "but its header describes 4398046511"),
        ];
        for (file, expected) in cases {
            let message = file.message();
            assert!(message.starts_with("m.gguf ") && message.contains(expected), "{message}, expected {expected}");
        }
        for (number, name) in [(20, "IQ4_NL"), (23, "IQ4_XS"), (99, "type 99")] {
            let expected = format!(
                "m.gguf: the quantisation of tensor `x`, {name}, is not supported: choose a file in F16, BF16, Q8_0, Q6_K, \
                 Q5_K_M or Q4_K_M"
            );
            assert_eq!(one("x", &[4], number, 0).message(), expected, "the file is sound");
        }
    }

    #[test]
    fn the_beginning_of_a_file_says_what_the_whole_does() {
        let file = whole();
        let first = file.read().unwrap().tensors["x"].range.start;
        for length in 4..file.0.len() {
            let begun = GgufHeader::begun("m.gguf", &file.0[..length], file.0.len() as u64).unwrap();
            match begun {
                Some(header) => assert_eq!(header.tensors["x"].range.start, first, "{length}"),
                None => assert!(length < first, "{length} bytes hold the header"),
            }
        }
        let longer = GgufHeader::begun("m.gguf", &file.0[..first], file.0.len() as u64 - 1);
        assert!(longer.unwrap_err().to_string().ends_with("the file is truncated"));
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_an_error_or_another_file(at in 0_usize..500, byte: u8, cut in 0_usize..500) {
            let mut file = whole();
            let length = file.0.len();
            file.0[at % length] = byte;
            file.0.truncate(length - cut % 8);
            if let Ok(header) = file.read() {
                for tensor in header.tensors.values() {
                    prop_assert!(tensor.range.end <= file.0.len());
                }
            }
        }

        #[test]
        fn any_bytes_behind_the_magic_are_read_without_panic(bytes: Vec<u8>) {
            let _ = File(MAGIC.to_vec()).u32(3).bytes(&bytes).read();
        }
    }
}
