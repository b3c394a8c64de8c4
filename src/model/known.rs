//! Models of the hub that are known to be worth watching.
//!
//! Numbers of weights follow from the published configurations. Lengths on disk agree with what the hub shows; where that
//! was not to be had they are two bytes a weight, and say so.

use super::source::Source;

/// What a model does in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelRole {
    /// Proposes tokens for masks.
    Denoiser,
    /// Accepts or rejects them, from left to right.
    Guide,
}

impl ModelRole {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Denoiser, Self::Guide];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Denoiser => "denoiser",
            Self::Guide => "guide",
        }
    }
}

/// A model of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// How it is named, as a source.
    pub source: &'static str,
    /// What it does in a run.
    pub role: ModelRole,
    /// Number of weights, tied ones counted once.
    pub parameters: u64,
    /// Bytes of its weights on disk (bfloat16).
    pub bytes: u64,
    /// Whether `bytes` agrees with the lengths of the published files; where that is not known, it is two bytes a weight.
    pub is_measured: bool,
    /// Those of the table that ids are only looked up in, which stays as it is stored; none where the head is that table.
    pub table: u64,
    /// Layers, key/value heads and their width: what a K/V row costs.
    pub rows: (u64, u64, u64),
    /// What it is for, one line.
    pub what: &'static str,
    /// The same weights in few bits, where that file is known.
    pub gguf: Option<&'static str>,
}

/// The repositories of denoisers among [`KNOWN`] that were trained with block-causal attention.
const BLOCK_CAUSAL: &[&str] = &["dllm-hub/Qwen3-0.6B-diffusion-bd3lm-v0.1"];

/// Whether a denoiser is known to have been trained with block-causal attention.
pub fn is_block_causal(source: &Source) -> bool {
    matches!(source, Source::Hub(model) if BLOCK_CAUSAL.contains(&model.repo()))
}

/// Positions that [`Known::memory`] counts K/V rows for: a long prompt with a long answer.
pub const POSITIONS: u64 = 1024;

/// Bytes of a number in the published files.
const STORED: u64 = 2;

/// All of them, the small ones first.
pub const KNOWN: &[Known] = &[
    Known {
        source: "hf:dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1",
        role: ModelRole::Denoiser,
        parameters: 596_049_920,
        bytes: 1_192_099_840,
        is_measured: false,
        table: 0,
        rows: (28, 8, 128),
        what: "small instruct model, masked diffusion (A2D-Qwen3): runs on a laptop",
        gguf: None,
    },
    Known {
        source: "hf:dllm-hub/Qwen3-0.6B-diffusion-bd3lm-v0.1",
        role: ModelRole::Denoiser,
        parameters: 596_049_920,
        bytes: 1_192_099_840,
        is_measured: false,
        table: 0,
        rows: (28, 8, 128),
        what: "small instruct model, block diffusion (A2D-Qwen3, blocks of 32): runs on a laptop",
        gguf: None,
    },
    Known {
        source: "hf:dllm-hub/Qwen2.5-Coder-0.5B-Instruct-diffusion-mdlm-v0.1",
        role: ModelRole::Denoiser,
        parameters: 494_032_768,
        bytes: 988_065_536,
        is_measured: false,
        table: 0,
        rows: (24, 2, 64),
        what: "small model for code, masked diffusion (A2D-Qwen2): runs on a laptop",
        gguf: None,
    },
    Known {
        source: "hf:Dream-org/Dream-v0-Instruct-7B",
        role: ModelRole::Denoiser,
        parameters: 7_615_616_512,
        bytes: 15_231_233_024,
        is_measured: true,
        table: 544_997_376,
        rows: (28, 4, 128),
        what: "instruct model grown from Qwen2.5-7B; Qwen2.5 models guide it in its own vocabulary",
        gguf: None,
    },
    Known {
        source: "hf:Dream-org/Dream-v0-Base-7B",
        role: ModelRole::Denoiser,
        parameters: 7_615_616_512,
        bytes: 15_231_233_024,
        is_measured: true,
        table: 544_997_376,
        rows: (28, 4, 128),
        what: "the base of Dream-v0-Instruct-7B: continues texts, answers nothing",
        gguf: None,
    },
    Known {
        source: "hf:GSAI-ML/LLaDA-8B-Instruct",
        role: ModelRole::Denoiser,
        parameters: 8_015_581_184,
        bytes: 16_031_162_368,
        is_measured: true,
        table: 517_996_544,
        rows: (32, 32, 128),
        what: "instruct model trained from scratch: the field's yardstick",
        gguf: Some("hf:mradermacher/LLaDA-8B-Instruct-GGUF/LLaDA-8B-Instruct.Q4_K_M.gguf"),
    },
    Known {
        source: "hf:GSAI-ML/LLaDA-1.5",
        role: ModelRole::Denoiser,
        parameters: 8_015_581_184,
        bytes: 16_031_162_368,
        is_measured: true,
        table: 517_996_544,
        rows: (32, 32, 128),
        what: "LLaDA-8B-Instruct after preference training: better at sums and code",
        gguf: None,
    },
    Known {
        source: "hf:GSAI-ML/LLaDA-8B-Base",
        role: ModelRole::Denoiser,
        parameters: 8_015_581_184,
        bytes: 16_031_162_368,
        is_measured: true,
        table: 517_996_544,
        rows: (32, 32, 128),
        what: "the base of LLaDA-8B-Instruct: continues texts, answers nothing",
        gguf: None,
    },
    Known {
        source: "hf:Qwen/Qwen2.5-0.5B-Instruct",
        role: ModelRole::Guide,
        parameters: 494_032_768,
        bytes: 988_097_824,
        is_measured: true,
        table: 0,
        rows: (24, 2, 64),
        what: "the usual guide of Dream",
        gguf: None,
    },
    Known {
        source: "hf:Qwen/Qwen3-0.6B",
        role: ModelRole::Guide,
        parameters: 596_049_920,
        bytes: 1_503_300_328,
        is_measured: true,
        table: 0,
        rows: (28, 8, 128),
        what: "the guide of the small A2D-Qwen3 models: they grew from it",
        gguf: None,
    },
    Known {
        source: "hf:Qwen/Qwen2.5-1.5B-Instruct",
        role: ModelRole::Guide,
        parameters: 1_543_714_304,
        bytes: 3_087_467_144,
        is_measured: true,
        table: 0,
        rows: (28, 2, 128),
        what: "a stricter guide of Dream",
        gguf: None,
    },
];

impl Known {
    /// As a source.
    ///
    /// # Panics
    /// Never: every entry parses, which a test makes sure of.
    pub fn source(&self) -> Source {
        self.source.parse().expect("a test parses every entry")
    }

    /// Bytes of memory for weights and K/V rows of [`POSITIONS`] positions, at so many bytes a number: 4 on a CPU
    /// (float32), 2 on a GPU (bfloat16).
    pub fn memory(&self, width: u64) -> u64 {
        let (layers, heads, head) = self.rows;
        let rows = 2 * layers * heads * head * POSITIONS;
        width * (self.parameters - self.table + rows) + STORED * self.table
    }

    /// The entry of a source, where there is one.
    pub fn of(source: &Source) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.source() == *source)
    }
}

/// Whether a model of this name continues texts and was not tuned to answer: its chat template, where it comes with one, was
/// never trained on.
pub fn is_base(name: &str) -> bool {
    let own = name.split_once('/').map_or(name, |(_, own)| own);
    own.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| part.eq_ignore_ascii_case("base"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_model_of_the_hub_and_there_once() {
        for known in KNOWN {
            assert!(matches!(known.source(), Source::Hub(_)));
            assert_eq!(known.source().to_string(), known.source);
            assert_eq!(KNOWN.iter().filter(|other| other.source == known.source).count(), 1);
            assert!(known.what.chars().count() <= 90, "{}", known.what);
            assert!(known.gguf.is_none_or(|gguf| matches!(gguf.parse(), Ok(Source::Hub(_)))), "{:?}", known.gguf);
        }
    }

    #[test]
    fn lengths_and_weights_go_together() {
        for known in KNOWN {
            // bfloat16; Qwen3-0.6B stores its tied head once more.
            let per_weight = known.bytes as f64 / known.parameters as f64;
            assert!((2.0..2.6).contains(&per_weight), "{}: {per_weight}", known.source);
        }
    }

    #[test]
    fn base_models_are_told_by_their_names() {
        for name in ["GSAI-ML/LLaDA-8B-Base", "Dream-org/Dream-v0-Base-7B@main", "x/y-base.Q4_K_M.gguf", "SmolLM2_base"]
        {
            assert!(is_base(name), "{name}");
        }
        for name in ["GSAI-ML/LLaDA-8B-Instruct", "database/Qwen3-0.6B", "base/Qwen3-0.6B", "embedded"] {
            assert!(!is_base(name), "{name}");
        }
    }

    #[test]
    fn memory_is_weights_and_rows() {
        let llada = KNOWN.iter().find(|known| known.source.ends_with("LLaDA-8B-Instruct")).expect("it is there");
        // 32 layers, 4096 wide, keys and values: a mebibyte for each position in float32.
        // The embedding, 126464 rows of 4096, stays in bfloat16.
        let table = 126_464 * 4096;
        assert_eq!(llada.table, table);
        assert_eq!(llada.memory(4), 4 * (8_015_581_184 - table) + 2 * table + (1 << 20) * 1024);
        assert_eq!(llada.memory(2), 2 * 8_015_581_184 + (1 << 19) * 1024);
    }
}
