//! Safetensors files: a length, a header in JSON, the numbers.

use super::{Context, Dice, bytes, json};

/// Changes the header, the numbers or the length between them; `None` where it is no such file.
pub fn change(input: &[u8], context: &Context<'_>, dice: &mut Dice) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_le_bytes(*input.first_chunk()?)).ok()?;
    let header = input.get(8..)?.get(..length)?;
    let numbers = &input[8 + length..];
    let (header, numbers) = if dice.one_in(5) {
        (header.to_vec(), bytes::change(numbers, context, dice))
    } else {
        let headers = Context { language: context.language, pool: &[] };
        (json::change(header, &headers, dice)?, numbers.to_vec())
    };
    let length = if dice.one_in(20) { dice.bits() } else { (header.len() as u64).to_le_bytes() };
    Some([&length, header.as_slice(), &numbers].concat())
}
