//! Requests to the hub: redirects, the token, and what an answer other than yes means.

use std::{io::Read, ops::ControlFlow, sync::Arc, thread, time::Duration};

use serde::Deserialize;
use ureq::{
    Agent, Body, RequestExt,
    http::{HeaderMap, Request, Response, StatusCode, Uri, header},
    tls::TlsConfig,
};

use super::{HubError, HubSettings, cache};
use crate::model::source::{self, HubModel, Progress, Watch};

/// The longest answer about a model: its list of files.
const LONGEST_LISTING: u64 = 16 << 20;
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 8;
/// Attempts in a row that may fail before it is told.
pub(super) const ATTEMPTS: u32 = 5;

/// The way to one hub.
pub(super) struct Client<'a> {
    settings: &'a HubSettings,
    agent: Agent,
    origin: String,
    has_tls: bool,
}

/// Which files a model has, and of which commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub commit: String,
    pub files: Vec<String>,
}

/// What the hub says of a file before it sends it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Description {
    /// Its name within the model.
    pub file: String,
    /// What its content is called in the cache.
    pub etag: String,
    /// Its length in bytes.
    pub size: u64,
}

impl Description {
    /// The SHA-256 of the content in lower-case hexadecimal, where the etag is one: that of every large file.
    pub(super) fn sha256(&self) -> Option<String> {
        let is_hash = self.etag.len() == 64 && self.etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| self.etag.to_ascii_lowercase())
    }
}

/// Why an attempt failed: whether another one may do better.
pub(super) enum Trouble {
    /// Nobody answered, or the server is unwell.
    Passing(HubError),
    /// Asking again gives the same answer.
    Final(HubError),
}

impl From<HubError> for Trouble {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

impl<'a> Client<'a> {
    /// A client; nothing is asked yet.
    pub(super) fn new(settings: &'a HubSettings) -> Result<Self, HubError> {
        let answer = |reason: String| HubError::Away { endpoint: settings.endpoint.clone(), reason };
        let uri: Uri = settings.endpoint.parse().map_err(|_| answer("it is no address".to_owned()))?;
        let tls = tls();
        let has_tls = tls.is_some();
        if uri.scheme_str() == Some("https") && !has_tls {
            return Err(HubError::NoTls { endpoint: settings.endpoint.clone() });
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(settings.silence))
            .timeout_recv_response(Some(settings.silence))
            .timeout_per_read(Some(settings.silence));
        if let Some(tls) = tls {
            config = config.tls_config(tls);
        }
        if uri.host().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")) {
            // What runs on this machine is not behind a proxy.
            config = config.proxy(None);
        }
        Ok(Self { settings, agent: config.build().into(), origin: origin(&uri), has_tls })
    }

    /// Which files the model has.
    pub(super) fn list(&self, model: &HubModel, watch: &mut Watch<'_>) -> Result<Listing, HubError> {
        #[derive(Deserialize)]
        struct Answer {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let revision = escaped(cache::revision(model));
        let url = format!("{}/api/models/{}/revision/{revision}", self.settings.endpoint, model.repo());
        let unusable = |reason: String| HubError::Answer { what: model.to_string(), reason };
        let answer: Answer = self.persist(model, watch, || {
            let response = self.follow("GET", &url, None, |_| false)?;
            if response.status() != StatusCode::OK {
                return Err(self.refusal(model, None, &response));
            }
            let mut bytes = Vec::new();
            let mut body = response.into_body().into_reader().take(LONGEST_LISTING);
            body.read_to_end(&mut bytes).map_err(|error| Trouble::Passing(self.away(&error.to_string())))?;
            serde_json::from_slice(&bytes).map_err(|error| Trouble::Final(unusable(error.to_string())))
        })?;
        if !cache::is_commit(&answer.sha) {
            return Err(unusable(format!("`{}` is no commit", answer.sha)));
        }
        let files = answer.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
        Ok(Listing { commit: answer.sha, files })
    }

    /// The address of a file at a commit.
    pub(super) fn address(&self, model: &HubModel, commit: &str, file: &str) -> String {
        format!("{}/{}/resolve/{commit}/{}", self.settings.endpoint, model.repo(), escaped_path(file))
    }

    /// What a file is like. The hub describes large files where it redirects to their storage, small ones where they are.
    pub(super) fn describe(
        &self,
        model: &HubModel,
        commit: &str,
        file: &str,
        watch: &mut Watch<'_>,
    ) -> Result<Description, HubError> {
        let url = self.address(model, commit, file);
        self.persist(model, watch, || {
            let response = self.follow("HEAD", &url, None, |headers| headers.contains_key("x-linked-etag"))?;
            let status = response.status();
            if !status.is_success() && !status.is_redirection() {
                return Err(self.refusal(model, Some(file), &response));
            }
            let unusable = |reason: &str| {
                Trouble::Final(HubError::Answer { what: format!("{file} of {model}"), reason: reason.to_owned() })
            };
            let headers = response.headers();
            let etag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag"));
            let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
            let Some(etag) = etag.filter(|etag| source::is_safe(etag) && !etag.contains('/')) else {
                return Err(unusable("it has no etag that could be a name"));
            };
            let size = text(headers, "x-linked-size").or_else(|| text(headers, "content-length"));
            let Some(size) = size.and_then(|size| size.parse().ok()) else {
                return Err(unusable("it does not say how long the file is"));
            };
            Ok(Description { file: file.to_owned(), etag, size })
        })
    }

    /// Asks for the bytes of a file from `start` on.
    pub(super) fn open(&self, model: &HubModel, file: &str, url: &str, start: u64) -> Result<Response<Body>, Trouble> {
        let response = self.follow("GET", url, (start > 0).then_some(start), |_| false)?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Ok(response),
            _ => Err(self.refusal(model, Some(file), &response)),
        }
    }

    /// Tries once more where that may help. Where nobody is there at all, more would be a nuisance.
    fn persist<T>(
        &self,
        model: &HubModel,
        watch: &mut Watch<'_>,
        mut attempt: impl FnMut() -> Result<T, Trouble>,
    ) -> Result<T, HubError> {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Passing(_)) => self.rest(model, 1, watch)?,
        }
        attempt().map_err(|(Trouble::Final(error) | Trouble::Passing(error))| error)
    }

    /// Waits before attempt number `failures`, unless the user breaks it off.
    pub(super) fn rest(&self, model: &HubModel, failures: u32, watch: &mut Watch<'_>) -> Result<(), HubError> {
        const SLICE: Duration = Duration::from_millis(100);
        let mut left = self.settings.pause * 2_u32.saturating_pow(failures.saturating_sub(1).min(6));
        while !left.is_zero() {
            if let ControlFlow::Break(()) = watch(&Progress::Waiting { model: model.to_string() }) {
                return Err(HubError::Cancelled);
            }
            let slice = left.min(SLICE);
            thread::sleep(slice);
            left -= slice;
        }
        Ok(())
    }

    /// Sends a request and follows redirects, until an answer is none or has headers that `enough` is content with.
    fn follow(
        &self,
        method: &str,
        url: &str,
        start: Option<u64>,
        enough: impl Fn(&HeaderMap) -> bool,
    ) -> Result<Response<Body>, Trouble> {
        let mut address = url.to_owned();
        for _ in 0..=MOST_REDIRECTS {
            let uri: Uri = address.parse().map_err(|_| self.odd_redirect(&address))?;
            if uri.scheme_str() == Some("https") && !self.has_tls {
                return Err(HubError::NoTls { endpoint: origin(&uri) }.into());
            }
            let mut request = Request::builder().method(method).uri(uri.clone());
            // The token is for the hub, not for the storage that it redirects to.
            if let Some(token) = self.settings.token.as_ref().filter(|_| origin(&uri) == self.origin) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            if let Some(start) = start {
                request = request.header(header::RANGE, format!("bytes={start}-"));
            }
            let request = request.body(()).map_err(|error| self.odd_redirect(&error.to_string()))?;
            let response =
                request.with_agent(&self.agent).run().map_err(|error| Trouble::Passing(self.away(&reason(&error))))?;
            if !response.status().is_redirection() || enough(response.headers()) {
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

    pub(super) fn away(&self, reason: &str) -> HubError {
        HubError::Away { endpoint: self.settings.endpoint.clone(), reason: reason.to_owned() }
    }

    /// What an answer that is no success means. The hub tells more in a header of its own than in the status: a gated
    /// model answers 401 to any token that may not read it.
    fn refusal(&self, model: &HubModel, file: Option<&str>, response: &Response<Body>) -> Trouble {
        let endpoint = self.settings.endpoint.clone();
        let (repo, with_token) = (model.repo().to_owned(), self.settings.token.is_some());
        let status = response.status();
        let error = match (text(response.headers(), "x-error-code"), status.as_u16(), file) {
            (Some("GatedRepo"), ..) | (_, 403, _) => HubError::Gated { endpoint, repo, with_token },
            (Some("RevisionNotFound"), ..) => {
                HubError::NoRevision { endpoint, repo, revision: cache::revision(model).to_owned() }
            }
            (Some("EntryNotFound"), _, Some(file)) | (None, 404, Some(file)) => {
                HubError::NoFile { repo, file: file.to_owned(), files: Vec::new() }
            }
            (None, 401, _) if with_token => HubError::Token { endpoint },
            (_, 401 | 404, _) => HubError::NoModel { endpoint, model: repo },
            (_, 429, _) => HubError::TooMany { endpoint },
            (_, status, _) => {
                let error = HubError::Status { endpoint, status };
                return if status >= 500 { Trouble::Passing(error) } else { Trouble::Final(error) };
            }
        };
        Trouble::Final(error)
    }
}

/// TLS on this machine, if its processor has what that takes.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn tls() -> Option<TlsConfig> {
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
    fits.then(|| {
        let provider = Arc::new(rustls_graviola::default_provider());
        TlsConfig::builder().unversioned_rustls_crypto_provider(provider).build()
    })
}

/// There is no TLS for this architecture.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn tls() -> Option<TlsConfig> {
    None
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

/// What happened on the way, in a few words.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "it is silent".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        other => other.to_string(),
    }
}

/// A revision as one part of an address.
fn escaped(revision: &str) -> String {
    escaped_path(revision).replace('/', "%2F")
}

/// A path within an address. Its characters are those of [`source::is_safe`].
fn escaped_path(path: &str) -> String {
    path.replace('+', "%2B").replace('=', "%3D").replace('(', "%28").replace(')', "%29")
}
