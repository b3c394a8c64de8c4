//! Answers of a hub on the loopback interface, some of them lies. An input lists them:
//!
//! ```text
//! [{"on": "GET config.json", "status": 200, "headers": {"ETag": "x"}, "body": "{}"}, …]
//! ```
//!
//! A request takes the first answer whose method and end of path fit; where none does, the hub is an honest one.
//! `{self}` and `{other}` in a header stand for the addresses of the hub and of another server.

use std::{fs, ops::ControlFlow, path::Path, time::Duration};

use diffuscope::model::{
    hub::{Hub, HubSettings},
    source::HubModel,
};
use serde_json::Value;

use super::{Execute, Target, chain};
use crate::{
    hub_server::{Model, Reply, RunRequest, Server},
    mutate::{Format, Language},
};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "on", "status", "headers", "body", "cut", "GET", "HEAD", "GET config.json", "HEAD config.json",
    "GET model.safetensors", "HEAD model.safetensors", "GET revision/main", "GET tokenizer.json",
    "HEAD model.safetensors.index.json", "ETag", "X-Linked-Etag", "X-Linked-Size", "X-Repo-Commit", "X-Error-Code",
    "Content-Length", "Content-Range", "Content-Encoding", "gzip", "Transfer-Encoding", "chunked", "Location",
    "{self}/storage/config.json", "{other}/x", "/storage/config.json", "Retry-After", "GatedRepo", "RepoNotFound",
    "EntryNotFound", "RevisionNotFound", "bytes 0-1/2", "../../x", "file:///x",
    "0123456789abcdef0123456789abcdef01234567", "siblings", "rfilename", "sha",
];

pub const HUB: Target = Target {
    name: "hub",
    format: Format::Json,
    language: Language { words: WORDS, phrase: None },
    longest: 16 << 10,
    open,
};

const TOKEN: &str = "hf_secret";

fn open(folder: &Path) -> Execute {
    let folder = folder.join("home");
    fs::create_dir_all(&folder).unwrap();
    Box::new(move |input| match serde_json::from_slice(input) {
        Ok(answers) => fetch(&folder, answers),
        Err(error) => error.to_string(),
    })
}

/// What the hub has where it does not lie.
fn model() -> Model {
    let config = br#"{"model_type": "llada"}"#;
    let files: [(&str, &[u8]); 4] = [
        ("config.json", config),
        ("tokenizer.json", b"{}"),
        ("tokenizer_config.json", b"{}"),
        ("model.safetensors", b"12345678"),
    ];
    Model::new("owner/tiny", &files)
}

fn fetch(folder: &Path, answers: Value) -> String {
    let other = Server::start(|_, _| Reply::new(404));
    let address = other.url();
    let honest = model();
    let hub =
        Server::start(move |request, _| answer(&answers, request, &address).unwrap_or_else(|| honest.answer(request)));
    let settings = HubSettings {
        endpoint: hub.url(),
        cache: folder.join("hub"),
        token: Some(TOKEN.to_owned()),
        offline: false,
        proxy: None,
        no_proxy: String::new(),
        certificates: Vec::new(),
        silence: Duration::from_millis(500),
        pause: Duration::ZERO,
        // A hub may ask for minutes.
        sleep: |_| {},
    };
    let model: HubModel = "owner/tiny".parse().unwrap();
    let outcome = match Hub::new(settings).fetch(&model, &mut |_| ControlFlow::Continue(())) {
        Ok(fetched) => {
            assert!(fetched.path.starts_with(folder), "{fetched:?}");
            "fetched".to_owned()
        }
        Err(error) => chain(&error),
    };
    let leaked = other.seen().iter().any(|request| request.headers.values().any(|value| value.contains(TOKEN)));
    assert!(!leaked, "the token went to another server");
    let beside: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(beside.iter().all(|name| name == "hub"), "{beside:?}");
    let _ = fs::remove_dir_all(folder.join("hub"));
    outcome
}

/// The first answer that fits a request.
fn answer(answers: &Value, request: &RunRequest, other: &str) -> Option<Reply> {
    let fits = |answer: &&Value| {
        let on = answer["on"].as_str().and_then(|on| on.split_once(' '));
        on.is_some_and(|(method, path)| request.method == method && request.path.ends_with(path))
    };
    let answer = answers.as_array()?.iter().find(fits)?;
    let body = answer["body"].as_str().unwrap_or_default();
    let mut reply = Reply::new(answer["status"].as_u64().unwrap_or(200) as u16).body(body);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let host = request.header("host").unwrap_or_default();
        let value = value.replace("{self}", &format!("http://{host}")).replace("{other}", other);
        reply = reply.header(&local(name), local(&value));
    }
    if let Some(cut) = answer["cut"].as_u64() {
        reply = reply.cut((cut as usize).min(body.len()));
    }
    Some(reply)
}

/// Nothing here leaves this machine: whatever could be read as another host becomes a port of this one, where nobody
/// listens.
fn local(text: &str) -> String {
    let is_local = |rest: &str| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        host.strip_prefix("127.0.0.1:").is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = text.split("//");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| text + if is_local(rest) { "//" } else { "//127.0.0.1:9/" } + rest)
}
