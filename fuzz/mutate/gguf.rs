//! GGUF files: fields, tensors, numbers.

use super::{Context, Dice, bytes, text};

/// Where the numbers begin, unless a field says otherwise.
const ALIGNMENT: usize = 32;
/// Numbers that stand for types of fields: a text, a list.
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// A file in parts; what stands in them need not make sense.
#[derive(Clone)]
struct File {
    version: u32,
    fields: Vec<Field>,
    tensors: Vec<Tensor>,
    numbers: Vec<u8>,
}

#[derive(Clone)]
struct Field {
    key: Vec<u8>,
    kind: u32,
    /// As it stands in the file.
    value: Vec<u8>,
}

#[derive(Clone)]
struct Tensor {
    name: Vec<u8>,
    sizes: Vec<u64>,
    encoding: u32,
    offset: u64,
}

/// Changes a field, a tensor or the numbers; `None` where this is no GGUF file.
pub fn change(input: &[u8], context: &Context<'_>, dice: &mut Dice) -> Option<Vec<u8>> {
    let mut file = File::read(input)?;
    match dice.below(12) {
        0 => file.numbers = bytes::change(&file.numbers, context, dice),
        1 => change_list(&mut file.tensors, dice),
        2 => change_list(&mut file.fields, dice),
        3 => {
            let theirs = File::read(context.donor(dice))?;
            file.fields.extend(dice.pick(&theirs.fields).cloned());
        }
        4..7 => {
            let at = dice.below(file.tensors.len());
            let tensor = file.tensors.get_mut(at)?;
            match dice.below(4) {
                0 => tensor.offset = u64::from_le_bytes(dice.bits()),
                1 => tensor.encoding = dice.below(40) as u32,
                2 => tensor.name = text::change(&String::from_utf8_lossy(&tensor.name), context, dice).into_bytes(),
                _ => {
                    let size = u64::from_le_bytes(dice.bits());
                    let at = dice.below(tensor.sizes.len());
                    match tensor.sizes.get_mut(at).filter(|_| !dice.one_in(4)) {
                        Some(place) => *place = size,
                        None => tensor.sizes.push(size),
                    }
                }
            }
        }
        _ => {
            let at = dice.below(file.fields.len());
            let field = file.fields.get_mut(at)?;
            match (dice.below(6), field.kind) {
                (0, _) => field.key = text::change(&String::from_utf8_lossy(&field.key), context, dice).into_bytes(),
                (1, _) => {
                    (field.kind, field.value) = (dice.below(14) as u32, dice.bits().to_vec());
                    field.value.resize(width(field.kind).unwrap_or(8), 0);
                }
                (_, TEXT) => {
                    let content = String::from_utf8_lossy(field.value.get(8..)?).into_owned();
                    field.value = written(text::change(&content, context, dice).as_bytes());
                }
                (_, LIST) => field.change_list(context, dice)?,
                _ => {
                    let number = dice.bits();
                    let length = field.value.len().min(8);
                    field.value[..length].copy_from_slice(&number[..length]);
                }
            }
        }
    }
    if dice.one_in(50) {
        file.version = dice.below(6) as u32;
    }
    Some(file.bytes())
}

/// Drops, repeats or exchanges.
fn change_list<T: Clone>(list: &mut Vec<T>, dice: &mut Dice) {
    let (at, other) = (dice.below(list.len()), dice.below(list.len()));
    let Some(item) = list.get(at).cloned() else { return };
    match dice.below(3) {
        0 => drop(list.remove(at)),
        1 => list.insert(other, item),
        _ => list.swap(at, other),
    }
}

impl Field {
    /// Changes an element of a list, or which there are.
    fn change_list(&mut self, context: &Context<'_>, dice: &mut Dice) -> Option<()> {
        let mut cursor = Cursor(&self.value);
        let (kind, length) = (cursor.u32()?, cursor.u64()?);
        let mut items = (0..length).map(|_| cursor.value(kind)).collect::<Option<Vec<_>>>()?;
        let at = dice.below(items.len());
        match items.get_mut(at).filter(|_| !dice.one_in(3)) {
            Some(text) if kind == TEXT => {
                let content = String::from_utf8_lossy(text.get(8..)?).into_owned();
                *text = written(text::change(&content, context, dice).as_bytes());
            }
            Some(number) => {
                let bits = dice.bits();
                let length = number.len().min(8);
                number[..length].copy_from_slice(&bits[..length]);
            }
            None => change_list(&mut items, dice),
        }
        let length = if dice.one_in(20) { dice.bits() } else { (items.len() as u64).to_le_bytes() };
        self.value = [&kind.to_le_bytes()[..], &length, &items.concat()].concat();
        Some(())
    }
}

impl File {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes.strip_prefix(b"GGUF")?);
        let version = cursor.u32()?;
        let (tensors, fields) = (cursor.u64()?, cursor.u64()?);
        let field = |cursor: &mut Cursor<'_>| {
            let (key, kind) = (cursor.text()?.to_vec(), cursor.u32()?);
            Some(Field { key, kind, value: cursor.value(kind)? })
        };
        let tensor = |cursor: &mut Cursor<'_>| {
            let (name, dimensions) = (cursor.text()?.to_vec(), cursor.u32()?);
            let sizes = (0..dimensions).map(|_| cursor.u64()).collect::<Option<_>>()?;
            Some(Tensor { name, sizes, encoding: cursor.u32()?, offset: cursor.u64()? })
        };
        let fields = (0..fields).map(|_| field(&mut cursor)).collect::<Option<_>>()?;
        let tensors = (0..tensors).map(|_| tensor(&mut cursor)).collect::<Option<_>>()?;
        let start = (bytes.len() - cursor.0.len()).next_multiple_of(ALIGNMENT);
        Some(Self { version, fields, tensors, numbers: bytes.get(start..).unwrap_or_default().to_vec() })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.fields.len() as u64).to_le_bytes());
        for Field { key, kind, value } in &self.fields {
            bytes.extend(written(key));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(value);
        }
        for Tensor { name, sizes, encoding, offset } in &self.tensors {
            bytes.extend(written(name));
            bytes.extend((sizes.len() as u32).to_le_bytes());
            bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
            bytes.extend(encoding.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes.extend(&self.numbers);
        bytes
    }
}

/// A text behind its length.
fn written(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text].concat()
}

/// Bytes of a value of this type, where all have as many.
fn width(kind: u32) -> Option<usize> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.u64()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// A value as it stands in the file.
    fn value(&mut self, kind: u32) -> Option<Vec<u8>> {
        let before = self.0;
        match width(kind) {
            Some(width) => drop(self.take(width)?),
            None if kind == TEXT => drop(self.text()?),
            None if kind == LIST => {
                let (kind, length) = (self.u32()?, self.u64()?);
                for _ in 0..length {
                    self.value(kind)?;
                }
            }
            None => return None,
        }
        Some(before[..before.len() - self.0.len()].to_vec())
    }
}
