//! The client of the hub against a server on the loopback interface: what it downloads, what it keeps, what it says.

#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used)]

mod hub_server;
mod support;

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use diffuscope::model::{
    hub::{Fetched, Hub, HubError, HubSettings},
    source::{HubModel, Progress, Source},
};
use hub_server::{COMMIT, Model, Reply, Request, Server, nobody, sha256};
use proptest::prelude::*;
use support::files::Folder;

const REPO: &str = "owner/tiny";

/// Bytes that differ from each other.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 12345_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// A checkpoint: three small files and a large one of this length.
fn checkpoint(length: usize) -> Model {
    let weights = noise(length);
    let files: [(&str, &[u8]); 6] = [
        (".gitattributes", b"*.safetensors lfs"),
        ("README.md", b"# tiny"),
        ("config.json", b"{\"model_type\": \"llada\"}"),
        ("tokenizer.json", b"{}"),
        ("tokenizer_config.json", b"{}"),
        ("model.safetensors", &weights),
    ];
    Model::new(REPO, &files)
}

fn settings(server: &str, cache: &Folder) -> HubSettings {
    HubSettings {
        endpoint: server.to_owned(),
        cache: cache.path("hub"),
        token: None,
        offline: false,
        silence: Duration::from_secs(20),
        pause: Duration::ZERO,
    }
}

fn hub(server: &Server, cache: &Folder) -> Hub {
    Hub::new(settings(&server.url(), cache))
}

fn model(name: &str) -> HubModel {
    name.parse().unwrap()
}

fn fetch(hub: &Hub, name: &str) -> Result<Fetched, HubError> {
    hub.fetch(&model(name), &mut |_| ControlFlow::Continue(()))
}

/// The one sentence of a download that fails.
fn refusal(hub: &Hub, name: &str) -> String {
    let message = fetch(hub, name).unwrap_err().to_string();
    assert!(!message.contains('\n') && !message.ends_with('.'), "{message}");
    message
}

fn folder(cache: &Folder) -> PathBuf {
    cache.path("hub/models--owner--tiny")
}

fn weights_blob(cache: &Folder, content: &[u8]) -> PathBuf {
    folder(cache).join("blobs").join(sha256(content))
}

fn incomplete(blob: &Path) -> PathBuf {
    blob.with_file_name(format!("{}.incomplete", blob.file_name().unwrap().to_str().unwrap()))
}

/// Nothing of a file counts as there: no blob, no link, no reference to the commit.
fn assert_not_taken(hub: &Hub, cache: &Folder, content: &[u8]) {
    assert!(!weights_blob(cache, content).exists());
    assert!(!folder(cache).join("snapshots").join(COMMIT).join("model.safetensors").exists());
    assert!(!folder(cache).join("refs/main").exists());
    assert_eq!(hub.cached(&model(REPO)), None);
}

#[test]
fn what_is_wanted_is_downloaded_in_pythons_layout_and_found_again() {
    let tiny = checkpoint(300_000);
    let server = tiny.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    let fetched = fetch(&hub, REPO).unwrap();
    let snapshot = folder(&cache).join("snapshots").join(COMMIT);
    assert_eq!((&fetched.path, fetched.commit.as_str()), (&snapshot, COMMIT));
    let wanted = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
    let mut there: Vec<_> =
        fs::read_dir(&snapshot).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    assert_eq!(there, wanted, "nothing else is downloaded");
    for name in wanted {
        assert_eq!(fs::read(snapshot.join(name)).unwrap(), tiny.files[name], "{name}");
    }
    let bytes: usize = wanted.iter().map(|name| tiny.files[*name].len()).sum();
    assert_eq!((fetched.bytes, fetched.downloaded), (bytes as u64, bytes as u64));
    assert_eq!(fs::read_to_string(folder(&cache).join("refs/main")).unwrap(), COMMIT);
    #[cfg(unix)]
    assert_eq!(
        fs::read_link(snapshot.join("model.safetensors")).unwrap(),
        Path::new("../../blobs").join(sha256(&tiny.files["model.safetensors"]))
    );
    assert!(
        fs::read_dir(folder(&cache).join("blobs"))
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_str().unwrap().ends_with(".incomplete") })
    );

    let before = server.seen().len();
    let located =
        format!("hf:{REPO}").parse::<Source>().unwrap().locate(&|| Ok(hub.clone()), &mut |_| ControlFlow::Continue(()));
    let located = located.unwrap();
    assert_eq!((located.path, located.name.as_str()), (Some(snapshot), REPO));
    assert_eq!(server.seen().len(), before, "what is whole in the cache is taken without asking");
    let scanned: Vec<_> = hub.scan().into_iter().map(|cached| (cached.source.to_string(), cached.bytes)).collect();
    assert_eq!(scanned, [(format!("hf:{REPO}"), bytes as u64)]);
}

#[test]
fn storage_elsewhere_gets_the_bytes_asked_for_and_not_the_token() {
    let mut tiny = checkpoint(50_000);
    let storage = tiny.serve();
    tiny.storage = Some(storage.url());
    let server = Server::start({
        let tiny = tiny.clone();
        move |request, _| match request.header("authorization") {
            Some("Bearer hf_secret") => tiny.answer(request),
            _ => Reply::new(401),
        }
    });
    let cache = Folder::new();
    let hub = Hub::new(HubSettings { token: Some("hf_secret".into()), ..settings(&server.url(), &cache) });
    let fetched = fetch(&hub, REPO).unwrap();
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), tiny.files["model.safetensors"]);
    let seen = storage.seen();
    assert_eq!(seen.len(), 1, "what describes a large file comes from the hub itself");
    assert_eq!(seen[0].header("authorization"), None);
}

#[test]
fn a_model_that_moved_is_found() {
    let tiny = checkpoint(1000);
    let server = Server::start({
        let tiny = tiny.clone();
        move |request, _| match request.path.split_once("old/name") {
            Some((before, after)) => Reply::new(307).header("Location", format!("{before}{REPO}{after}")),
            None => tiny.answer(request),
        }
    });
    let cache = Folder::new();
    let fetched = fetch(&hub(&server, &cache), "old/name").unwrap();
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), tiny.files["model.safetensors"]);
    let circle = Server::start(|request, _| Reply::new(302).header("Location", &request.path));
    assert!(refusal(&hub(&circle, &cache), REPO).contains("it redirects without end"));
    let nowhere = Server::start(|_, _| Reply::new(302).header("Location", "file:///etc/passwd"));
    assert!(refusal(&hub(&nowhere, &cache), REPO).contains("cannot be used: file:///etc/passwd"));
}

#[test]
fn a_connection_cut_in_the_middle_is_taken_up_where_it_broke() {
    let tiny = checkpoint(700_000);
    let server = Server::start({
        let tiny = tiny.clone();
        move |request, before| {
            let cuts = before.iter().filter(|request| request.is_get("model.safetensors")).count();
            let reply = tiny.answer(request);
            if request.is_get("model.safetensors") && cuts < 3 { reply.cut(200_000) } else { reply }
        }
    });
    let cache = Folder::new();
    let fetched = fetch(&hub(&server, &cache), REPO).unwrap();
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), tiny.files["model.safetensors"]);
    let starts: Vec<_> =
        server.seen().iter().filter(|request| request.is_get("model.safetensors")).map(Request::start).collect();
    assert_eq!(starts, [0, 200_000, 400_000, 600_000]);
    assert_eq!(fetched.downloaded, fetched.bytes, "no byte came twice");
}

#[test]
fn a_download_that_broke_off_goes_on_the_next_time() {
    let tiny = checkpoint(400_000);
    let content = tiny.files["model.safetensors"].clone();
    let cache = Folder::new();
    // The first connection brings a part, the others nothing.
    let broken = Server::start({
        let tiny = tiny.clone();
        move |request, _| {
            let reply = tiny.answer(request);
            if !request.is_get("model.safetensors") {
                return reply;
            }
            reply.cut(if request.start() == 0 { 150_000 } else { 0 })
        }
    });
    let first = hub(&broken, &cache);
    let message = refusal(&first, REPO);
    assert!(
        message.starts_with("the connection broke after 150000 of 400000 bytes of model.safetensors ("),
        "{message}"
    );
    assert!(message.ends_with("): try again, and it goes on from there"), "{message}");
    assert_not_taken(&first, &cache, &content);
    assert_eq!(fs::read(incomplete(&weights_blob(&cache, &content))).unwrap(), content[..150_000]);

    let sound = tiny.serve();
    let fetched = fetch(&hub(&sound, &cache), REPO).unwrap();
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), content);
    assert_eq!(fetched.downloaded, 250_000);
    assert!(!incomplete(&weights_blob(&cache, &content)).exists());
}

#[test]
fn a_server_without_ranges_sends_all_of_it_again() {
    let tiny = checkpoint(90_000);
    let content = tiny.files["model.safetensors"].clone();
    let cache = Folder::new();
    let server = Server::start({
        let tiny = tiny.clone();
        move |request, before| {
            let mut request = request.clone();
            request.headers.remove("range");
            let reply = tiny.answer(&request);
            let is_first = !before.iter().any(|request| request.is_get("model.safetensors"));
            if is_first && request.is_get("model.safetensors") { reply.cut(40_000) } else { reply }
        }
    });
    let fetched = fetch(&hub(&server, &cache), REPO).unwrap();
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), content);
}

#[test]
fn a_server_that_sends_another_part_is_asked_for_the_whole() {
    let tiny = checkpoint(90_000);
    let content = tiny.files["model.safetensors"].clone();
    for odd in [
        Reply::new(206).header("Content-Range", "bytes 7-89999/90000").body(&content[7..]),
        Reply::new(206).body(&content[40_000..]),
        Reply::new(416),
    ] {
        let cache = Folder::new();
        let server = Server::start({
            let tiny = tiny.clone();
            move |request, _| {
                let is_rest = request.is_get("model.safetensors") && request.start() > 0;
                if is_rest { odd.clone() } else { tiny.answer(request) }
            }
        });
        let hub = hub(&server, &cache);
        let blob = weights_blob(&cache, &content);
        fs::create_dir_all(blob.parent().unwrap()).unwrap();
        fs::write(incomplete(&blob), &content[..40_000]).unwrap();
        let fetched = fetch(&hub, REPO).unwrap();
        assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), content);
    }
}

#[test]
fn another_length_than_announced_is_refused_and_nothing_kept() {
    let tiny = checkpoint(60_000);
    let content = tiny.files["model.safetensors"].clone();
    let longer = [content.clone(), vec![0; 5]].concat();
    let cases = [
        (Reply::new(200).body(&content[..50_000]), 50_000),
        (Reply::new(200).body(longer.clone()), 60_005),
        // Nothing announced: the connection's end is the file's.
        (Reply::new(200).header("Transfer-Encoding", "chunked").body(chunked(&longer)), 60_005),
    ];
    for (reply, found) in cases {
        let cache = Folder::new();
        let server = Server::start({
            let tiny = tiny.clone();
            move |request, _| if request.is_get("model.safetensors") { reply.clone() } else { tiny.answer(request) }
        });
        let hub = hub(&server, &cache);
        assert_eq!(
            refusal(&hub, REPO),
            format!(
                "model.safetensors is {found} bytes long where the hub says 60000: nothing of it was kept; try again"
            )
        );
        assert_not_taken(&hub, &cache, &content);
        assert!(!incomplete(&weights_blob(&cache, &content)).exists());
    }
}

fn chunked(body: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}

#[test]
fn other_bytes_than_announced_are_refused_and_nothing_kept() {
    let tiny = checkpoint(60_000);
    let content = tiny.files["model.safetensors"].clone();
    let mut other = content.clone();
    other[30_000] ^= 1;
    let cache = Folder::new();
    let server = Server::start({
        let (tiny, other) = (tiny.clone(), other.clone());
        move |request, _| {
            if request.is_get("model.safetensors") { Reply::new(200).body(other.clone()) } else { tiny.answer(request) }
        }
    });
    let damaged = hub(&server, &cache);
    assert_eq!(
        refusal(&damaged, REPO),
        format!(
            "model.safetensors arrived damaged (SHA-256 {}, the hub says {}): nothing of it was kept; try again",
            sha256(&other),
            sha256(&content)
        )
    );
    assert_not_taken(&damaged, &cache, &content);
    // The same where what an earlier download left is the damaged part.
    let blob = weights_blob(&cache, &content);
    fs::write(incomplete(&blob), &other[..40_000]).unwrap();
    let sound = tiny.serve();
    let hub = hub(&sound, &cache);
    assert!(refusal(&hub, REPO).contains("arrived damaged"));
    assert!(!incomplete(&blob).exists(), "so that the next time begins anew");
    assert_eq!(fs::read(fetch(&hub, REPO).unwrap().path.join("model.safetensors")).unwrap(), content);
}

#[test]
fn every_refusal_of_the_hub_is_one_sentence_with_a_way_out() {
    let cache = Folder::new();
    let cases: [(u16, Option<&str>, Option<&str>, &str); 9] = [
        (
            401,
            Some("RepoNotFound"),
            None,
            "the hub URL shows no model owner/tiny: check its name, or set HF_TOKEN where it is private",
        ),
        (404, None, None, "the hub URL shows no model owner/tiny: check its name, or set HF_TOKEN where it is private"),
        (404, Some("RevisionNotFound"), None, "owner/tiny has no revision main: check it at URL/owner/tiny"),
        (
            401,
            Some("GatedRepo"),
            None,
            "owner/tiny is gated: accept its terms at URL/owner/tiny, and set HF_TOKEN to a token of that account",
        ),
        (
            403,
            Some("GatedRepo"),
            Some("hf_x"),
            "owner/tiny is gated: accept its terms at URL/owner/tiny, and check that HF_TOKEN is a token of that \
             account which may read it",
        ),
        (
            401,
            None,
            Some("hf_x"),
            "the hub URL refuses the token: check HF_TOKEN, or the token file that `hf auth login` wrote",
        ),
        (
            429,
            None,
            None,
            "the hub URL asks to be left alone for a while (status 429): try again later, or set HF_TOKEN",
        ),
        (503, None, None, "the hub URL answers with status 503: try again later"),
        (418, None, None, "the hub URL answers with status 418: try again later"),
    ];
    for (status, code, token, expected) in cases {
        let reply = Reply::new(status);
        let reply = match code {
            Some(code) => reply.header("X-Error-Code", code),
            None => reply,
        };
        let server = Server::start(move |_, _| reply.clone());
        let settings = settings(&server.url(), &cache);
        let hub = Hub::new(HubSettings { token: token.map(str::to_owned), ..settings });
        assert_eq!(refusal(&hub, REPO), expected.replace("URL", &server.url()));
    }
}

#[test]
fn a_gated_model_that_shows_its_list_is_told_at_its_first_file() {
    let tiny = checkpoint(1000);
    let server = Server::start(move |request, _| {
        if request.path.contains("/resolve/") {
            Reply::new(401).header("X-Error-Code", "GatedRepo")
        } else {
            tiny.answer(request)
        }
    });
    let cache = Folder::new();
    assert!(refusal(&hub(&server, &cache), REPO).starts_with("owner/tiny is gated: accept its terms at http://"));
}

#[test]
fn missing_revisions_and_files_are_named() {
    let tiny = checkpoint(1000);
    let server = tiny.serve();
    let cache = Folder::new();
    let whole = hub(&server, &cache);
    assert!(refusal(&whole, "owner/tiny@v9").starts_with("owner/tiny has no revision v9: "));
    assert_eq!(refusal(&whole, "owner/tiny/x.gguf"), "owner/tiny has no file x.gguf");
    let fetched = fetch(&whole, &format!("owner/tiny@{COMMIT}")).unwrap();
    assert_eq!(fetched.commit, COMMIT);
    assert!(!folder(&cache).join("refs").join(COMMIT).exists(), "a commit stands for itself");
    let without = Server::start({
        let mut listed = tiny;
        let answering = listed.clone();
        listed.files.insert("config.json".into(), Vec::new());
        move |request, _| {
            if request.path.ends_with("config.json") {
                Reply::new(404).header("X-Error-Code", "EntryNotFound")
            } else {
                answering.answer(request)
            }
        }
    });
    assert_eq!(refusal(&hub(&without, &Folder::new()), REPO), "owner/tiny has no file config.json");
}

#[test]
fn nobody_there_is_told_and_what_is_in_the_cache_works_without() {
    let tiny = checkpoint(1000);
    let cache = Folder::new();
    let url = nobody();
    let away = Hub::new(settings(&url, &cache));
    let message = refusal(&away, REPO);
    assert!(message.starts_with(&format!("the hub {url} cannot be reached (")), "{message}");
    assert!(
        message.ends_with("check the connection and HF_ENDPOINT; what is in the cache works without it"),
        "{message}"
    );
    let server = tiny.serve();
    fetch(&hub(&server, &cache), REPO).unwrap();
    drop(server);
    let source = format!("hf:{REPO}").parse::<Source>().unwrap();
    assert!(source.locate(&|| Ok(away.clone()), &mut |_| ControlFlow::Continue(())).is_ok());
}

#[test]
fn a_silent_server_does_not_hold_the_program_for_ever() {
    let server = Server::start(|_, _| Reply { silent: true, ..Reply::default() });
    let cache = Folder::new();
    let hub = Hub::new(HubSettings { silence: Duration::from_millis(50), ..settings(&server.url(), &cache) });
    assert!(refusal(&hub, REPO).contains("cannot be reached (it is silent)"));
}

#[test]
fn a_server_that_is_unwell_once_is_asked_again() {
    let tiny = checkpoint(1000);
    let server = Server::start(move |request, before| {
        let again = before.iter().any(|other| other.method == request.method && other.path == request.path);
        if again { tiny.answer(request) } else { Reply::new(502) }
    });
    let cache = Folder::new();
    assert!(fetch(&hub(&server, &cache), REPO).is_ok());
}

#[test]
fn offline_nothing_is_asked() {
    let tiny = checkpoint(1000);
    let server = tiny.serve();
    let cache = Folder::new();
    let online = hub(&server, &cache);
    let offline = online.clone().offline(true);
    assert_eq!(
        refusal(&offline, REPO),
        format!(
            "owner/tiny is not whole in the cache {}, and offline mode is on: leave --offline away and unset \
             HF_HUB_OFFLINE to download it",
            cache.path("hub").display()
        )
    );
    assert_eq!(server.seen().len(), 0);
    fetch(&online, REPO).unwrap();
    let before = server.seen().len();
    let located = format!("hf:{REPO}")
        .parse::<Source>()
        .unwrap()
        .locate(&|| Ok(offline.clone()), &mut |_| ControlFlow::Continue(()));
    assert!(located.unwrap().path.unwrap().join("config.json").is_file());
    assert_eq!(server.seen().len(), before);
}

#[test]
fn names_that_leave_the_folder_are_not_followed() {
    let evil = |name: &str| {
        let index = serde_json::json!({ "weight_map": { "a": name } }).to_string();
        let files: [(&str, &[u8]); 4] = [
            ("config.json", b"{\"model_type\": \"Dream\"}"),
            ("tokenizer.json", b"{}"),
            ("model.safetensors.index.json", index.as_bytes()),
            (name, b"evil"),
        ];
        Model::new(REPO, &files)
    };
    for name in ["../../../../evil.safetensors", "/tmp/evil.safetensors", "a/./b.safetensors", "a\\..\\b.safetensors"] {
        let cache = Folder::new();
        let server = evil(name).serve();
        let message = refusal(&hub(&server, &cache), REPO);
        assert_eq!(
            message,
            format!("owner/tiny names a file `{name}`, which is no plain path within the model: it is not downloaded")
        );
        assert!(server.seen().iter().all(|request| !request.path.contains("evil")), "{name}");
    }
    let cache = Folder::new();
    let server = Server::start(|_, _| {
        Reply::new(200).body(r#"{"sha": "../../../../../etc", "siblings": [{"rfilename": "x.gguf"}]}"#)
    });
    assert!(refusal(&hub(&server, &cache), REPO).contains("`../../../../../etc` is no commit"));
    assert!(!cache.path("hub").exists());
    let odd = Server::start({
        let tiny = checkpoint(10);
        move |request, _| match request.method.as_str() {
            "HEAD" => Reply::new(200).header("ETag", "\"../../evil\"").header("Content-Length", "5"),
            _ => tiny.answer(request),
        }
    });
    assert!(refusal(&hub(&odd, &cache), REPO).contains("no etag that could be a name"));
}

#[test]
fn answers_that_make_no_sense_are_told() {
    for (body, expected) in [
        ("<html>", "the hub's answer about owner/tiny cannot be used: expected value at line 1 column 1"),
        (r#"{"siblings": []}"#, "the hub's answer about owner/tiny cannot be used: missing field `sha`"),
    ] {
        let server = Server::start(move |_, _| Reply::new(200).body(body));
        let message = refusal(&hub(&server, &Folder::new()), REPO);
        assert!(message.starts_with(expected), "{message}");
    }
    let mut tiny = checkpoint(10);
    tiny.files.remove("model.safetensors");
    tiny.files.insert("model.safetensors.index.json".into(), b"{\"weight_map\": {\"a\": \"b.safetensors\"}}".to_vec());
    let server = tiny.serve();
    assert_eq!(refusal(&hub(&server, &Folder::new()), REPO), "owner/tiny has no file b.safetensors");
}

#[test]
fn an_architecture_that_cannot_be_run_is_told_before_its_weights_come() {
    let mut tiny = checkpoint(10_000);
    tiny.files.insert("config.json".into(), b"{\"model_type\": \"mamba\"}".to_vec());
    let server = tiny.serve();
    let message = refusal(&hub(&server, &Folder::new()), REPO);
    assert!(message.contains("config.json: architecture `mamba` is not supported (supported: "), "{message}");
    assert!(server.seen().iter().all(|request| !request.path.contains("safetensors")));
}

#[test]
fn shards_are_those_that_the_index_names() {
    let index = r#"{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors", "c": "model-1-of-2.safetensors"}}"#;
    let files: [(&str, &[u8]); 7] = [
        ("config.json", b"{\"model_type\": \"Dream\"}"),
        ("vocab.json", b"{}"),
        ("merges.txt", b""),
        ("model.safetensors.index.json", index.as_bytes()),
        ("model-1-of-2.safetensors", b"first"),
        ("model-2-of-2.safetensors", b"second"),
        ("consolidated.safetensors", b"the same once more"),
    ];
    let sharded = Model::new(REPO, &files);
    let server = sharded.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    let fetched = fetch(&hub, REPO).unwrap();
    assert!(fetched.path.join("model-2-of-2.safetensors").is_file());
    assert!(!fetched.path.join("consolidated.safetensors").exists());
    assert_eq!(hub.cached(&model(REPO)), Some(fetched.path));
}

#[test]
fn a_gguf_file_is_fetched_alone() {
    let files: [(&str, &[u8]); 3] =
        [("README.md", b"x"), ("q4/llada.gguf", b"GGUF four"), ("q8/llada.gguf", b"GGUF eight")];
    let quantised = Model::new(REPO, &files);
    let server = quantised.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    assert!(
        refusal(&hub, REPO)
            .starts_with("owner/tiny has several .gguf files: name one, as in hf:owner/tiny/q4/llada.gguf")
    );
    let fetched = fetch(&hub, "owner/tiny/q8/llada.gguf").unwrap();
    assert_eq!(fetched.path, folder(&cache).join("snapshots").join(COMMIT).join("q8/llada.gguf"));
    assert_eq!(fs::read(&fetched.path).unwrap(), b"GGUF eight");
    assert_eq!(hub.cached(&model("owner/tiny/q8/llada.gguf")), Some(fetched.path));
    assert_eq!(hub.cached(&model("owner/tiny/q4/llada.gguf")), None);
}

#[test]
fn progress_counts_every_byte_once_and_can_break_off() {
    let tiny = checkpoint(900_000);
    let content = tiny.files["model.safetensors"].clone();
    let server = tiny.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    let mut told = Vec::new();
    let broken_off = hub.fetch(&model(REPO), &mut |progress| {
        told.push(progress.clone());
        match progress {
            Progress::Downloading { file, done, .. } if file == "model.safetensors" && *done > 400_000 => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    });
    assert_eq!(broken_off.unwrap_err().to_string(), "the download was broken off; the next one goes on from there");
    assert_not_taken(&hub, &cache, &content);
    let kept = fs::metadata(incomplete(&weights_blob(&cache, &content))).unwrap().len();
    assert!(kept > 300_000, "{kept}");
    assert!(told.contains(&Progress::Found { model: REPO.into(), weights: 900_000 }));

    let mut counts = Vec::new();
    let mut is_checked = false;
    let fetched = hub.fetch(&model(REPO), &mut |progress| {
        is_checked |= matches!(progress, Progress::Checking { .. });
        if let Progress::Downloading { done, total, .. } = progress {
            counts.push((*done, *total));
        }
        ControlFlow::Continue(())
    });
    let fetched = fetched.unwrap();
    assert!(is_checked);
    assert!(counts.is_sorted_by_key(|(done, _)| *done), "{counts:?}");
    assert_eq!(counts.last(), Some(&(fetched.bytes, Some(fetched.bytes))));
    assert_eq!(fetched.downloaded, 900_000 - kept);
}

#[test]
fn a_new_commit_brings_only_what_changed() {
    let old = checkpoint(100_000);
    let mut new = old.clone();
    new.commit = "f".repeat(40);
    new.files.insert("config.json".into(), b"{\"model_type\": \"llada\", \"new\": 1}".to_vec());
    let cache = Folder::new();
    let content = old.files["model.safetensors"].clone();
    let before = old.serve();
    fetch(&hub(&before, &cache), REPO).unwrap();
    let after = new.serve();
    let hub = hub(&after, &cache);
    let fetched = fetch(&hub, REPO).unwrap();
    assert_eq!(fetched.commit, new.commit);
    assert_eq!(fetched.downloaded, new.files["config.json"].len() as u64);
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), content);
    assert_eq!(hub.cached(&model(REPO)), Some(fetched.path));
}

#[test]
fn two_programs_do_not_write_the_same_file() {
    let tiny = checkpoint(1000);
    let content = tiny.files["model.safetensors"].clone();
    let server = tiny.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    let locks = cache.path("hub/.locks/models--owner--tiny");
    fs::create_dir_all(&locks).unwrap();
    let lock = locks.join(format!("{}.lock", sha256(&content)));
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    assert_eq!(
        refusal(&hub, REPO),
        format!(
            "another program is downloading model.safetensors (it holds {}): wait until it is done",
            lock.display()
        )
    );
    drop(held);
    assert!(fetch(&hub, REPO).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever and however often connections break, and whether the server knows ranges: a file is whole or absent.
    #[test]
    fn no_half_file_is_ever_taken_for_whole(
        length in 1usize..600_000, cuts in prop::collection::vec(0usize..700_000, 0..12), ranges in any::<bool>(),
        left in prop::option::of((0usize..700_000, any::<bool>())),
    ) {
        let tiny = checkpoint(length);
        let content = tiny.files["model.safetensors"].clone();
        let cache = Folder::new();
        if let Some((left, damaged)) = left {
            let blob = weights_blob(&cache, &content);
            fs::create_dir_all(blob.parent().unwrap()).unwrap();
            let mut bytes = noise(left);
            if damaged && !bytes.is_empty() {
                bytes[left / 2] ^= 255;
            }
            fs::write(incomplete(&blob), bytes).unwrap();
        }
        let server = Server::start(move |request, before| {
            let mut request = request.clone();
            if !ranges {
                request.headers.remove("range");
            }
            let reply = tiny.answer(&request);
            let attempt = before.iter().filter(|other| other.is_get("model.safetensors")).count();
            match cuts.get(attempt).filter(|_| request.is_get("model.safetensors")) {
                Some(cut) => { let most = reply.body.len(); reply.cut((*cut).min(most)) }
                None => reply,
            }
        });
        let hub = hub(&server, &cache);
        for _ in 0..6 {
            let outcome = fetch(&hub, REPO);
            let blob = weights_blob(&cache, &content);
            if blob.exists() {
                prop_assert_eq!(&fs::read(&blob).unwrap(), &content);
            }
            prop_assert_eq!(hub.cached(&model(REPO)).is_some(), outcome.is_ok());
            if let Ok(fetched) = outcome {
                prop_assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), content);
                return Ok(());
            }
        }
        prop_assert!(false, "twelve cuts at most, and each attempt gets over several");
    }
}
