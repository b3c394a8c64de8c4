//! What distinguishes weights from others without reading them all: tens of gigabytes would take minutes.

use sha2::{Digest, Sha256};

use super::stored::Stored;

/// Windows of a tensor that are hashed, evenly spread from its first to its last byte.
const WINDOWS: usize = 8;

/// Bytes of a window. Training changes all numbers of a tensor that it changes.
const WINDOW: usize = 64;

/// The first half of a SHA-256 hash, in hexadecimal digits, of a configuration, and of every tensor in the order of their
/// names: name, kind, shape, and a part of its bytes.
pub(super) fn of<'a>(tensors: impl Iterator<Item = (String, Stored<'a>)>, config: &[u8]) -> String {
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut hash = Sha256::new();
    hash.update((config.len() as u64).to_le_bytes());
    hash.update(config);
    for (name, stored) in tensors {
        hash.update(format!("{name} {} {:?}\n", stored.encoding(), stored.shape()));
        windows(stored.data()).for_each(|window| hash.update(window));
    }
    format!("{:.32x}", hash.finalize())
}

/// The windows of these bytes; all of them where they are few.
fn windows(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let last = bytes.len().saturating_sub(WINDOW);
    let is_short = bytes.len() <= WINDOWS * WINDOW;
    let (count, length) = if is_short { (1, bytes.len()) } else { (WINDOWS, WINDOW) };
    // No tensor is so large that the product exceeds 64 bits.
    (0..count).map(move |index| &bytes[index * last / (WINDOWS - 1)..][..length])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ::safetensors::tensor::Dtype;

    use super::*;
    use crate::model::{testing::Tiny, weights::Weights};

    #[test]
    fn windows_reach_from_the_first_byte_to_the_last() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|at| at as u8).collect();
        let spread: Vec<&[u8]> = windows(&bytes).collect();
        assert_eq!(spread.len(), WINDOWS);
        assert!(spread.iter().all(|window| window.len() == WINDOW));
        assert_eq!((spread[0], spread[WINDOWS - 1]), (&bytes[..WINDOW], &bytes[10_000 - WINDOW..]));
        for short in [0, 1, WINDOW, WINDOWS * WINDOW] {
            assert_eq!(windows(&bytes[..short]).collect::<Vec<_>>(), [&bytes[..short]]);
        }
    }

    #[test]
    fn a_fingerprint_follows_names_kinds_shapes_bytes_and_configuration() {
        let of = |tiny: &Tiny, dtype, config: &str| {
            Weights::from_bytes("m", tiny.weights(dtype)).unwrap().fingerprint(config.as_bytes())
        };
        let tiny = Tiny::new("Dream", false);
        let own = of(&tiny, Dtype::F32, "{}");
        assert_eq!((own.len(), own.as_str()), (32, of(&tiny, Dtype::F32, "{}").as_str()));
        assert_ne!(own, of(&tiny, Dtype::F32, "{ }"));
        assert_ne!(own, of(&tiny, Dtype::BF16, "{}"));
        let changed = |change: &dyn Fn(&mut Vec<usize>, &mut Vec<f32>)| {
            let mut tiny = Tiny::new("Dream", false);
            let (shape, numbers) = tiny.tensors.get_mut("model.norm.weight").unwrap();
            change(shape, numbers);
            of(&tiny, Dtype::F32, "{}")
        };
        assert_eq!(own, changed(&|_, _| ()));
        assert_ne!(own, changed(&|_, numbers| *numbers.last_mut().unwrap() += 1.0));
        assert_ne!(own, changed(&|shape, _| *shape = vec![4, 4]));
        let mut renamed = Tiny::new("Dream", false);
        let norm = renamed.tensors.remove("model.norm.weight").unwrap();
        renamed.tensors.insert("model.norm.other".into(), norm);
        assert_ne!(own, of(&renamed, Dtype::F32, "{}"));
    }
}
