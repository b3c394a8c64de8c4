//! A small hub on the loopback interface, which can be made to misbehave.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The certificate authority of [`Server::start_tls`], and what it issued for `localhost`. They were made for these tests
/// and open nothing.
pub const AUTHORITY: &str = include_str!("certificates/authority.pem");
const CERTIFICATE: &str = include_str!("certificates/localhost.pem");
const KEY: &str = include_str!("certificates/localhost.key");

/// A request as it came.
#[derive(Debug, Clone)]
pub struct RunRequest {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

impl RunRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte that is asked for.
    pub fn start(&self) -> usize {
        let range = self.header("range").map(|range| range.trim_start_matches("bytes=").trim_end_matches('-'));
        range.map_or(0, |start| start.parse().unwrap())
    }

    pub fn is_get(&self, what: &str) -> bool {
        self.method == "GET" && self.path.ends_with(what)
    }
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes of the body after which the connection is closed, whatever the headers promise.
    pub cut: Option<usize>,
    /// Say nothing at all until the client goes.
    pub silent: bool,
    /// Send blanks one by one, after the headers, until the client goes.
    pub drips: bool,
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    #[must_use]
    pub fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }
}

/// A server on a port of its own. It goes when it is dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<RunRequest>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers every request with what `answer` makes of it and of the requests before it.
    pub fn start(answer: impl Fn(&RunRequest, &[RunRequest]) -> Reply + Send + 'static) -> Self {
        Self::listen(None, answer)
    }

    /// The same by TLS, with a certificate for `localhost` that only [`AUTHORITY`] answers for.
    pub fn start_tls(answer: impl Fn(&RunRequest, &[RunRequest]) -> Reply + Send + 'static) -> Self {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::listen(Some(Arc::new(config)), answer)
    }

    fn listen(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&RunRequest, &[RunRequest]) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (seen, ends) = (Arc::clone(&seen), Arc::clone(&ends));
            move || {
                let answer = |request: &RunRequest| {
                    let mut seen = seen.lock().unwrap();
                    let reply = answer(request, &seen);
                    seen.push(request.clone());
                    reply
                };
                for stream in listener.incoming() {
                    if ends.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    match &tls {
                        None => serve(stream, &answer),
                        Some(tls) => {
                            let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                            serve(StreamOwned::new(connection, stream), &answer);
                        }
                    }
                }
            }
        });
        Self { address, seen, ends, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address by the name that its certificate is for.
    pub fn tls_url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<RunRequest> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The address of a port where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A connection.
trait Wire: Read + Write {
    /// Says that nothing more is sent.
    fn end(&mut self) -> std::io::Result<()>;
}

impl Wire for TcpStream {
    fn end(&mut self) -> std::io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn end(&mut self) -> std::io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Write)
    }
}

/// Answers a request; where it asks a proxy for a tunnel and gets it, the one that comes through too.
fn serve(mut wire: impl Wire, answer: &dyn Fn(&RunRequest) -> Reply) {
    while let Some(request) = read(&mut wire) {
        let reply = answer(&request);
        if request.method == "CONNECT" && reply.status == 200 {
            if wire.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_ok() {
                continue;
            }
            return;
        }
        // A client that has gone is no concern of the server.
        let _ = write(wire, &request, &reply);
        return;
    }
}

fn read(stream: &mut impl Read) -> Option<RunRequest> {
    let mut lines = BufReader::new(stream);
    let mut first = String::new();
    // A client whose certificates do not fit says nothing.
    lines.read_line(&mut first).ok()?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(RunRequest { method, path, headers })
}

fn write(mut stream: impl Wire, request: &RunRequest, reply: &Reply) -> std::io::Result<()> {
    if reply.silent {
        // Ends when the client closes its side.
        return stream.read_to_end(&mut Vec::new()).map(drop);
    }
    let mut head = format!("HTTP/1.1 {} Whatever\r\nConnection: close\r\n", reply.status).into_bytes();
    let framing = ["content-length", "transfer-encoding"];
    let says_length = reply.headers.iter().any(|(name, _)| framing.contains(&&*name.to_ascii_lowercase()));
    if !says_length {
        write!(head, "Content-Length: {}\r\n", reply.body.len())?;
    }
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    head.extend(b"\r\n");
    stream.write_all(&head)?;
    if reply.drips {
        loop {
            stream.write_all(b" ")?;
            stream.flush()?;
        }
    }
    if request.method != "HEAD" {
        stream.write_all(&reply.body[..reply.cut.unwrap_or(reply.body.len())])?;
    }
    stream.flush()?;
    stream.end()?;
    // Waits for the client to go, so that closing does not reset what it has not read yet.
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// The commit of every model here.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A model as the hub shows it.
#[derive(Debug, Clone)]
pub struct Model {
    pub repo: String,
    pub commit: String,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Where the storage of large files is; here without one.
    pub storage: Option<String>,
}

impl Model {
    pub fn new(repo: &str, files: &[(&str, &[u8])]) -> Self {
        Self {
            repo: repo.to_owned(),
            commit: COMMIT.to_owned(),
            files: files.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect(),
            storage: None,
        }
    }

    /// A hub that has this model.
    pub fn serve(&self) -> Server {
        let model = self.clone();
        Server::start(move |request, _| model.answer(request))
    }

    /// What the real hub would answer.
    pub fn answer(&self, request: &RunRequest) -> Reply {
        let path = request.path.as_str();
        if let Some(revision) = path.strip_prefix(&format!("/api/models/{}/revision/", self.repo)) {
            if revision != "main" && revision != self.commit {
                return Reply::new(404).header("X-Error-Code", "RevisionNotFound");
            }
            let siblings: Vec<_> = self.files.keys().map(|name| serde_json::json!({ "rfilename": name })).collect();
            let listing = serde_json::json!({ "id": self.repo, "sha": self.commit, "siblings": siblings });
            return Reply::new(200).header("Content-Type", "application/json").body(listing.to_string());
        }
        if let Some(name) = path.strip_prefix("/storage/") {
            return self.files.get(name).map_or(Reply::new(404), |content| part(content, request));
        }
        let prefix = format!("/{}/resolve/{}/", self.repo, self.commit);
        let Some(content) = path.strip_prefix(&prefix).and_then(|name| self.files.get(name)) else {
            let code = if path.contains("/resolve/") { "EntryNotFound" } else { "RepoNotFound" };
            return Reply::new(404).header("X-Error-Code", code);
        };
        let name = path.strip_prefix(&prefix).unwrap();
        let reply = if is_large(name) {
            let about = |reply: Reply| {
                reply
                    .header("X-Linked-Etag", format!("\"{}\"", sha256(content)))
                    .header("X-Linked-Size", content.len().to_string())
            };
            match &self.storage {
                Some(storage) => about(Reply::new(302)).header("Location", format!("{storage}/storage/{name}")),
                None => about(part(content, request)),
            }
        } else {
            part(content, request).header("ETag", format!("W/\"{}\"", git_sha1(content)))
        };
        reply.header("X-Repo-Commit", &self.commit)
    }
}

/// The whole, or the part that is asked for.
fn part(content: &[u8], request: &RunRequest) -> Reply {
    let start = request.start();
    match request.header("range") {
        Some(_) if start >= content.len() => Reply::new(416),
        Some(_) => Reply::new(206)
            .header("Content-Range", format!("bytes {start}-{}/{}", content.len() - 1, content.len()))
            .body(&content[start..]),
        None => Reply::new(200).body(content),
    }
}

fn is_large(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "safetensors" || extension == "gguf")
}

/// What git calls a content.
pub fn git_sha1(bytes: &[u8]) -> String {
    format!("{:x}", Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
