//! The way to servers: through a proxy or not, with whose certificates, along redirects. Each answer comes in on a thread
//! of its own, so that waiting for it can be cancelled at any time.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Instant,
};

use rustls::CertificateError;
use ureq::{
    Agent, Body, Proxy, RequestExt,
    http::{HeaderMap, Request, Response, StatusCode, Uri, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::{
    HubError, HubSettings, Named,
    patience::{Retry, SLICE},
    report::ProgressReporter,
};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 8;
/// Bytes that are passed on at a time.
const CHUNK: usize = 256 << 10;
/// Chunks that may lie ready.
const AHEAD: usize = 4;
/// A small answer may take so many times the longest silence.
const SILENCES: u32 = 4;

/// The way to one hub, and from there to where it redirects.
pub(super) struct Way {
    settings: HubSettings,
    agent: Agent,
    origin: String,
    has_tls: bool,
    proxy: Option<Proxy>,
}

/// What is asked of a server.
#[derive(Clone)]
pub(super) struct Question {
    pub method: &'static str,
    pub url: String,
    /// The first byte that is asked for, where it is not that of the whole.
    pub start: Option<u64>,
    /// A header that makes a redirect the answer.
    pub enough: Option<&'static str>,
}

/// An answer of a server. Dropped, it ends the connection.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    chunks: Receiver<io::Result<Vec<u8>>>,
}

impl Way {
    /// Nothing is sent yet.
    pub(super) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let answer = |reason: String| HubError::Unreachable { endpoint: settings.endpoint.clone(), reason };
        let uri: Uri = settings.endpoint.parse().map_err(|_| answer("it is no address".to_owned()))?;
        let tls = tls(settings)?;
        let has_tls = tls.is_some();
        if uri.scheme_str() == Some("https") && !has_tls {
            return Err(HubError::NoTls { endpoint: settings.endpoint.clone() });
        }
        // What runs on this machine is not behind a proxy.
        let is_here = uri.host().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        let proxy = settings.proxy.as_ref().filter(|_| !is_here);
        let proxy = proxy.map(|named| self::proxy(named, &settings.no_proxy)).transpose()?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            // Lengths and hashes are those of the content itself.
            .accept_encoding("identity")
            .proxy(proxy.clone())
            .timeout_connect(Some(settings.silence))
            .timeout_recv_response(Some(settings.silence))
            .timeout_per_read(Some(settings.silence));
        if let Some(tls) = tls {
            config = config.tls_config(tls);
        }
        Ok(Self { settings: settings.clone(), agent: config.build().into(), origin: origin(&uri), has_tls, proxy })
    }

    /// Asks, and waits for the beginning of the answer.
    pub(super) fn ask(
        self: &Arc<Self>,
        question: Question,
        report: &mut ProgressReporter<'_, '_>,
    ) -> Result<Answer, Retry> {
        let (head, heads) = sync_channel(1);
        let (chunk, chunks) = sync_channel(AHEAD);
        let way = Arc::clone(self);
        let fetch = move || match way.follow(&question) {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                if head.send(Ok((parts.status, parts.headers))).is_ok() {
                    pass_on(body, &chunk);
                }
            }
            // The receiver has gone where the download was cancelled.
            Err(retry) => drop(head.send(Err(retry))),
        };
        let started = thread::Builder::new().name("hub".to_owned()).spawn(fetch);
        started.map_err(|error| self.unreachable(&format!("no thread for it: {error}")))?;
        match next(&heads, report)? {
            Some(answer) => answer.map(|(status, headers)| Answer { status, headers, chunks }),
            None => Err(self.unreachable("it gives no answer").into()),
        }
    }

    /// Sends the question and follows redirects, until an answer is none or has what is enough.
    fn follow(&self, question: &Question) -> Result<Response<Body>, Retry> {
        let mut address = question.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let uri: Uri = address.parse().map_err(|_| self.odd_redirect(&address))?;
            if uri.scheme_str() == Some("https") && !self.has_tls {
                return Err(HubError::NoTls { endpoint: origin(&uri) }.into());
            }
            let mut request = Request::builder().method(question.method).uri(uri.clone());
            // The token is for the hub, not for the storage that it redirects to.
            if let Some(token) = self.settings.token.as_ref().filter(|_| origin(&uri) == self.origin) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            if let Some(start) = question.start {
                request = request.header(header::RANGE, format!("bytes={start}-"));
            }
            let request = request.body(()).map_err(|error| self.odd_redirect(&error.to_string()))?;
            let response = request.with_agent(&self.agent).run().map_err(|error| self.retry(&uri, &error))?;
            if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                return Err(self.unreached(&uri, "it asks for a name and a password (status 407)").into());
            }
            let is_enough = question.enough.is_some_and(|name| response.headers().contains_key(name));
            if !response.status().is_redirection() || is_enough {
                return Ok(response);
            }
            let Some(location) = text(response.headers(), "location") else {
                return Err(self.odd_redirect("it redirects to nowhere").into());
            };
            address = if location.starts_with("https://") || location.starts_with("http://") {
                location.to_owned()
            } else if location.starts_with('/') && !location.starts_with("//") {
                format!("{}{location}", origin(&uri))
            } else {
                return Err(self.odd_redirect(location).into());
            };
        }
        Err(self.odd_redirect("it redirects without end").into())
    }

    fn odd_redirect(&self, reason: &str) -> HubError {
        HubError::Answer { what: format!("the way through {}", self.settings.endpoint), reason: reason.to_owned() }
    }

    pub(super) fn unreachable(&self, reason: &str) -> HubError {
        HubError::Unreachable { endpoint: self.settings.endpoint.clone(), reason: reason.to_owned() }
    }

    /// What it means that no answer came.
    fn retry(&self, uri: &Uri, error: &ureq::Error) -> Retry {
        if let Some(fault) = certificate_fault(error) {
            return Retry::Never(HubError::Certificate {
                target: origin(uri),
                reason: match fault {
                    CertificateError::UnknownIssuer => "no authority that is trusted here has issued it".to_owned(),
                    other => other.to_string(),
                },
                advice: self.advice(fault),
            });
        }
        let reason = match error {
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::Timeout(_) => "it is silent".to_owned(),
            ureq::Error::HostNotFound => "there is no such host".to_owned(),
            ureq::Error::ConnectProxyFailed(reason) => reason.clone(),
            other => other.to_string(),
        };
        Retry::Soon(self.unreached(uri, &reason))
    }

    /// No answer: the proxy is named where there is one, for it is what is talked to.
    fn unreached(&self, uri: &Uri, reason: &str) -> HubError {
        let proxy = self.proxy.as_ref().filter(|proxy| !proxy.is_no_proxy(uri));
        match (proxy, &self.settings.proxy) {
            (Some(proxy), Some(named)) => HubError::Proxy {
                proxy: format!("{}:{}", proxy.host(), proxy.port()),
                variable: named.variable,
                target: origin(uri),
                reason: reason.to_owned(),
            },
            _ => self.unreachable(reason),
        }
    }

    fn advice(&self, fault: &CertificateError) -> String {
        use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext, UnknownIssuer};
        match (fault, self.settings.certificates.as_slice()) {
            (Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }, _) => {
                "check the clock of this machine".to_owned()
            }
            (UnknownIssuer, []) => {
                "where the hub or a proxy has a certificate authority of its own, name its PEM file in \
                                    SSL_CERT_FILE"
                    .to_owned()
            }
            (UnknownIssuer, named) => {
                let named = named.iter().map(|named| format!("{} ({})", named.variable, named.value.display()));
                format!(
                    "add the PEM of the certificate authority behind it to what names them: {}",
                    named.collect::<Vec<_>>().join(", ")
                )
            }
            _ => "nothing is sent there; check HF_ENDPOINT".to_owned(),
        }
    }
}

impl Answer {
    /// The next bytes of the body, or `None` at its end.
    pub(super) fn chunk(&self, report: &mut ProgressReporter<'_, '_>) -> Result<Option<io::Result<Vec<u8>>>, HubError> {
        next(&self.chunks, report)
    }

    /// The whole body, if it is no longer than `most` bytes and comes in bearable time.
    pub(super) fn body(&self, way: &Way, most: usize, report: &mut ProgressReporter<'_, '_>) -> Result<Vec<u8>, Retry> {
        let deadline = Instant::now() + way.settings.silence * SILENCES;
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(report)? {
            bytes.extend(chunk.map_err(|error| Retry::Soon(way.unreachable(&error.to_string())))?);
            if bytes.len() > most {
                return Err(way.unreachable(&format!("its answer has more than {most} bytes")).into());
            }
            if Instant::now() > deadline {
                return Err(way.unreachable("its answer comes too slowly").into());
            }
        }
        Ok(bytes)
    }
}

/// Passes a body on until it ends, breaks, or the receiver has gone.
fn pass_on(body: Body, chunks: &SyncSender<io::Result<Vec<u8>>>) {
    let mut body = body.into_reader();
    let mut buffer = vec![0; CHUNK];
    loop {
        let chunk = match body.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => Ok(buffer[..read].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = chunk.is_err();
        if chunks.send(chunk).is_err() || is_last {
            return;
        }
    }
}

/// What comes next; `None` where nothing more comes.
fn next<T>(receiver: &Receiver<T>, report: &mut ProgressReporter<'_, '_>) -> Result<Option<T>, HubError> {
    loop {
        match receiver.recv_timeout(SLICE) {
            Ok(value) => return Ok(Some(value)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => report.repeat()?,
        }
    }
}

/// The proxy that a variable names.
fn proxy(named: &Named<String>, exceptions: &str) -> Result<Proxy, HubError> {
    // What is wrong with it may be a password with a sign that an address cannot have: it is not shown.
    let senseless = || HubError::Environment {
        variable: named.variable,
        found: "no address of a proxy".to_owned(),
        expected: "it must be one such as http://host:3128 or socks5://host:1080, with user:password@ before the host \
                   where that is needed, or be unset",
    };
    let read = Proxy::new(&named.value).map_err(|_| senseless())?;
    if read.host().is_empty() {
        return Err(senseless());
    }
    let mut proxy = Proxy::builder(read.protocol()).host(read.host()).port(read.port());
    if let Some(user) = read.username() {
        proxy = proxy.username(user);
    }
    if let Some(password) = read.password() {
        proxy = proxy.password(password);
    }
    for host in exceptions.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        // A domain stands for the hosts within it too, as for curl and Python.
        let domain = host.trim_start_matches('*').trim_start_matches('.');
        proxy = if domain.is_empty() {
            proxy.no_proxy("*")
        } else {
            proxy.no_proxy(domain).no_proxy(&format!(".{domain}"))
        };
    }
    proxy.build().map_err(|_| senseless())
}

/// The certificate's fault, if that is what an error is about.
fn certificate_fault(error: &ureq::Error) -> Option<&CertificateError> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref()?,
        _ => return None,
    };
    match error {
        rustls::Error::InvalidCertificate(fault) => Some(fault),
        _ => None,
    }
}

/// TLS on this machine, if its processor has what that takes.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn tls(settings: &HubSettings) -> Result<Option<TlsConfig>, HubError> {
    #[cfg(target_arch = "x86_64")]
    let fits = std::is_x86_feature_detected!("aes")
        && std::is_x86_feature_detected!("pclmulqdq")
        && std::is_x86_feature_detected!("adx")
        && std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("bmi1")
        && std::is_x86_feature_detected!("bmi2");
    #[cfg(target_arch = "aarch64")]
    let fits = std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("sha2")
        && std::arch::is_aarch64_feature_detected!("pmull");
    if !fits {
        return Ok(None);
    }
    let provider = Arc::new(rustls_graviola::default_provider());
    let roots = RootCerts::from(authorities(settings)?);
    Ok(Some(TlsConfig::builder().unversioned_rustls_crypto_provider(provider).root_certs(roots).build()))
}

/// There is no TLS for this architecture.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn tls(_settings: &HubSettings) -> Result<Option<TlsConfig>, HubError> {
    Ok(None)
}

/// Whose certificates count: Mozilla's list, and what the environment names or else what this machine trusts.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn authorities(settings: &HubSettings) -> Result<Vec<Certificate<'static>>, HubError> {
    use rustls_native_certs::{load_certs_from_paths, load_native_certs};

    let mut own = Vec::new();
    for Named { variable, value: path } in &settings.certificates {
        let (file, folder) = if path.is_dir() { (None, Some(path)) } else { (Some(path), None) };
        let found = load_certs_from_paths(file.map(|path| &**path), folder.map(|path| &**path));
        // A folder that is not there is no fault for OpenSSL either: many set one that is for other machines. A hub without
        // TLS needs none.
        let is_needed = *variable != "SSL_CERT_DIR" && settings.endpoint.starts_with("https:");
        if found.certs.is_empty() && is_needed {
            let reason = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
            return Err(HubError::Environment {
                variable,
                found: format!("{}, where no certificate is found{reason}", path.display()),
                expected: "it must be a PEM file of certificate authorities, or be unset",
            });
        }
        own.extend(found.certs);
    }
    if settings.certificates.is_empty() {
        // A machine without any is no reason to do without the built-in ones.
        own = load_native_certs().certs;
    }
    let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().chain(&own);
    Ok(all.map(|certificate| Certificate::from_der(certificate).to_owned()).collect())
}

/// Scheme, host and port.
fn origin(uri: &Uri) -> String {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    // A name and password before the host are no part of it.
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{}://{}", uri.scheme_str().unwrap_or_default(), host.to_ascii_lowercase())
}

/// A header as text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
