//! `diffuscope models`, and models of the hub without a screen: the real program against a hub on the loopback interface.

#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used)]

mod hub_server;
mod support;

use std::{fs, path::Path, process::Command};

use diffuscope::model::known::{KNOWN, ModelRole};
use hub_server::{COMMIT, Model, Reply, Server};
use serde_json::Value;
use support::{
    files::Folder,
    models::{untrained_pair, vocabulary},
    program::{self, refusal, stderr, stdout, succeed},
};

const PROMPT: &str = "Reverse this list: Max, Leo, Ruth";
const REPO: &str = "owner/tiny";

/// The program with a cache of its own and a hub that is not there unless one is named.
fn program(cache: &Folder) -> Command {
    let mut command = program::program();
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("HF_") || name.contains("HUGGING")) {
            command.env_remove(name);
        }
    }
    command.env("HF_HOME", cache.path("hf")).env("HF_ENDPOINT", hub_server::nobody());
    command
}

/// The last sentence of a command that refuses; those before it say what was tried.
fn refuse(command: &mut Command) -> String {
    refusal(command).lines().last().unwrap().strip_prefix("diffuscope: ").unwrap().to_owned()
}

/// An untrained denoiser as a model of the hub.
fn denoiser(folder: &Folder) -> Model {
    untrained_pair(folder);
    let read = |name: &str| fs::read(folder.path("denoiser").join(name)).unwrap();
    let (config, tokenizer, weights) = (read("config.json"), read("tokenizer.json"), read("model.safetensors"));
    Model::new(REPO, &[("config.json", &config), ("tokenizer.json", &tokenizer), ("model.safetensors", &weights)])
}

#[test]
fn a_model_is_pulled_listed_and_run_offline() {
    let folder = Folder::new();
    let model = denoiser(&folder);
    let server = model.serve();
    let output =
        program(&folder).args(["models", "pull", "hf:owner/tiny"]).env("HF_ENDPOINT", server.url()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let snapshot = folder.path("hf/hub/models--owner--tiny/snapshots").join(COMMIT);
    assert_eq!(stdout(&output), format!("{}\n", snapshot.display()));
    let printed = stderr(&output);
    assert!(printed.contains("downloading owner/tiny, ") && printed.contains("hf:owner/tiny: "), "{printed}");

    let again =
        succeed(program(&folder).args(["models", "pull", "hf:owner/tiny", "--json"]).env("HF_ENDPOINT", server.url()));
    let again: Value = serde_json::from_str(&again).unwrap();
    let bytes: usize = model.files.values().map(Vec::len).sum();
    assert_eq!((&again["bytes"], &again["downloaded"]), (&bytes.into(), &0.into()));
    assert_eq!((&again["commit"], &again["source"]), (&COMMIT.into(), &"hf:owner/tiny".into()));

    let listed: Value = serde_json::from_str(&succeed(program(&folder).args(["models", "--json"]))).unwrap();
    let item = listed["models"].as_array().unwrap().iter().find(|item| item["source"] == "hf:owner/tiny").unwrap();
    assert_eq!((&item["here"], &item["role"]), (&true.into(), &"denoiser".into()));
    assert_eq!(item["path"], snapshot.to_str().unwrap());
    assert!(item["parameters"].as_u64() > Some(1000) && item["memory"].as_u64() > Some(4000));

    let run = succeed(program(&folder).args([
        "run",
        "--model",
        "hf:owner/tiny",
        "--offline",
        "--prompt",
        PROMPT,
        "--json",
        "--gen-length",
        "8",
    ]));
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!((&run["guide_forwards"], &run["gen_length"]), (&0.into(), &8.into()));
}

#[test]
fn run_downloads_what_is_not_there_and_takes_up_what_broke_off() {
    let folder = Folder::new();
    let model = denoiser(&folder);
    let broken = Server::start({
        let model = model.clone();
        move |request, _| {
            let reply = model.answer(request);
            if request.is_get("model.safetensors") {
                let most = if request.start() == 0 { 5000 } else { 0 };
                reply.cut(most)
            } else {
                reply
            }
        }
    });
    let run = |endpoint: &str| {
        let mut command = program(&folder);
        command.args(["run", "--model", "hf:owner/tiny", "--prompt", PROMPT, "--gen-length", "8", "--json"]);
        command.env("HF_ENDPOINT", endpoint);
        command
    };
    let size = model.files["model.safetensors"].len();
    let message = refuse(&mut run(&broken.url()));
    assert!(message.starts_with(&format!("the connection broke after 5000 of {size} bytes")), "{message}");
    let server = model.serve();
    succeed(&mut run(&server.url()));
    let starts: Vec<_> = server
        .seen()
        .iter()
        .filter(|request| request.is_get("model.safetensors"))
        .map(hub_server::RunRequest::start)
        .collect();
    assert_eq!(starts, [5000]);
}

#[test]
fn models_of_the_hub_that_cannot_be_had_are_refused() {
    let folder = Folder::new();
    let run = |source: &str, more: &[&str]| {
        let mut command = program(&folder);
        command.args(["run", "--prompt", PROMPT, "--model", source]).args(more);
        command
    };
    assert_eq!(
        refuse(&mut run("hf:owner", &[])),
        "invalid value 'hf:owner' for '--model <SOURCE>': `hf:owner` names no model: on the hub it is owner/name; a \
         model is embedded, a folder, a .gguf file or hf:owner/name[@revision]; `diffuscope --help` lists commands and options"
    );
    let offline = refuse(&mut run("hf:owner/tiny", &["--offline"]));
    assert!(offline.starts_with("owner/tiny is not whole in the cache ") && offline.contains("--offline"), "{offline}");
    assert_eq!(refuse(run("hf:owner/tiny", &[]).env("HF_HUB_OFFLINE", "1")), offline);
    assert!(refuse(&mut run("hf:owner/tiny", &[])).contains("cannot be reached ("));
    let odd = refuse(run("hf:owner/tiny", &[]).env("HF_ENDPOINT", "gopher://hub"));
    assert_eq!(odd, "HF_ENDPOINT is `gopher://hub`: it must be an address that begins with https:// or http://");
    let nothing = succeed(program(&folder).args(["models"]).env("HF_ENDPOINT", "gopher://hub"));
    assert!(nothing.contains("the hub: HF_ENDPOINT is `gopher://hub`"), "{nothing}");
    assert_eq!(
        refuse(program(&folder).args(["models", "pull", "embedded"])),
        "embedded is no model of the hub: name one as hf:owner/name[@revision]"
    );
    let page = refuse(&mut run("https://huggingface.co/owner/tiny/tree/main", &["--offline"]));
    assert_eq!(page, offline, "the address of its page is the model");
    let quantisation = refuse(&mut run("hf:owner/tiny:Q4_K_M", &[]));
    assert!(quantisation.contains("`Q4_K_M` is no name of a file, which has to be written whole"), "{quantisation}");
    let gated = Server::start(|_, _| Reply::new(401).header("X-Error-Code", "GatedRepo"));
    let message = refuse(run("hf:owner/tiny", &[]).env("HF_ENDPOINT", gated.url()));
    assert!(message.starts_with("owner/tiny is gated: accept its terms at "), "{message}");
}

#[test]
fn what_cannot_fit_is_refused_before_it_is_downloaded() {
    let folder = Folder::new();
    let model = denoiser(&folder);
    let server = Server::start({
        let model = model.clone();
        move |request, _| {
            let reply = model.answer(request);
            if request.method == "HEAD" && request.path.ends_with("model.safetensors") {
                return Reply::new(200).header("ETag", "\"x\"").header("Content-Length", "4000000000000000");
            }
            reply
        }
    });
    let mut command = program(&folder);
    command.args(["run", "--model", "hf:owner/tiny", "--prompt", PROMPT]).env("HF_ENDPOINT", server.url());
    let message = refuse(&mut command);
    assert!(message.starts_with("owner/tiny needs about 4000000 GB of memory, and the cpu has "), "{message}");
    let advice = ": choose an 8- or 4-bit GGUF file of it, a smaller model, or load it all the same with --overcommit";
    assert!(message.ends_with(advice), "{message}");
    assert!(server.seen().iter().all(|request| !request.is_get("model.safetensors")));
}

/// What a run warns of, beside its answer and its figures.
fn warnings_of(command: &mut Command) -> String {
    let output = command.args(["--prompt", PROMPT, "--device", "cpu"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stderr(&output).split_inclusive('\n').filter(|line| line.starts_with("diffuscope: ")).collect()
}

#[test]
fn a_denoiser_without_a_chat_template_is_reported_in_one_line() {
    let folder = Folder::new();
    untrained_pair(&folder);
    let template = folder.path("denoiser/chat_template.jinja");
    let text = fs::read(&template).unwrap();
    fs::remove_file(&template).unwrap();
    let run =
        |more: &[&str]| warnings_of(program(&folder).args(["run", "--model"]).arg(folder.path("denoiser")).args(more));
    let expected = "diffuscope: denoiser has no chat template, so prompts are read as they are, which instruction-tuned \
                    models answer badly: --raw says that this is meant\n";
    assert_eq!(run(&[]), expected);
    assert_eq!(run(&["--raw"]), "");
    assert_eq!(warnings_of(program(&folder).arg("run")), "", "the embedded denoiser has one");
    fs::write(template, text).unwrap();
    assert_eq!(run(&[]), "");
}

#[test]
fn a_part_of_a_snapshot_is_reported_and_completed() {
    let folder = Folder::new();
    let mut model = denoiser(&folder);
    model.files.insert("chat_template.jinja".into(), b"{{ messages[0].content }}".to_vec());
    model.files.insert("added_tokens.json".into(), b"{}".to_vec());
    let server = model.serve();
    let pull = || succeed(program(&folder).args(["models", "pull", "hf:owner/tiny"]).env("HF_ENDPOINT", server.url()));
    let run = || warnings_of(program(&folder).args(["run", "--offline", "--model", "hf:owner/tiny"]));
    let is_partial = || {
        let listed: Value = serde_json::from_str(&succeed(program(&folder).args(["models", "--json"]))).unwrap();
        let item = listed["models"].as_array().unwrap().iter().find(|item| item["source"] == "hf:owner/tiny").cloned();
        item.unwrap()["partial"].as_bool().unwrap()
    };
    pull();
    assert_eq!((run(), is_partial()), (String::new(), false));
    // As a program leaves it that fetches configuration, tokenizer and weights alone.
    let repo = folder.path("hf/hub/models--owner--tiny");
    fs::remove_dir_all(repo.join(".no_exist")).unwrap();
    fs::remove_file(repo.join("snapshots").join(COMMIT).join("added_tokens.json")).unwrap();
    let printed = run();
    assert!(
        printed.starts_with("diffuscope: the hub's cache may lack files of owner/tiny (generation_config.json, "),
        "{printed}"
    );
    assert!(
        printed.ends_with("added_tokens.json): `diffuscope models pull hf:owner/tiny` completes it\n"),
        "{printed}"
    );
    fs::remove_file(repo.join("snapshots").join(COMMIT).join("chat_template.jinja")).unwrap();
    assert_eq!(
        run(),
        "diffuscope: owner/tiny has no chat template in the hub's cache, so prompts are read as they are: `diffuscope \
         models pull hf:owner/tiny` completes it\n"
    );
    assert!(is_partial());
    assert!(succeed(program(&folder).arg("models")).contains("here in part: small files, a chat template among them"));
    pull();
    assert_eq!((run(), is_partial()), (String::new(), false));
}

#[test]
fn what_cannot_fit_is_refused_before_it_is_read() {
    let folder = Folder::new();
    untrained_pair(&folder);
    let weights = folder.path("denoiser/model.safetensors");
    enlarge(&weights, 1 << 42);
    let run = |more: &[&str]| {
        let mut command = program(&folder);
        command.args(["run", "--prompt", PROMPT, "--device", "cpu", "--model"]).arg(folder.path("denoiser")).args(more);
        command.output().unwrap()
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    let printed = stderr(&output);
    assert_eq!(printed.lines().count(), 1, "{printed}");
    assert!(printed.starts_with("diffuscope: denoiser needs about 4398 GB of memory, and the cpu has "), "{printed}");
    // All the same: now the tensor that belongs to nothing is what is wrong.
    let printed = stderr(&run(&["--overcommit"]));
    assert!(
        printed.contains("denoiser takes about 4398 GB of the ") && printed.contains("it may be slow, or fail"),
        "{printed}"
    );
    assert!(printed.lines().last().unwrap().contains("huge"), "{printed}");
}

/// What `run` says of an untrained denoiser's folder after a change to it.
fn refused_after(change: impl FnOnce(&Path)) -> (String, Folder) {
    let folder = Folder::new();
    untrained_pair(&folder);
    change(&folder.path("denoiser"));
    let message = refuse(program(&folder).args(["run", "--prompt", PROMPT, "--model"]).arg(folder.path("denoiser")));
    (message, folder)
}

#[test]
fn a_folder_without_weights_is_refused_with_what_it_holds_and_what_to_do() {
    let index = "model.safetensors.index.json";
    for (there, expected) in [
        (
            "pytorch_model.bin",
            "there is pytorch_model.bin, a format of PyTorch that can run code: convert it to safetensors",
        ),
        (
            "model-00001-of-00002.safetensors",
            "there is model-00001-of-00002.safetensors, and model.safetensors.index.json is missing",
        ),
        (
            "adapter_model.safetensors",
            "there is adapter_model.safetensors, an adapter, which changes another model: merge it",
        ),
        ("other.safetensors", "there is other.safetensors: if these are the weights, rename it to model.safetensors"),
        ("training_args.bin", "get them from where the configuration came from"),
    ] {
        let (message, folder) = refused_after(|denoiser| {
            fs::rename(denoiser.join("model.safetensors"), denoiser.join(there)).unwrap();
        });
        let start =
            format!("{} holds no weights that can be read (model.safetensors", folder.path("denoiser").display());
        assert!(message.starts_with(&start) && message.contains(expected), "{message}");
    }
    #[cfg(unix)]
    for name in ["model.safetensors", index] {
        let (message, _folder) = refused_after(|denoiser| {
            fs::remove_file(denoiser.join("model.safetensors")).unwrap();
            std::os::unix::fs::symlink("nowhere", denoiser.join(name)).unwrap();
        });
        assert!(message.ends_with(&format!(": {name} is a link to a file that is not there")), "{message}");
    }
}

#[test]
fn a_pointer_of_git_lfs_is_distinguished_from_the_file_it_stands_for() {
    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    for file in [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "chat_template.jinja",
    ] {
        let (message, folder) = refused_after(|denoiser| fs::write(denoiser.join(file), POINTER).unwrap());
        let path = folder.path("denoiser").join(file);
        // A template is read when a prompt is laid out.
        let message = message.strip_prefix("the prompt cannot be encoded: ").unwrap_or(&message);
        assert!(message.starts_with(&path.display().to_string()), "{message}");
        assert!(
            message.contains("is a Git LFS pointer, not the file itself: fetch that with `git lfs pull`"),
            "{message}"
        );
    }
    for file in ["model.safetensors.index.json", "vocab.json", "merges.txt", "added_tokens.json"] {
        let (message, _folder) = refused_after(|denoiser| {
            let gone = if file.starts_with("model") { "model.safetensors" } else { "tokenizer.json" };
            fs::remove_file(denoiser.join(gone)).unwrap();
            fs::write(denoiser.join("tokenizer_config.json"), r#"{"tokenizer_class": "DreamTokenizer"}"#).unwrap();
            for (name, content) in [("vocab.json", "{}"), ("merges.txt", "")] {
                fs::write(denoiser.join(name), content).unwrap();
            }
            fs::write(denoiser.join(file), POINTER).unwrap();
        });
        assert!(message.contains(file) && message.contains("is a Git LFS pointer"), "{message}");
    }
    let folder = Folder::new();
    let gguf = folder.write("x.gguf", POINTER);
    let message = refuse(program(&folder).args(["run", "--prompt", PROMPT, "--model"]).arg(&gguf));
    assert!(message.starts_with(&format!("{} is a Git LFS pointer", gguf.display())), "{message}");
}

#[test]
fn tensors_under_other_names_are_refused_with_the_prefix() {
    for (renamed, expected) in [
        (
            (|name: &str| format!("base_model.model.{name}")) as fn(&str) -> String,
            "but `base_model.model.model.embed_tokens.weight`: its names begin with `base_model.model.`, as where PEFT saves a \
             model with its adapter",
        ),
        (
            |name| format!("_orig_mod.{name}"),
            "its names begin with `_orig_mod.`, as where a model is saved that was compiled",
        ),
        (|name| format!("module.{name}"), "its names begin with `module.`, as where a wrapper saves what it wraps"),
        (
            |name| name.trim_start_matches("model.").to_owned(),
            "but `embed_tokens.weight`: its names lack the `model.` before them",
        ),
    ] {
        let (message, _folder) = refused_after(|denoiser| {
            let path = denoiser.join("model.safetensors");
            let bytes = fs::read(&path).unwrap();
            let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            let tensors = tensors.iter().map(|(name, tensor)| (renamed(name), tensor));
            fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
        });
        assert!(
            message.contains("model.safetensors has no tensor `model.embed_tokens.weight` of shape ["),
            "{message}"
        );
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_token_without_a_row_is_refused_before_anything_is_read() {
    let (message, folder) = refused_after(|denoiser| {
        let path = denoiser.join("tokenizer.json");
        let mut tokenizer = tokenizers::Tokenizer::from_file(&path).unwrap();
        let more = (0..64).map(|index| tokenizers::AddedToken::from(format!("<|x{index}|>"), true));
        tokenizer.add_special_tokens(more).unwrap();
        tokenizer.save(&path, false).unwrap();
    });
    let size = vocabulary().size;
    let (id, rows) = (size + 63, vocabulary().padded);
    let expected = format!(
        "{} has the token `<|x63|>` (id {id}), for which the network has no row: its vocabulary is of {rows}; ",
        folder.path("denoiser/tokenizer.json").display()
    );
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn an_id_that_no_network_has_costs_nothing() {
    let (message, folder) = refused_after(|denoiser| {
        fs::remove_file(denoiser.join("tokenizer.json")).unwrap();
        let config = r#"{"tokenizer_class": "DreamTokenizer", "eos_token": "</s>"}"#;
        let files = [("tokenizer_config.json", config), ("vocab.json", r#"{"</s>": 0}"#), ("merges.txt", "")];
        for (name, content) in files.into_iter().chain([("added_tokens.json", r#"{"<|mask|>": 4294967295}"#)]) {
            fs::write(denoiser.join(name), content).unwrap();
        }
    });
    let place = folder.path("denoiser/vocab.json");
    let expected =
        format!("{} has the token `<|mask|>` (id 4294967295), for which the network has no row", place.display());
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn a_damaged_tokenizer_is_no_bug_of_this_program() {
    for damaged in [
        r#"{"decoder":{"type":"#,
        r#"{"normalizer":{"type":"Precompiled"}}"#,
        r#"{"model":{"merges":["a b"],"vocab":{"a":4,"b":5}}}"#,
    ] {
        let (message, folder) = refused_after(|denoiser| fs::write(denoiser.join("tokenizer.json"), damaged).unwrap());
        let place = folder.path("denoiser/tokenizer.json").display().to_string();
        assert!(message.starts_with(&place) && message.ends_with("get the file again"), "{message}");
        assert!(!message.contains("bug"), "{message}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn paths_need_not_be_text() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let folder = Folder::new();
    let model = denoiser(&folder);
    let odd = folder.root().join(OsStr::from_bytes(b"n\xFF"));
    fs::rename(folder.path("denoiser"), &odd).unwrap();
    let run =
        succeed(program(&folder).args(["run", "--prompt", PROMPT, "--gen-length", "8", "--json", "--model"]).arg(&odd));
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(run["gen_length"], 8);

    let server = model.serve();
    let json = |args: &[&str]| -> Value {
        let mut command = program(&folder);
        command.args(args).env("HF_HOME", &odd).env("HF_ENDPOINT", server.url());
        serde_json::from_str(&succeed(&mut command)).unwrap()
    };
    let shown = odd.to_string_lossy();
    let pulled = json(&["models", "pull", "hf:owner/tiny", "--json"]);
    assert!(pulled["path"].as_str().unwrap().starts_with(&*shown), "{pulled}");
    let listed = json(&["models", "--json"]);
    assert_eq!(listed["cache"].as_str().unwrap(), format!("{shown}/hub"));
    assert!(listed["models"].as_array().unwrap().iter().any(|item| item["path"] == pulled["path"]));
}

/// Adds a tensor `huge` of so many bytes to a safetensors file, which takes no room on the disk.
fn enlarge(path: &Path, bytes: u64) {
    let old = fs::read(path).unwrap();
    let length = u64::from_le_bytes(old[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&old[8..8 + length]).unwrap();
    let data = &old[8 + length..];
    let start = data.len() as u64;
    header["huge"] = serde_json::json!({"dtype": "F32", "shape": [bytes / 4], "data_offsets": [start, start + bytes]});
    let mut text = header.to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let new = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), data].concat();
    fs::write(path, &new).unwrap();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(new.len() as u64 + bytes).unwrap();
}

#[test]
fn the_list_names_every_known_model_with_what_it_takes() {
    let folder = Folder::new();
    let text = succeed(program(&folder).arg("models"));
    let json: Value = serde_json::from_str(&succeed(program(&folder).args(["models", "--json"]))).unwrap();
    let models = json["models"].as_array().unwrap();
    for known in KNOWN {
        let line = text.lines().find(|line| line.starts_with(known.source)).unwrap();
        assert!(line.contains('B') && !line.contains("here"), "{line}");
        assert!(text.contains(known.what));
        let item = models.iter().find(|item| item["source"] == known.source).unwrap();
        assert_eq!(item["role"], if known.role == ModelRole::Guide { "guide" } else { "denoiser" });
        assert_eq!((&item["parameters"], &item["here"]), (&known.parameters.into(), &false.into()));
        assert_eq!((&item["memory_f32"], &item["memory_bf16"]), (&known.memory(4).into(), &known.memory(2).into()));
    }
    assert!(json["memory_free"].as_u64() > Some(0));
    assert_eq!(json["cache"], folder.path("hf/hub").to_str().unwrap());
    #[cfg(embedded_pair)]
    assert!(text.lines().any(|line| line.starts_with("embedded ") && line.ends_with("here")), "{text}");
}
