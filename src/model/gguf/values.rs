//! What the `config.json` of the published checkpoint would say, out of a GGUF file's fields.
//!
//! The architecture writes it under its own field names, and the text goes through the same parser and the same checks as
//! the real one.

use super::GgufFile;
use crate::model::arch::ConfigValues;
use crate::model::config::{Dims, ROPE_THETA};
use crate::model::weights::LoadError;

impl GgufFile {
    /// The configuration as JSON.
    pub(crate) fn config_json(&self) -> Result<Vec<u8>, LoadError> {
        Ok((self.arch.write)(self.arch, &self.values()?).to_string().into_bytes())
    }

    /// Rows of a query head, with every field that it depends on checked.
    pub(super) fn checked_head_width(&self) -> Result<usize, LoadError> {
        let (hidden, heads) = (self.required("embedding_length")?, self.required("attention.head_count")?);
        if heads == 0 || hidden == 0 {
            return Err(self.unsound(format!("it has {heads} heads in rows of {hidden}")));
        }
        let width = self.own("attention.key_length")?.unwrap_or(hidden / heads);
        let values = self.own("attention.value_length")?.unwrap_or(width);
        if values != width {
            return Err(self.unsound(format!(
                "its keys are {width} wide and its values {values}; only one width for both is supported"
            )));
        }
        let turned = self.own("rope.dimension_count")?.unwrap_or(width);
        if turned != width {
            return Err(self.unsound(format!(
                "it turns {turned} of the {width} channels of a head; only turning all of them is supported"
            )));
        }
        if width == 0 || !width.is_multiple_of(2) || width > u64::from(u32::MAX) {
            return Err(self.unsound(format!("a head is {width} wide, expected an even width")));
        }
        Ok(width as usize)
    }

    fn values(&self) -> Result<ConfigValues, LoadError> {
        let Some(table) = self.header.tensors.get("token_embd.weight") else {
            return Err(self.unsound("it has no tensor `token_embd.weight`".into()));
        };
        // What exceeds the range of sizes here exceeds it in every configuration.
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let missing = |key: &str| self.unsound(format!("field `{key}` is missing"));
        let heads = self.required("attention.head_count")?;
        let dims = Dims {
            layers: size(self.required("block_count")?),
            max_positions: size(self.required("context_length")?),
            hidden: size(self.required("embedding_length")?),
            intermediate_size: size(self.required("feed_forward_length")?),
            heads: size(heads),
            kv_heads: size(self.own("attention.head_count_kv")?.unwrap_or(heads)),
            head_dim: self.head_width,
            vocab: table.shape[0],
            norm_eps: self
                .precise("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| missing(&self.key("attention.layer_norm_rms_epsilon")))?,
            rope_theta: self.precise("rope.freq_base")?.unwrap_or(ROPE_THETA),
        };
        let stretching = self.text(&self.key("rope.scaling.type"))?.filter(|kind| *kind != "none");
        Ok(ConfigValues {
            dims,
            rope_scaling: stretching.map(str::to_owned),
            tied: !self.header.tensors.contains_key("output.weight"),
            eos_id: self.whole("tokenizer.ggml.eos_token_id")?,
            mask_id: self.whole("tokenizer.ggml.mask_token_id")?,
        })
    }

    pub(super) fn key(&self, field: &str) -> String {
        format!("{}.{field}", self.arch.gguf)
    }

    /// A whole number of the architecture, if it is there.
    fn own(&self, field: &str) -> Result<Option<u64>, LoadError> {
        self.whole(&self.key(field))
    }

    fn required(&self, field: &str) -> Result<u64, LoadError> {
        self.own(field)?.ok_or_else(|| self.unsound(format!("field `{}` is missing", self.key(field))))
    }

    /// A number of the architecture that the file rounded to float32, as the decimal that was rounded.
    fn precise(&self, field: &str) -> Result<Option<f64>, LoadError> {
        let number = self.number(&self.key(field))?;
        // The shortest decimal that rounds to the same float32 is what the published configuration says: 1e-6, not
        // 9.99999997e-7.
        Ok(number.map(|number| (number as f32).to_string().parse().unwrap_or(number)))
    }
}
