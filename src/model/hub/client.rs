//! Requests to the hub, and what its HTTP errors mean.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use ureq::http::{HeaderMap, StatusCode};

use super::{
    HubError, HubSettings, cache,
    patience::{Patience, Retry},
    report::ProgressReporter,
    way::{Answer, Question, Way, text},
};
use crate::model::source::{self, HubModel};

/// The longest answer about a model: its list of files.
const LONGEST_LISTING: usize = 16 << 20;
/// Attempts in a row that may fail before it is an error, where bytes of a file are asked for.
const ATTEMPTS: u32 = 5;
/// The same for all other requests: where there is no server at all, more would be a nuisance.
const FEW_ATTEMPTS: u32 = 2;

/// The way to one hub.
pub(super) struct Client<'a> {
    settings: &'a HubSettings,
    way: Arc<Way>,
}

/// Which files a model has, and of which commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RepoListing {
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

impl<'a> Client<'a> {
    /// A client; nothing is asked yet.
    pub(super) fn new(settings: &'a HubSettings) -> Result<Self, HubError> {
        Ok(Self { settings, way: Arc::new(Way::new(settings)?) })
    }

    /// The attempts that remain to get the bytes of a file.
    pub(super) fn patience(&self) -> Patience<'a> {
        Patience::new(self.settings, ATTEMPTS)
    }

    /// Which files the model has at a revision.
    pub(super) fn list(
        &self,
        model: &HubModel,
        revision: &str,
        report: &mut ProgressReporter<'_, '_>,
    ) -> Result<RepoListing, HubError> {
        #[derive(Deserialize)]
        struct Reply {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let url = format!("{}/api/models/{}/revision/{}", self.settings.endpoint, model.repo(), escaped(revision));
        let unusable = |reason: String| HubError::Answer { what: model.to_string(), reason };
        let question = Question { method: "GET", url, start: None, enough: None };
        let reply: Reply = self.with_retries(report, |report| {
            let answer = self.way.ask(question.clone(), report)?;
            if answer.status != StatusCode::OK {
                return Err(self.refusal(model, None, &answer));
            }
            self.check_kind(&model.to_string(), &answer.headers)?;
            let bytes = answer.body(&self.way, LONGEST_LISTING, report)?;
            serde_json::from_slice(&bytes).map_err(|error| {
                let is_page = bytes.trim_ascii_start().starts_with(b"<");
                Retry::Never(if is_page { self.page(&model.to_string()) } else { unusable(error.to_string()) })
            })
        })?;
        if !cache::is_commit(&reply.sha) {
            return Err(unusable(format!("`{}` is no commit", reply.sha)));
        }
        let files = reply.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
        Ok(RepoListing { commit: reply.sha, files })
    }

    /// The address of a file at a commit.
    fn address(&self, model: &HubModel, commit: &str, file: &str) -> String {
        format!("{}/{}/resolve/{commit}/{}", self.settings.endpoint, model.repo(), escaped_path(file))
    }

    /// What a file is like. The hub describes large files where it redirects to their storage, small ones where they are.
    pub(super) fn describe(
        &self,
        model: &HubModel,
        commit: &str,
        file: &str,
        report: &mut ProgressReporter<'_, '_>,
    ) -> Result<Description, HubError> {
        let url = self.address(model, commit, file);
        let question = Question { method: "HEAD", url, start: None, enough: Some("x-linked-etag") };
        self.with_retries(report, |report| {
            let answer = self.way.ask(question.clone(), report)?;
            if !answer.status.is_success() && !answer.status.is_redirection() {
                return Err(self.refusal(model, Some(file), &answer));
            }
            let what = format!("{file} of {model}");
            // What a redirect itself consists of does not matter.
            if answer.status.is_success() {
                self.check_kind(&what, &answer.headers)?;
            }
            let unusable =
                |reason: &str| Retry::Never(HubError::Answer { what: what.clone(), reason: reason.to_owned() });
            let etag = text(&answer.headers, "x-linked-etag").or_else(|| text(&answer.headers, "etag"));
            let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
            let Some(etag) = etag.filter(|etag| source::is_safe(etag) && !etag.contains('/')) else {
                return Err(unusable("it has no etag that could be a name"));
            };
            let size = text(&answer.headers, "x-linked-size").or_else(|| text(&answer.headers, "content-length"));
            let Some(size) = size.and_then(|size| size.parse().ok()) else {
                return Err(unusable("it does not say how long the file is"));
            };
            Ok(Description { file: file.to_owned(), etag, size })
        })
    }

    /// Asks for the bytes of a file from `start` on.
    pub(super) fn open(
        &self,
        model: &HubModel,
        commit: &str,
        file: &str,
        start: u64,
        report: &mut ProgressReporter<'_, '_>,
    ) -> Result<Answer, Retry> {
        let url = self.address(model, commit, file);
        let question = Question { method: "GET", url, start: (start > 0).then_some(start), enough: None };
        let answer = self.way.ask(question, report)?;
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.check_kind(&format!("{file} of {model}"), &answer.headers)?;
                Ok(answer)
            }
            _ => Err(self.refusal(model, Some(file), &answer)),
        }
    }

    /// Tries again where that may help.
    fn with_retries<T>(
        &self,
        report: &mut ProgressReporter<'_, '_>,
        mut attempt: impl FnMut(&mut ProgressReporter<'_, '_>) -> Result<T, Retry>,
    ) -> Result<T, HubError> {
        let mut patience = Patience::new(self.settings, FEW_ATTEMPTS);
        loop {
            match attempt(report) {
                Ok(value) => return Ok(value),
                Err(retry) => patience.back_off(retry, report).map_err(Retry::error)?,
            }
        }
    }

    /// Refuses web pages, which no file that is wanted is, and compressed content, which was not asked for.
    fn check_kind(&self, what: &str, headers: &HeaderMap) -> Result<(), HubError> {
        if text(headers, "content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html")) {
            return Err(self.page(what));
        }
        match text(headers, "content-encoding").filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            Some(encoding) if !encoding.is_empty() => Err(HubError::Answer {
                what: what.to_owned(),
                reason: format!(
                    "it comes compressed ({encoding}), which was not asked for; check HF_ENDPOINT and proxies"
                ),
            }),
            _ => Ok(()),
        }
    }

    fn page(&self, what: &str) -> HubError {
        HubError::Page { endpoint: self.settings.endpoint.clone(), what: what.to_owned() }
    }

    /// The error that an HTTP answer stands for. The hub says more in a header of its own than in the status: a gated
    /// model answers 401 to any token that may not read it.
    fn refusal(&self, model: &HubModel, file: Option<&str>, answer: &Answer) -> Retry {
        let endpoint = self.settings.endpoint.clone();
        let (repo, with_token) = (model.repo().to_owned(), self.settings.token.is_some());
        let status = answer.status.as_u16();
        Retry::Never(match (text(&answer.headers, "x-error-code"), status, file) {
            (Some("GatedRepo"), ..) | (_, 403, _) => HubError::Gated { endpoint, repo, with_token },
            (Some("RevisionNotFound"), ..) => {
                HubError::NoRevision { endpoint, repo, revision: cache::revision(model).to_owned() }
            }
            (Some("EntryNotFound"), _, Some(file)) | (None, 404, Some(file)) => {
                HubError::NoFile { repo, file: file.to_owned(), files: Vec::new() }
            }
            (None, 401, _) if with_token => HubError::Token { endpoint },
            (_, 401 | 404, _) => HubError::NoModel { endpoint, model: repo },
            (_, 429 | 500.., _) => {
                let wait = wait_asked(&answer.headers);
                let error = match status {
                    429 => HubError::TooMany { endpoint, wait },
                    _ => HubError::Status { endpoint, status },
                };
                return match wait {
                    Some(wait) => Retry::After(error, wait),
                    None => Retry::Soon(error),
                };
            }
            _ => HubError::Status { endpoint, status },
        })
    }
}

/// How long the hub asks to be left alone: `Retry-After: 30`, or a date, which counts from the hub's own clock; else
/// `RateLimit: "api";r=0;t=30`.
fn wait_asked(headers: &HeaderMap) -> Option<Duration> {
    let after = text(headers, "retry-after").and_then(|after| {
        let until = || Some(date(after)?.saturating_sub(date(text(headers, "date")?)?));
        after.parse().ok().or_else(until)
    });
    let reset = || {
        let limit = text(headers, "ratelimit")?;
        limit.split(';').find_map(|part| part.trim().strip_prefix("t=")?.parse().ok())
    };
    after.or_else(reset).map(Duration::from_secs)
}

/// Seconds up to a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, from some fixed day.
fn date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.split_once(", ")?;
    let words: Vec<&str> = date.split([' ', ':']).collect();
    let &[day, month, year, hour, minute, second, "GMT"] = words.as_slice() else { return None };
    let number = |word: &str, most: u64| word.parse::<u64>().ok().filter(|number| *number <= most);
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    // A year begins with March, so that the day that some have more is the last.
    let (year, month) =
        if month < 2 { (number(year, 9999)?.checked_sub(1)?, month + 10) } else { (number(year, 9999)?, month - 2) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + number(day, 31)?;
    Some(((days * 24 + number(hour, 23)?) * 60 + number(minute, 59)?) * 60 + number(second, 60)?)
}

/// A revision as one part of an address.
fn escaped(revision: &str) -> String {
    escaped_path(revision).replace('/', "%2F")
}

/// A path within an address. Its characters are those of [`source::is_safe`].
fn escaped_path(path: &str) -> String {
    path.replace('+', "%2B").replace('=', "%3D").replace('(', "%28").replace(')', "%29")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        wait_asked(&headers.collect::<HeaderMap>()).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_named_in_seconds_as_a_date_or_as_a_limit() {
        let at = ("date", "Mon, 28 Feb 2028 23:59:30 GMT");
        assert_eq!(wait(&[("retry-after", "30")]), Some(30));
        assert_eq!(wait(&[("retry-after", "Tue, 29 Feb 2028 00:00:00 GMT"), at]), Some(30));
        assert_eq!(wait(&[("retry-after", "Wed, 01 Mar 2028 00:00:00 GMT"), at]), Some(30 + 86_400));
        assert_eq!(wait(&[("retry-after", "Mon, 28 Feb 2028 12:00:00 GMT"), at]), Some(0), "it is over");
        let new_year = [("retry-after", "Sat, 01 Jan 2028 00:00:05 GMT"), ("date", "Fri, 31 Dec 2027 23:59:55 GMT")];
        assert_eq!(wait(&new_year), Some(10));
        assert_eq!(wait(&[("retry-after", "Tue, 29 Feb 2028 00:00:00 GMT")]), None, "by whose clock?");
        assert_eq!(wait(&[("ratelimit", "\"api\";r=0;t=55")]), Some(55));
        assert_eq!(wait(&[("retry-after", "7"), ("ratelimit", "\"api\";r=0;t=55")]), Some(7));
        for senseless in ["-1", "soon", "Tue, 29 Foo 2028 00:00:00 GMT", "Tue, 99 Feb 2028 00:00:00 GMT", ""] {
            assert_eq!(wait(&[("retry-after", senseless), at]), None, "{senseless}");
        }
    }
}
