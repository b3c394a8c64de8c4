//! The client of the hub against a server on the loopback interface: what it downloads, what it keeps, what it says.

#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used)]

#[path = "hub/early.rs"]
mod early;
mod hub_server;
mod support;

use std::{
    cell::Cell,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use diffuscope::model::{
    hub::{Fetched, Hub, HubError, HubSettings, Named},
    source::{HubModel, Progress, Source},
};
use hub_server::{AUTHORITY, COMMIT, Model, Reply, RunRequest, Server, git_sha1, nobody, sha256};
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
        ("tokenizer_config.json", b"{\"model_max_length\": 64}"),
        ("model.safetensors", &weights),
    ];
    Model::new(REPO, &files)
}

thread_local! {
    /// How long the client has waited, by its own account.
    static WAITED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Lets no time pass.
fn sleep(time: Duration) {
    WAITED.set(WAITED.get() + time);
}

fn settings(server: &str, cache: &Folder) -> HubSettings {
    HubSettings {
        endpoint: server.to_owned(),
        cache: cache.path("hub"),
        token: None,
        offline: false,
        proxy: None,
        no_proxy: String::new(),
        certificates: Vec::new(),
        silence: Duration::from_secs(20),
        pause: Duration::ZERO,
        sleep,
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
            Some("Bearer hf_secret") => {
                let reply = tiny.answer(request);
                // Some servers add a page for people to a redirect.
                if reply.status == 302 { reply.header("Content-Type", "text/html") } else { reply }
            }
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
        server.seen().iter().filter(|request| request.is_get("model.safetensors")).map(RunRequest::start).collect();
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
    assert!(message.ends_with("): try again, and it resumes from there"), "{message}");
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
    assert!(!incomplete(&blob).exists(), "so that the next time begins from nothing");
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
fn a_gated_model_that_shows_its_list_is_refused_at_its_first_file() {
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
fn no_server_is_an_error_and_what_is_in_the_cache_works_without() {
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
fn answers_that_make_no_sense_are_refused() {
    for (body, expected) in [
        ("?", "the hub's answer about owner/tiny cannot be used: expected value at line 1 column 1"),
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
    let mut reported = Vec::new();
    let broken_off = hub.fetch(&model(REPO), &mut |progress| {
        reported.push(progress.clone());
        match progress {
            Progress::Downloading { file, done, .. } if file == "model.safetensors" && *done > 400_000 => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    });
    assert_eq!(broken_off.unwrap_err().to_string(), "the download was cancelled; the next one resumes from there");
    assert_not_taken(&hub, &cache, &content);
    let kept = fs::metadata(incomplete(&weights_blob(&cache, &content))).unwrap().len();
    assert!(kept > 300_000, "{kept}");
    assert!(reported.contains(&Progress::Found { model: REPO.into(), weights: 900_000 }));

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

/// A reply with one file's bytes changed.
fn with_bytes_of(tiny: &Model, name: &'static str, bytes: Vec<u8>) -> Server {
    let tiny = tiny.clone();
    Server::start(move |request, _| {
        let mut reply = tiny.answer(request);
        if request.is_get(name) {
            reply.body.clone_from(&bytes);
        }
        reply
    })
}

#[test]
fn small_files_are_compared_with_the_name_that_git_gives_them() {
    let tiny = checkpoint(1000);
    let (content, other) = (tiny.files["config.json"].clone(), b"{\"model_type\": \"other\"}".to_vec());
    let server = with_bytes_of(&tiny, "config.json", other.clone());
    let cache = Folder::new();
    assert_eq!(
        refusal(&hub(&server, &cache), REPO),
        format!(
            "config.json arrived damaged (git's SHA-1 {}, the hub says {}): nothing of it was kept; try again",
            git_sha1(&other),
            git_sha1(&content)
        )
    );
    let blob = folder(&cache).join("blobs").join(git_sha1(&content));
    assert!(!blob.exists() && !incomplete(&blob).exists());
}

#[test]
fn what_an_earlier_download_left_counts_only_where_a_hash_proves_it() {
    let tiny = checkpoint(1000);
    let server = Server::start({
        let tiny = tiny.clone();
        move |request, _| {
            let reply = tiny.answer(request);
            if request.path.ends_with("/config.json") { reply.header("X-Linked-Etag", "no-hash") } else { reply }
        }
    });
    let cache = Folder::new();
    let blobs = folder(&cache).join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    // Of another program's, or of someone else's.
    fs::write(blobs.join("no-hash.incomplete"), b"{\"evil\": 1").unwrap();
    fs::write(incomplete(&blobs.join(git_sha1(b"{}"))), b"[").unwrap();
    let message = refusal(&hub(&server, &cache), REPO);
    assert!(message.starts_with("tokenizer.json arrived damaged"), "{message}");
    let fetched = fetch(&hub(&server, &cache), REPO).unwrap();
    assert_eq!(fs::read(fetched.path.join("config.json")).unwrap(), tiny.files["config.json"]);
    assert_eq!(fs::read(fetched.path.join("tokenizer.json")).unwrap(), b"{}");
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_where_a_file_is_written() {
    use std::os::unix::fs::symlink;

    let tiny = checkpoint(1000);
    let content = tiny.files["model.safetensors"].clone();
    let server = tiny.serve();
    let cache = Folder::new();
    let victim = cache.path("victim");
    fs::write(&victim, "mine").unwrap();
    let (blobs, locks) = (folder(&cache).join("blobs"), cache.path("hub/.locks/models--owner--tiny"));
    let absent = folder(&cache).join(".no_exist").join(COMMIT);
    for folder in [&blobs, &locks, &absent, &folder(&cache).join("refs")] {
        fs::create_dir_all(folder).unwrap();
    }
    for link in [
        incomplete(&blobs.join(sha256(&content))),
        incomplete(&blobs.join(git_sha1(&tiny.files["config.json"]))),
        locks.join(format!("{}.lock", sha256(&content))),
        locks.join(format!("{COMMIT}.incomplete")),
        folder(&cache).join("refs/main"),
    ] {
        symlink(&victim, link).unwrap();
    }
    let fetched = fetch(&hub(&server, &cache), REPO).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), content);
    assert_eq!(fs::read_to_string(folder(&cache).join("refs/main")).unwrap(), COMMIT);
}

#[test]
fn a_pull_repairs_what_is_damaged_in_the_cache() {
    let tiny = checkpoint(90_000);
    let server = tiny.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    let path = fetch(&hub, REPO).unwrap().path;
    let damaged = ["config.json", "model.safetensors"];
    let mut length = 0;
    for name in damaged {
        let mut content = tiny.files[name].clone();
        content[20] ^= 1;
        length += content.len() as u64;
        fs::write(path.join(name), content).unwrap();
    }
    let mut checked = Vec::new();
    let pulled = hub.pull(&model(REPO), &mut |progress| {
        if let Progress::Checking { file, .. } = progress {
            checked.push(file.clone());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(pulled.unwrap().downloaded, length, "no more than what was damaged");
    assert!(checked.iter().all(|file| file == "model.safetensors") && !checked.is_empty(), "{checked:?}");
    for name in damaged {
        assert_eq!(fs::read(path.join(name)).unwrap(), tiny.files[name], "{name}");
    }
}

/// Every file and link below a folder, with its time.
#[cfg(unix)]
fn below(folder: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt;

    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            found.extend(below(&path));
        }
        found.push((path, about.ino(), about.mtime(), about.mtime_nsec()));
    }
    found.sort();
    found
}

#[cfg(unix)]
#[test]
fn a_pull_writes_nothing_into_a_cache_that_is_up_to_date() {
    use std::os::unix::fs::PermissionsExt;

    let tiny = checkpoint(1000);
    let server = tiny.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    let fetched = fetch(&hub, REPO).unwrap();
    // Another user's cache, or one that another program made.
    fs::remove_dir_all(cache.path("hub/.locks")).unwrap();
    let before = below(&cache.path("hub"));
    let folders: Vec<_> = before.iter().map(|(path, ..)| path.clone()).chain([cache.path("hub")]).collect();
    let allow = |mode| {
        for path in folders.iter().filter(|path| !path.is_symlink()) {
            fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    allow(0o555);
    let pulled = hub.pull(&model(REPO), &mut |_| ControlFlow::Continue(()));
    allow(0o755);
    assert_eq!(pulled.unwrap(), Fetched { downloaded: 0, ..fetched });
    assert_eq!(below(&cache.path("hub")), before);
}

#[test]
fn a_description_longer_than_any_is_refused_before_it_comes() {
    let tiny = checkpoint(1000);
    let server = Server::start(move |request, _| match (request.method.as_str(), &request.path) {
        ("HEAD", path) if path.ends_with("/config.json") => {
            Reply::new(200).header("ETag", "\"x\"").header("X-Linked-Size", "1000000000000000")
        }
        _ => tiny.answer(request),
    });
    let message = refusal(&hub(&server, &Folder::new()), REPO);
    assert!(
        message.starts_with("config.json of owner/tiny has 1000000 GB by what the hub says, and 67.1 MB are"),
        "{message}"
    );
    assert!(!server.seen().iter().any(|request| request.is_get("config.json")));
}

#[test]
fn weights_that_no_disk_has_room_for_are_refused_before_they_come() {
    let index = r#"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#;
    let files: [(&str, &[u8]); 5] = [
        ("config.json", b"{\"model_type\": \"Dream\"}"),
        ("tokenizer.json", b"{}"),
        ("model.safetensors.index.json", index.as_bytes()),
        ("1.safetensors", b"first"),
        ("2.safetensors", b"second"),
    ];
    let sharded = Model::new(REPO, &files);
    let server = Server::start(move |request, _| {
        let mut reply = sharded.answer(request);
        if request.path.ends_with(".safetensors") {
            reply.headers.retain(|(name, _)| name != "X-Linked-Size");
            // Two of them are two bytes more than can be counted.
            return reply.header("X-Linked-Size", ((1_u64 << 63) + 1).to_string());
        }
        reply
    });
    let cache = Folder::new();
    let mut found = Vec::new();
    let refused = hub(&server, &cache).fetch(&model(REPO), &mut |progress| {
        if let Progress::Found { weights, .. } = progress {
            found.push(*weights);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(found, [u64::MAX]);
    let message = refused.unwrap_err().to_string();
    assert!(message.starts_with("owner/tiny takes 18446744074 GB more on the disk of "), "{message}");
    assert!(message.ends_with(" free: make room, or set HF_HOME to a folder on another disk"), "{message}");
    assert!(!server.seen().iter().any(|request| request.is_get(".safetensors")));
}

#[test]
fn a_list_that_never_ends_is_given_up() {
    let slow = Server::start(|_, _| Reply { drips: true, ..Reply::new(200).header("Content-Length", "16000000") });
    // Long enough for a busy machine to send the next byte in.
    let silence = Duration::from_millis(400);
    let cache = Folder::new();
    let hub_of = |server: &Server| Hub::new(HubSettings { silence, ..settings(&server.url(), &cache) });
    assert!(refusal(&hub_of(&slow), REPO).contains("its answer comes too slowly"));
    let long = Server::start(|_, _| Reply::new(200).body(vec![b' '; 17 << 20]));
    assert!(refusal(&hub(&long, &cache), REPO).contains("its answer has more than 16777216 bytes"));
}

#[test]
fn waiting_for_a_silent_server_can_be_broken_off() {
    let tiny = checkpoint(1000);
    for silent in ["GET /api", "HEAD", "GET /owner"] {
        let server = Server::start({
            let tiny = tiny.clone();
            move |request, _| {
                let is_silent = format!("{} {}", request.method, request.path).starts_with(silent);
                if is_silent { Reply { silent: true, ..Reply::default() } } else { tiny.answer(request) }
            }
        });
        let cache = Folder::new();
        let hub = Hub::new(HubSettings { silence: Duration::from_secs(1), ..settings(&server.url(), &cache) });
        // Nothing new is reported while it is silent: what was reported last is repeated.
        let mut last = None;
        let outcome = hub.fetch(&model(REPO), &mut |progress| {
            let is_again = last.as_ref() == Some(progress)
                && server
                    .seen()
                    .last()
                    .is_some_and(|request| format!("{} {}", request.method, request.path).starts_with(silent));
            last = Some(progress.clone());
            if is_again { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(outcome, Err(HubError::Cancelled)), "{silent}: {outcome:?}");
    }
}

/// The reported waits that the hub asks for.
fn reported_waits(reported: &[Progress]) -> Vec<u64> {
    let mut waits: Vec<_> = reported
        .iter()
        .filter_map(|progress| match progress {
            Progress::Waiting { seconds, .. } => *seconds,
            _ => None,
        })
        .collect();
    waits.dedup();
    waits
}

#[test]
fn a_hub_that_asks_to_be_left_alone_for_a_while_is_asked_again_then() {
    let tiny = checkpoint(1000);
    let server = Server::start({
        let tiny = tiny.clone();
        move |request, before| {
            let is_first = |part: &str| {
                let is_it = |request: &RunRequest| format!("{} {}", request.method, request.path).contains(part);
                is_it(request) && !before.iter().any(is_it)
            };
            if is_first("GET /api") {
                Reply::new(503).header("Retry-After", "2")
            } else if is_first("HEAD /owner") {
                Reply::new(429).header("RateLimit", "\"resolvers\";r=0;t=3")
            } else if is_first("/model.safetensors") || is_first(&format!("GET /{REPO}/resolve/{COMMIT}/model")) {
                Reply::new(429).header("Retry-After", "7")
            } else {
                tiny.answer(request)
            }
        }
    });
    let cache = Folder::new();
    let mut reported = Vec::new();
    WAITED.take();
    let fetched = hub(&server, &cache).fetch(&model(REPO), &mut |progress| {
        reported.push(progress.clone());
        ControlFlow::Continue(())
    });
    assert_eq!(fs::read(fetched.unwrap().path.join("model.safetensors")).unwrap(), tiny.files["model.safetensors"]);
    assert_eq!(reported_waits(&reported), [2, 3, 7]);
    assert_eq!(WAITED.take(), Duration::from_secs(2 + 3 + 7 + 7));
}

#[test]
fn a_hub_that_asks_for_more_than_minutes_is_not_waited_for() {
    let cache = Folder::new();
    let asking = |seconds: &'static str| Server::start(move |_, _| Reply::new(429).header("Retry-After", seconds));
    for (seconds, waited) in [("3600", 0), ("60", 300), ("0", 0)] {
        let server = asking(seconds);
        WAITED.take();
        assert_eq!(
            refusal(&hub(&server, &cache), REPO),
            format!(
                "the hub {} asks to be left alone for {seconds} s (status 429): try again later, or set HF_TOKEN",
                server.url()
            )
        );
        assert_eq!(WAITED.take().as_secs(), waited, "{seconds}");
    }
    let server = asking("60");
    let outcome = hub(&server, &cache).fetch(&model(REPO), &mut |progress| match progress {
        Progress::Waiting { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(outcome, Err(HubError::Cancelled)), "{outcome:?}");
}

#[test]
fn a_web_page_is_named_as_what_it_is() {
    let page = |reply: Reply| reply.body("<html>Welcome to our hotel</html>");
    let cache = Folder::new();
    let kinds = [Reply::new(200), Reply::new(200).header("Content-Type", "text/html; charset=utf-8")];
    for reply in kinds.map(page) {
        let server = Server::start(move |_, _| reply.clone());
        assert_eq!(
            refusal(&hub(&server, &cache), REPO),
            format!(
                "{} answers with a web page (HTML) instead of owner/tiny: log in where this network asks for it, or \
                 check HF_ENDPOINT",
                server.url()
            )
        );
    }
    let tiny = checkpoint(1000);
    for method in ["HEAD", "GET"] {
        let tiny = tiny.clone();
        let server = Server::start(move |request, _| {
            let reply = tiny.answer(request);
            let is_late = request.method == method && request.path.ends_with("/config.json");
            if is_late { reply.header("Content-Type", "text/html") } else { reply }
        });
        let message = refusal(&hub(&server, &Folder::new()), REPO);
        assert!(message.contains("a web page (HTML) instead of config.json of owner/tiny: "), "{method}: {message}");
    }
}

#[test]
fn compression_that_was_not_asked_for_is_refused() {
    let tiny = checkpoint(1000);
    let server = Server::start(move |request, _| {
        let reply = tiny.answer(request);
        if request.is_get("/config.json") { reply.header("Content-Encoding", "gzip") } else { reply }
    });
    let cache = Folder::new();
    let message = refusal(&hub(&server, &cache), REPO);
    assert!(
        message.starts_with(
            "the hub's answer about config.json of owner/tiny cannot be used: it comes compressed (gzip), which was \
             not asked for"
        ),
        "{message}"
    );
    assert!(server.seen().iter().all(|request| request.header("accept-encoding") == Some("identity")));
    assert!(!folder(&cache).join("snapshots").join(COMMIT).join("config.json").exists());
}

/// An address that is neither the hub's own machine nor reached without a proxy.
const BEHIND: &str = "http://127.0.0.2:9";

fn behind(proxy: &str, cache: &Folder) -> HubSettings {
    let proxy = Some(Named { variable: "HTTPS_PROXY", value: proxy.to_owned() });
    HubSettings { proxy, ..settings(BEHIND, cache) }
}

#[test]
fn a_hub_is_reached_through_a_proxy() {
    let tiny = checkpoint(1000);
    let proxy = Server::start({
        let tiny = tiny.clone();
        move |request, _| match request.method.as_str() {
            "CONNECT" => Reply::new(200),
            _ => tiny.answer(request),
        }
    });
    let cache = Folder::new();
    let with_user = proxy.url().replace("http://", "http://ada:secret@");
    let fetched = fetch(&Hub::new(behind(&with_user, &cache)), REPO).unwrap();
    assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), tiny.files["model.safetensors"]);
    let first = &proxy.seen()[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("CONNECT", "127.0.0.2:9"));
    assert_eq!(first.header("proxy-authorization"), Some("Basic YWRhOnNlY3JldA=="));
}

#[test]
fn a_proxy_that_fails_is_blamed_and_not_the_hub() {
    let cache = Folder::new();
    let refusing = Server::start(|_, _| Reply::new(403));
    for (proxy, reason) in [(nobody(), "refused"), (refusing.url(), "proxy server responded 403")] {
        let message = refusal(&Hub::new(behind(&proxy.replace("http://", "http://ada:secret@"), &cache)), REPO);
        let place = proxy.strip_prefix("http://").unwrap();
        assert!(message.starts_with(&format!("the proxy {place} does not connect to {BEHIND} (")), "{message}");
        assert!(message.contains(reason) && message.contains("which HTTPS_PROXY names; NO_PROXY lists"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
    let seen = refusing.seen().len();
    let direct = HubSettings { no_proxy: "other, 127.0.0.2".to_owned(), ..behind(&refusing.url(), &cache) };
    assert!(refusal(&Hub::new(direct), REPO).starts_with(&format!("the hub {BEHIND} cannot be reached (")));
    assert_eq!(refusing.seen().len(), seen, "NO_PROXY leads past it");
}

#[test]
fn a_proxy_that_makes_no_sense_is_refused() {
    let cache = Folder::new();
    for senseless in ["r32/?//52:**", "gopher://proxy:70", "http://", "http://se cret@proxy"] {
        let message = refusal(&Hub::new(behind(senseless, &cache)), REPO);
        assert!(
            message.starts_with("HTTPS_PROXY is no address of a proxy: it must be one such as http://host:3128"),
            "{message}"
        );
    }
}

#[test]
fn a_certificate_authority_of_ones_own_is_taken_from_the_variable_that_names_it() {
    let tiny = checkpoint(1000);
    let cache = Folder::new();
    let authority = cache.path("authority.pem");
    fs::write(&authority, AUTHORITY).unwrap();
    let folder = cache.path("authorities");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ours.pem"), AUTHORITY).unwrap();
    let server = Server::start_tls({
        let tiny = tiny.clone();
        move |request, _| tiny.answer(request)
    });
    let hub = |certificates: &[(&'static str, &Path)]| {
        let named = certificates.iter().map(|(variable, path)| Named { variable, value: path.to_path_buf() });
        Hub::new(HubSettings { certificates: named.collect(), ..settings(&server.tls_url(), &cache) })
    };
    let message = refusal(&hub(&[]), REPO);
    assert_eq!(
        message,
        format!(
            "{} shows a certificate that cannot be trusted (no authority that is trusted here has issued it): where the \
             hub or a proxy has a certificate authority of its own, name its PEM file in SSL_CERT_FILE",
            server.tls_url()
        )
    );
    for named in [("SSL_CERT_FILE", &authority), ("SSL_CERT_DIR", &folder), ("REQUESTS_CA_BUNDLE", &authority)] {
        let fetched = fetch(&hub(&[(named.0, named.1)]), REPO).unwrap();
        assert_eq!(fs::read(fetched.path.join("model.safetensors")).unwrap(), tiny.files["model.safetensors"]);
        fs::remove_dir_all(cache.path("hub")).unwrap();
    }
    let nowhere = cache.path("nowhere.pem");
    let message = refusal(&hub(&[("SSL_CERT_FILE", &nowhere)]), REPO);
    let expected = format!("SSL_CERT_FILE is {}, where no certificate is found (", nowhere.display());
    assert!(message.starts_with(&expected) && message.ends_with("or be unset"), "{message}");
    let plain = tiny.serve();
    let named = vec![Named { variable: "SSL_CERT_FILE", value: nowhere.clone() }];
    let without_tls = Hub::new(HubSettings { certificates: named, ..settings(&plain.url(), &cache) });
    assert!(fetch(&without_tls, REPO).is_ok(), "a hub without TLS needs no certificates");
    // A folder that is for other machines: what is named does not answer for the server.
    let message = refusal(&hub(&[("SSL_CERT_DIR", &nowhere)]), REPO);
    assert!(message.ends_with(&format!("to what names them: SSL_CERT_DIR ({})", nowhere.display())), "{message}");
    let by_number = server.tls_url().replace("localhost", "127.0.0.1");
    let named = vec![Named { variable: "SSL_CERT_FILE", value: authority }];
    let message = refusal(&Hub::new(HubSettings { certificates: named, ..settings(&by_number, &cache) }), REPO);
    assert!(message.contains("certificate not valid for name") && message.contains("localhost"), "{message}");
}

fn locate(hub: &Hub) -> (PathBuf, Vec<&'static str>) {
    let source = format!("hf:{REPO}").parse::<Source>().unwrap();
    let located = source.locate(&|| Ok(hub.clone()), &mut |_| ControlFlow::Continue(())).unwrap();
    (located.path.unwrap(), located.unknown)
}

#[test]
fn a_part_of_a_snapshot_is_completed_once() {
    let mut tiny = checkpoint(1000);
    tiny.files.insert("chat_template.jinja".into(), b"{{ messages }}".to_vec());
    let server = tiny.serve();
    let cache = Folder::new();
    let hub = hub(&server, &cache);
    let snapshot = fetch(&hub, REPO).unwrap().path;
    // As a program leaves it that wants configuration, tokenizer and weights alone.
    for name in ["tokenizer_config.json", "chat_template.jinja"] {
        fs::remove_file(snapshot.join(name)).unwrap();
    }
    fs::remove_dir_all(folder(&cache).join(".no_exist")).unwrap();
    let missing = [
        "generation_config.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
    ];
    assert_eq!(hub.cached(&model(REPO)), None);
    assert_eq!(hub.find(&model(REPO)).unwrap().unknown, missing);
    assert!(hub.scan().iter().all(|cached| !cached.is_whole));
    let away = Hub::new(settings(&nobody(), &cache));
    for unreachable in [hub.clone().offline(true), away] {
        assert_eq!(locate(&unreachable), (snapshot.clone(), missing.to_vec()), "what is there may do");
    }
    let before = server.seen().len();
    assert_eq!(locate(&hub), (snapshot.clone(), Vec::new()));
    assert_eq!(fs::read(snapshot.join("chat_template.jinja")).unwrap(), b"{{ messages }}");
    let asked = server.seen().split_off(before);
    assert!(asked[0].path.ends_with(COMMIT), "of the commit that is here");
    assert!(asked.iter().all(|request| !request.path.contains("safetensors")));
    let before = server.seen().len();
    assert_eq!(locate(&hub), (snapshot, Vec::new()));
    assert_eq!(server.seen().len(), before, "once");
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
