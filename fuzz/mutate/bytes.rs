//! Bytes.

use super::{Context, Dice};

/// Changes some bytes.
pub fn change(input: &[u8], context: &Context<'_>, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let range = dice.range(bytes.len());
    match dice.below(8) {
        0 => {
            if let Some(byte) = bytes.get_mut(range.start) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(range.start) {
                *byte = dice.bits()[0];
            }
        }
        2 => {
            let width = [2, 4, 8][dice.below(3)];
            let number = dice.bits();
            let end = (range.start + width).min(bytes.len());
            bytes[range.start..end].copy_from_slice(&number[..end - range.start]);
        }
        3 => drop(bytes.drain(range)),
        4 => {
            let copy = bytes[range.clone()].repeat(dice.many(50));
            bytes.splice(range.end..range.end, copy);
        }
        5 => {
            let text = dice.text();
            bytes.splice(range.start..range.start, text.into_bytes());
        }
        6 => bytes.truncate(range.start),
        _ => {
            let donor = context.donor(dice);
            let part = dice.range(donor.len());
            bytes.splice(range, donor[part].to_vec());
        }
    }
    bytes
}
