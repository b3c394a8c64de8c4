//! What rules a model out before its weights come: what they are wanted for against the small files, then against the first
//! bytes of the weights.

use std::fs;

use diffuscope::model::{known::ModelRole, purpose::ModelPurpose};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use super::{support::models, *};

const DENOISER: ModelPurpose = ModelPurpose { role: Some(ModelRole::Denoiser), chats: true, mask: None };
const GUIDE: ModelPurpose = ModelPurpose { role: Some(ModelRole::Guide), chats: false, mask: None };

/// A sound denoiser.
fn sound() -> Model {
    let folder = Folder::new();
    models::untrained_pair(&folder);
    let mut model = Model::new(REPO, &[]);
    for entry in fs::read_dir(folder.path("denoiser")).unwrap() {
        let entry = entry.unwrap();
        model.files.insert(entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    }
    model
}

fn edit(model: &mut Model, file: &str, change: impl FnOnce(&mut Value)) {
    let mut content: Value = serde_json::from_slice(&model.files[file]).unwrap();
    change(&mut content);
    model.files.insert(file.to_owned(), content.to_string().into_bytes());
}

fn configured(fields: &Value) -> Model {
    let mut model = sound();
    edit(&mut model, "config.json", |config| {
        config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    });
    model
}

/// The weights in two files, and an index of them.
fn sharded(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Model {
    let mut model = sound();
    let weights = model.files.remove("model.safetensors").unwrap();
    let names: Vec<String> =
        SafeTensors::deserialize(&weights).unwrap().names().into_iter().map(str::to_owned).collect();
    let mut places: serde_json::Map<String, Value> =
        names.into_iter().map(|name| (name, json!("model-1.safetensors"))).collect();
    change(&mut places);
    model.files.insert("model-1.safetensors".to_owned(), weights);
    let index = json!({ "weight_map": places });
    model.files.insert("model.safetensors.index.json".to_owned(), index.to_string().into_bytes());
    model
}

/// A tokenizer whose mask has another name.
fn without_mask() -> Model {
    let mut model = configured(&json!({"mask_token_id": null}));
    let tokenizer = String::from_utf8(model.files["tokenizer.json"].clone()).unwrap();
    model.files.insert("tokenizer.json".to_owned(), tokenizer.replace("<mask>", "<gap>").into_bytes());
    model
}

fn with_file(name: &str, content: &str) -> Model {
    let mut model = sound();
    model.files.insert(name.to_owned(), content.as_bytes().to_vec());
    model
}

/// The one sentence that refuses a model, of which no weights were asked for.
fn refused_early(model: &Model, purpose: ModelPurpose) -> String {
    let (server, cache) = (model.serve(), Folder::new());
    let message = refusal(&hub(&server, &cache).with_purpose(purpose), REPO);
    let asked: Vec<_> = server.seen().into_iter().map(|request| request.path).collect();
    assert!(asked.iter().any(|path| path.ends_with("config.json")), "{asked:?}");
    assert!(asked.iter().all(|path| !path.ends_with(".safetensors")), "{message}: {asked:?}");
    message
}

#[test]
fn a_sound_model_comes_whole() {
    for model in [sound(), sharded(|_| {})] {
        let (server, cache) = (model.serve(), Folder::new());
        let fetched = fetch(&hub(&server, &cache).with_purpose(DENOISER), REPO).unwrap();
        assert!(fetched.path.join("config.json").is_file());
    }
}

#[test]
fn what_the_configuration_rules_out_costs_no_weights() {
    let yarn = json!({"rope_type": "yarn", "factor": 4.0});
    for (fields, purpose, expected) in [
        (
            json!({"model_type": "mamba"}),
            ModelPurpose::KEEP,
            "architecture `mamba` is not supported (supported: Dream, llada",
        ),
        (
            json!({"model_type": "llada", "architectures": ["LLaDAMoEModelLM"], "num_experts": 64}),
            ModelPurpose::KEEP,
            "`LLaDAMoEModelLM` is a mixture of experts (`num_experts` is 64), which this version",
        ),
        (json!({"rope_scaling": yarn}), ModelPurpose::KEEP, "yarn"),
        (json!({"hidden_size": "wide"}), ModelPurpose::KEEP, "`hidden_size` is \"wide\", expected a whole number"),
        (json!({"architectures": ["DreamForCausalLM"]}), DENOISER, "that is DreamReasoner, with the body of a Qwen3"),
        (
            json!({"model_type": "qwen3", "architectures": ["EfficientDLM"]}),
            GUIDE,
            "no causal Qwen3: `architectures` names `EfficientDLM`",
        ),
        (
            json!({"model_type": "llama", "auto_map": {"AutoModelForCausalLM": "m.Denoiser"}}),
            GUIDE,
            "it has the body of a Llama, but is no causal Llama: `auto_map` names code of its own",
        ),
        (
            json!({"model_type": "qwen2"}),
            DENOISER,
            "Qwen2 is a causal language model and has no mask token, so it cannot denoise: choose a diffusion model; weights \
             that were trained to denoise must say so as `model_type` (Dream or a2d-qwen2)",
        ),
        (json!({}), GUIDE, "the Dream model is not autoregressive, so it cannot guide"),
        (json!({"vocab_size": 16, "mask_token_id": 3, "eos_token_id": 2}), DENOISER, "its vocabulary is of 16"),
        (json!({"quantization_config": {"quant_method": "awq"}}), ModelPurpose::KEEP, "quantised by `awq`"),
    ] {
        let message = refused_early(&configured(&fields), purpose);
        assert!(message.contains("config.json: ") || message.contains("tokenizer.json has the token"), "{message}");
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
}

#[test]
fn what_tokenizer_template_and_index_rule_out_costs_no_weights() {
    let missing = sharded(|places| drop(places.remove("model.layers.1.self_attn.k_proj.weight")));
    let other = sharded(|places| {
        places.insert("model.layers.0.self_attn.q_norm.weight".to_owned(), json!("model-1.safetensors"));
    });
    for (model, expected) in [
        (without_mask(), "names no mask token"),
        (with_file("tokenizer.json", "{}"), "tokenizer.json"),
        (with_file("chat_template.jinja", "{% if %}"), "line 1 of the chat template is not valid"),
        (
            missing,
            "model.safetensors.index.json has no tensor `model.layers.1.self_attn.k_proj.weight` of shape [16, 16]",
        ),
        (other, "has a tensor `model.layers.0.self_attn.q_norm.weight` that the Dream architecture does not know"),
    ] {
        let message = refused_early(&model, DENOISER);
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
}

/// Another program may know what to do with it, or the run that it is downloaded for says what is missing.
#[test]
fn what_a_run_could_make_up_for_does_not_rule_out_a_model_that_is_kept() {
    let raw = ModelPurpose { chats: false, ..DENOISER };
    for (model, purpose) in [
        (without_mask(), ModelPurpose::KEEP),
        (with_file("chat_template.jinja", "{% if %}"), ModelPurpose::KEEP),
        (with_file("chat_template.jinja", "{% if %}"), raw),
        (configured(&json!({"model_type": "qwen2"})), ModelPurpose::KEEP),
    ] {
        let (server, cache) = (model.serve(), Folder::new());
        fetch(&hub(&server, &cache).with_purpose(purpose), REPO).unwrap();
    }
}

/// The sentence that refuses a model after the first bytes of its weights, of which nothing is kept.
fn refused_at_first_bytes(model: &Model, name: &str, purpose: ModelPurpose) -> String {
    let (server, cache) = (model.serve(), Folder::new());
    let mut most = 0;
    let refused = hub(&server, &cache).with_purpose(purpose).fetch(&super::model(name), &mut |progress| {
        if let Progress::Downloading { done, .. } = progress {
            most = most.max(*done);
        }
        ControlFlow::Continue(())
    });
    let message = refused.unwrap_err().to_string();
    assert!(most < 4 << 20, "{most} bytes came: {message}");
    for entry in fs::read_dir(folder(&cache).join("blobs")).unwrap() {
        assert!(entry.unwrap().metadata().unwrap().len() < 4 << 20);
    }
    assert!(!folder(&cache).join("refs/main").exists());
    message
}

/// Names, types of numbers and shapes.
type Tensors = Vec<(String, &'static str, Vec<usize>)>;

/// A safetensors file of these tensors, all zero.
fn stored(tensors: &[(String, &'static str, Vec<usize>)]) -> Vec<u8> {
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    for (name, dtype, shape) in tensors {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        header.insert(name.clone(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
    }
    let header = Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + end, 0);
    file
}

#[test]
fn the_header_of_the_weights_is_judged_before_the_rest_comes() {
    let weights = sound().files["model.safetensors"].clone();
    let (_, metadata) = SafeTensors::read_metadata(&weights).unwrap();
    let large = "model.embed_tokens.weight";
    let tensors = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors: Tensors =
            metadata.tensors().iter().map(|(name, info)| (name.clone(), "F32", info.shape.clone())).collect();
        tensors.sort();
        change(&mut tensors);
        stored(&tensors)
    };
    let reshape = |name: &'static str, shape: Vec<usize>| {
        move |tensors: &mut Tensors| {
            tensors.iter_mut().find(|(found, ..)| found == name).unwrap().2.clone_from(&shape);
        }
    };
    let page = b"<!doctype html>".repeat(600_000);
    let cases = [
        (tensors(&reshape(large, vec![1 << 18, 16])), format!("tensor `{large}` has shape [262144, 16], expected [")),
        (
            tensors(&|tensors| tensors.push(("vision.weight".to_owned(), "F32", vec![1 << 18, 16]))),
            "has a tensor `vision.weight` that the Dream architecture does not know, the only one".to_owned(),
        ),
        (
            tensors(&|tensors| {
                tensors.retain(|(name, ..)| name != large);
                tensors.push(("wide".to_owned(), "F32", vec![1 << 18, 16]));
            }),
            format!("model.safetensors has no tensor `{large}` of shape ["),
        ),
        (
            tensors(&|tensors| {
                tensors.iter_mut().find(|(name, ..)| name == large).unwrap().1 = "I32";
                tensors.push(("wide".to_owned(), "F32", vec![1 << 18, 16]));
            }),
            format!("tensor `{large}` is stored as I32, expected F32, F16 or BF16"),
        ),
        (page, "model.safetensors is not a safetensors file: its header would be ".to_owned()),
        ([tensors(&|_| {}), vec![0; 8 << 20]].concat(), "but its header describes".to_owned()),
    ];
    for (weights, expected) in cases {
        assert!(weights.len() > 8 << 20);
        let mut model = sound();
        model.files.insert("model.safetensors".to_owned(), weights);
        let message = refused_at_first_bytes(&model, REPO, ModelPurpose::KEEP);
        assert!(message.contains(&expected), "{message}, expected {expected}");
    }
}

#[test]
fn the_header_of_a_gguf_file_is_judged_before_the_rest_comes() {
    let folder = Folder::new();
    let mut gguf = fs::read(models::untrained_gguf(&folder)).unwrap();
    gguf.resize(gguf.len() + (8 << 20), 0);
    let name = "owner/tiny/m.gguf";
    let replaced = |from: &[u8], to: &[u8]| {
        let at = gguf.windows(from.len()).position(|bytes| bytes == from).unwrap();
        let mut changed = gguf.clone();
        changed[at..at + to.len()].copy_from_slice(to);
        Model::new(REPO, &[("m.gguf", &changed)])
    };
    for (model, purpose, expected) in [
        (replaced(b"dream", b"mamba"), ModelPurpose::KEEP, "architecture `mamba` is not supported"),
        (
            replaced(b"output_norm.weight", b"output_morn.weight"),
            ModelPurpose::KEEP,
            "has no tensor `output_norm.weight`",
        ),
        (
            replaced(b"dream.block_count", b"dream.clock_count"),
            ModelPurpose::KEEP,
            "field `dream.block_count` is missing",
        ),
        (Model::new(REPO, &[("m.gguf", &gguf)]), GUIDE, "the Dream model is not autoregressive, so it cannot guide"),
        (
            Model::new(REPO, &[("m.gguf", &gguf)]),
            DENOISER,
            "m.gguf contains no vocabulary; put the model's tokenizer.json beside it",
        ),
    ] {
        let message = refused_at_first_bytes(&model, name, purpose);
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
    let kept = Model::new(REPO, &[("m.gguf", &gguf)]);
    let (server, cache) = (kept.serve(), Folder::new());
    assert!(fetch(&hub(&server, &cache).with_purpose(ModelPurpose::KEEP), name).is_ok());
}

#[test]
fn what_is_taken_up_again_is_judged_too() {
    let mut model = sound();
    let weights = stored(&[("wide".to_owned(), "F32", vec![1 << 19, 16])]);
    model.files.insert("model.safetensors".to_owned(), weights.clone());
    let (server, cache) = (model.serve(), Folder::new());
    let blob = weights_blob(&cache, &weights);
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(incomplete(&blob), &weights[..1 << 20]).unwrap();
    let message = refusal(&hub(&server, &cache).with_purpose(DENOISER), REPO);
    assert!(message.contains("has no tensor `model.embed_tokens.weight`"), "{message}");
    assert!(!server.seen().iter().any(|request| request.is_get("model.safetensors")));
    assert!(!incomplete(&blob).exists());
}

#[test]
fn weights_that_only_pytorch_reads_are_named() {
    let mut model = sound();
    model.files.remove("model.safetensors");
    model.files.insert("pytorch_model.bin".to_owned(), vec![0; 10]);
    let (server, cache) = (model.serve(), Folder::new());
    assert_eq!(
        refusal(&hub(&server, &cache), REPO),
        "owner/tiny has no weights that can be loaded: expected config.json with model.safetensors (or its index), or one \
         .gguf file; there is pytorch_model.bin, a format of PyTorch that can run code: convert it to safetensors, or take \
         another copy"
    );
}
