//! Why a model of the hub cannot be had.

use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;

use crate::model::{memory::bytes, purpose::RuledOut};

/// Why a model of the hub cannot be had, in one sentence. Names of files and what servers say are not yet printable.
#[derive(Debug, Error)]
pub enum HubError {
    /// A variable of the environment cannot be used.
    #[error("{variable} is {found}: {expected}")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// Its value; never that of a secret.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// There is no place for the cache.
    #[error("there is no home folder for the hub's cache: set HF_HOME to a folder")]
    NoHome,
    /// Not in the cache, and the network is not to be used.
    #[error(
        "{model} is not whole in the cache {}, and offline mode is on: leave --offline away and unset HF_HUB_OFFLINE to \
         download it", cache.display()
    )]
    Offline {
        /// The model.
        model: String,
        /// The cache.
        cache: PathBuf,
    },
    /// Not in the cache, and this build cannot download.
    #[error(
        "{model} is not whole in the cache {}, and this build does not download: build with `--features hub`, or let \
         another program put it there", cache.display()
    )]
    NotBuilt {
        /// The model.
        model: String,
        /// The cache.
        cache: PathBuf,
    },
    /// The processor lacks what TLS is made of here.
    #[error(
        "{endpoint} needs TLS, and this build's TLS needs a processor with AES, ADX, AVX2 and BMI2 (or, on ARM, AES and \
         SHA-2): let another program download the model, and name its folder"
    )]
    NoTls {
        /// The address.
        endpoint: String,
    },
    /// No answer through the proxy.
    #[error(
        "the proxy {proxy} does not connect to {target} ({reason}): check the proxy, which {variable} names; NO_PROXY \
         lists hosts to reach without one, and what is in the cache works without it"
    )]
    Proxy {
        /// The proxy, without a password.
        proxy: String,
        /// The variable that names it.
        variable: &'static str,
        /// Where it should connect to.
        target: String,
        /// What happened.
        reason: String,
    },
    /// The server's certificate is not to be trusted.
    #[error("{target} shows a certificate that cannot be trusted ({reason}): {advice}")]
    Certificate {
        /// The server.
        target: String,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// Some web page instead of what was asked for.
    #[error(
        "{endpoint} answers with a web page (HTML) instead of {what}: log in where this network asks for it, or check \
         HF_ENDPOINT"
    )]
    Page {
        /// The hub.
        endpoint: String,
        /// What was asked.
        what: String,
    },
    /// No answer.
    #[error(
        "the hub {endpoint} cannot be reached ({reason}): check the connection and HF_ENDPOINT; what is in the cache \
         works without it"
    )]
    Unreachable {
        /// The hub.
        endpoint: String,
        /// What happened.
        reason: String,
    },
    /// The hub is there and does not work.
    #[error("the hub {endpoint} answers with status {status}: try again later")]
    Status {
        /// The hub.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// The hub is asked too often.
    #[error(
        "the hub {endpoint} asks to be left alone for {} (status 429): try again later, or set HF_TOKEN",
        wait.map_or_else(|| "a while".to_owned(), |wait| format!("{} s", wait.as_secs()))
    )]
    TooMany {
        /// The hub.
        endpoint: String,
        /// For how long, if it says so.
        wait: Option<Duration>,
    },
    /// The answer makes no sense.
    #[error("the hub's answer about {what} cannot be used: {reason}")]
    Answer {
        /// What was asked.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// No such model, or none that may be seen.
    #[error("the hub {endpoint} shows no model {model}: check its name, or set HF_TOKEN where it is private")]
    NoModel {
        /// The hub.
        endpoint: String,
        /// The model.
        model: String,
    },
    /// No such branch, tag or commit.
    #[error("{repo} has no revision {revision}: check it at {endpoint}/{repo}")]
    NoRevision {
        /// The hub.
        endpoint: String,
        /// The model.
        repo: String,
        /// The revision.
        revision: String,
    },
    /// No such file.
    #[error("{repo} has no file {file}{}", among(files))]
    NoFile {
        /// The model.
        repo: String,
        /// The file.
        file: String,
        /// Files of that kind that there are.
        files: Vec<String>,
    },
    /// A licence must be accepted first.
    #[error("{repo} is gated: accept its terms at {endpoint}/{repo}, and {}", if *with_token {
        "check that HF_TOKEN is a token of that account which may read it"
    } else {
        "set HF_TOKEN to a token of that account"
    })]
    Gated {
        /// The hub.
        endpoint: String,
        /// The model.
        repo: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The token is not one.
    #[error("the hub {endpoint} refuses the token: check HF_TOKEN, or the token file that `hf auth login` wrote")]
    Token {
        /// The hub.
        endpoint: String,
    },
    /// Nothing that could be loaded.
    #[error(
        "{repo} has no weights that can be loaded: expected config.json with model.safetensors (or its index), or \
             one .gguf file{found}"
    )]
    NoWeights {
        /// The model.
        repo: String,
        /// What it has instead and what to do, as the rest of the sentence; or nothing.
        found: String,
    },
    /// Weights, but nothing to turn text into their ids.
    #[error(
        "{repo} has no tokenizer that can be loaded (tokenizer.json, or vocab.json and merges.txt): download it into a folder, put \
         the tokenizer of the model that it was made from there, and name the folder"
    )]
    NoTokenizer {
        /// The model.
        repo: String,
    },
    /// More than one GGUF file and nothing else.
    #[error("{repo} has several .gguf files: name one, as in hf:{repo}/{}{}", files[0], among(files))]
    SeveralGguf {
        /// The model.
        repo: String,
        /// The files, at least one.
        files: Vec<String>,
    },
    /// A file whose name leaves its folder.
    #[error("{repo} names a file `{file}`, which is no plain path within the model: it is not downloaded")]
    Name {
        /// The model.
        repo: String,
        /// The name.
        file: String,
    },
    /// The connection broke, and again.
    #[error(
        "the connection broke after {done} of {size} bytes of {file} ({reason}): try again, and it resumes from there"
    )]
    Cut {
        /// The file.
        file: String,
        /// Bytes that are there.
        done: u64,
        /// Bytes of the whole.
        size: u64,
        /// What happened.
        reason: String,
    },
    /// Another number of bytes than the hub said.
    #[error("{file} is {found} bytes long where the hub says {expected}: nothing of it was kept; try again")]
    Length {
        /// The file.
        file: String,
        /// Bytes that came, or that the answer announces.
        found: u64,
        /// Bytes that the hub said.
        expected: u64,
    },
    /// A description that is far longer than any is.
    #[error("{file} of {model} has {} by what the hub says, and {} are the most that is read: it is not downloaded", bytes(*size), bytes(*most))]
    TooLong {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// Its bytes.
        size: u64,
        /// The most that is taken.
        most: u64,
    },
    /// No room for it.
    #[error(
        "{model} takes {} more on the disk of {}, which has {} free: make room, or set HF_HOME to a folder on another disk",
        bytes(*need), cache.display(), bytes(*free)
    )]
    Room {
        /// The model.
        model: String,
        /// Bytes that would be written.
        need: u64,
        /// The cache.
        cache: PathBuf,
        /// Bytes that are free.
        free: u64,
    },
    /// Other bytes than the hub said.
    #[error("{file} arrived damaged ({algorithm} {found}, the hub says {expected}): nothing of it was kept; try again")]
    Hash {
        /// The file.
        file: String,
        /// What hash it is.
        algorithm: &'static str,
        /// The hash of what came.
        found: String,
        /// The hash that the hub said.
        expected: String,
    },
    /// Another program downloads the same file.
    #[error("another program is downloading {file} (it holds {}): wait until it is done", lock.display())]
    Locked {
        /// The file.
        file: String,
        /// The lock.
        lock: PathBuf,
    },
    /// The cache cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The cache cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It cannot serve what it is wanted for.
    #[error(transparent)]
    RuledOut(Box<RuledOut>),
    /// The user cancelled it.
    #[error("the download was cancelled; the next one resumes from there")]
    Cancelled,
}

impl From<RuledOut> for HubError {
    fn from(reason: RuledOut) -> Self {
        Self::RuledOut(Box::new(reason))
    }
}

/// The names, where there are some.
fn among(files: &[String]) -> String {
    const MOST: usize = 6;
    match files.len() {
        0 => String::new(),
        count if count > MOST => format!("; there are {} and {} more", files[..MOST].join(", "), count - MOST),
        _ => format!("; there are {}", files.join(", ")),
    }
}
