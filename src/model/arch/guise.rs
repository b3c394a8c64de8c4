//! Configurations that say the `model_type` of one architecture and are of something else.
//!
//! Denoisers were built on the bodies of language models and kept their `model_type`: `Stable-DiffCoder` and `iLLaDA` say
//! `llama`, `Efficient-DLM` says `qwen3`. Read as causal models they would judge nonsense. `LLaDA-MoE` says `llada`, and
//! `DreamReasoner` says `Dream` of a Qwen3 body. What they are shows in the class that the configuration names, in code that
//! comes with the weights, or in fields about experts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Arch;

/// The fields that say by which code a checkpoint is computed with.
#[derive(Deserialize)]
pub(super) struct ConfigCode {
    /// Class names of the reference implementation.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// Code that comes with the weights, by purpose.
    #[serde(default)]
    auto_map: BTreeMap<String, Value>,
    /// Experts of a layer, as most configurations count them.
    #[serde(default)]
    num_experts: Option<Value>,
    /// The same in those that follow `DeepSeek`.
    #[serde(default)]
    n_routed_experts: Option<Value>,
    /// The same in those that follow Mixtral.
    #[serde(default)]
    num_local_experts: Option<Value>,
}

impl ConfigCode {
    /// Why the feed-forward parts are not of one piece, if so.
    pub(super) fn experts(&self) -> Option<String> {
        let counts = [
            ("num_experts", &self.num_experts),
            ("n_routed_experts", &self.n_routed_experts),
            ("num_local_experts", &self.num_local_experts),
        ];
        let several = |count: &Option<Value>| count.as_ref().and_then(Value::as_u64).filter(|count| *count > 1);
        let (field, count) = counts.into_iter().find_map(|(field, count)| Some((field, several(count)?)))?;
        let it = self.architectures.first().map_or_else(|| "it".to_owned(), |class| format!("`{class}`"));
        Some(format!(
            "{it} is a mixture of experts (`{field}` is {count}), which this version of diffuscope does not run: choose a \
             model without experts"
        ))
    }

    /// Why a configuration of the `model_type` of `arch` is of something else, if so.
    pub(super) fn guise(&self, arch: &Arch) -> Option<String> {
        let known = |class: &String| arch.guises.iter().find(|(guise, _)| guise == class);
        if let Some((class, what)) = self.architectures.iter().find_map(known) {
            return Some(format!(
                "it says `{}`, but `architectures` names `{class}`: that is {what}, which this version of diffuscope does \
                 not run",
                arch.model_type
            ));
        }
        if arch.classes.is_empty() {
            return None;
        }
        let what = format!("it has the body of a {label}, but is no causal {label}: ", label = arch.label);
        if let Some(class) = self.architectures.iter().find(|class| !arch.classes.contains(&class.as_str())) {
            return Some(format!("{what}`architectures` names `{class}`, which is not supported"));
        }
        let (_, class) = self.auto_map.iter().find(|(purpose, _)| purpose.starts_with("AutoModel"))?;
        Some(format!("{what}`auto_map` names code of its own, {class}, which is not supported"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use crate::model::arch::{Arch, tests::configuration};
    use crate::model::weights::LoadError;

    fn detected(model_type: &str, given: &serde_json::Value) -> Result<&'static str, LoadError> {
        let mut config = configuration(model_type);
        config.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        Arch::of_config("m/config.json", config.to_string().as_bytes()).map(|arch| arch.label)
    }

    #[test]
    fn a_type_that_lies_about_its_body_is_refused_with_what_it_is() {
        let no_llama = "it has the body of a Llama, but is no causal Llama: ";
        let cases = [
            (
                "llama",
                json!({"architectures": ["ILLaDAForCausalLM"]}),
                format!("{no_llama}`architectures` names `ILLaDAForCausalLM`, which is not supported"),
            ),
            (
                "llama",
                json!({"auto_map": {"AutoConfig": "c.Config", "AutoModelForCausalLM": "modeling_seed_diffcoder.M"}}),
                format!("{no_llama}`auto_map` names code of its own, \"modeling_seed_diffcoder.M\", which is not supported"),
            ),
            (
                "qwen3",
                json!({"architectures": ["EfficientDLM"]}),
                "it has the body of a Qwen3, but is no causal Qwen3: `architectures` names `EfficientDLM`, which is not \
                 supported"
                    .to_owned(),
            ),
            (
                "qwen2",
                json!({"architectures": ["Qwen2ForSequenceClassification"]}),
                "it has the body of a Qwen2, but is no causal Qwen2: `architectures` names \
                 `Qwen2ForSequenceClassification`, which is not supported"
                    .to_owned(),
            ),
            (
                "Dream",
                json!({"architectures": ["DreamForCausalLM"]}),
                "it says `Dream`, but `architectures` names `DreamForCausalLM`: that is DreamReasoner, with the body of a \
                 Qwen3, which this version of diffuscope does not run"
                    .to_owned(),
            ),
            (
                "llada",
                json!({"architectures": ["LLaDAMoEModelLM"], "num_experts": 64}),
                "`LLaDAMoEModelLM` is a mixture of experts (`num_experts` is 64), which this version of diffuscope does not \
                 run: choose a model without experts"
                    .to_owned(),
            ),
            (
                "llada",
                json!({"model_type": "llada2_moe", "architectures": [], "n_routed_experts": 256}),
                "it is a mixture of experts (`n_routed_experts` is 256), which this version of diffuscope does not run: \
                 choose a model without experts"
                    .to_owned(),
            ),
        ];
        for (model_type, given, expected) in cases {
            assert_eq!(detected(model_type, &given).unwrap_err().to_string(), format!("m/config.json: {expected}"));
        }
        let unreadable = detected("llama", &json!({"auto_map": "modeling_seed_diffcoder.M"})).unwrap_err().to_string();
        let expected = "m/config.json: `auto_map` is \"modeling_seed_diffcoder.M\", expected";
        assert!(unreadable.starts_with(expected), "{unreadable}");
    }

    #[test]
    fn published_classes_and_other_code_pass() {
        for (model_type, given, label) in [
            ("llama", json!({"auto_map": {"AutoTokenizer": ["t.Tokenizer", null]}}), "Llama"),
            ("llama", json!({"architectures": ["LLaMAForCausalLM"]}), "Llama"),
            ("qwen2", json!({"architectures": ["Qwen2ForCausalLM"], "num_experts": 1}), "Qwen2"),
            ("Dream", json!({"architectures": ["DreamModel"], "auto_map": {"AutoModel": "m.DreamModel"}}), "Dream"),
            ("llada", json!({"architectures": ["LLaDAModelLM"], "auto_map": {"AutoModel": "m.M"}}), "LLaDA"),
            ("a2d-qwen3", json!({"architectures": ["A2DQwen3LMHeadModel"]}), "A2D-Qwen3"),
        ] {
            assert_eq!(detected(model_type, &given).unwrap(), label, "{given}");
        }
    }
}
