//! A page for a browser: one file that holds the run, a player and nothing that it would have to load.
//!
//! What a position looks like is worked out here, for every step and every layer, by the same layers that draw the
//! playground; the page knows no rule of decoding and no theme. What does not change from step to step is written once.
//! Script and styles are named in a content policy by their hashes, so that the page can do nothing else, whatever stands in
//! a token; where a site that hosts it has a policy of its own, these hashes are what it has to allow.

mod run;

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::{ExportField, ExportObserver, ExportOptions, Exporter, Frames, markup::escaped};
use crate::tui::Scene;
use run::PageRun;

#[derive(Debug)]
pub(super) struct HtmlPage;

/// Of two runs beside each other, and of demos.
const ONE_RUN: &str = "a page holds one run: make one of each trace, or a gif of them all";

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Exporter for HtmlPage {
    fn name(&self) -> &'static str {
        "html"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["html", "htm"]
    }

    fn about(&self) -> &'static str {
        "a page with the run in it, to be played, scrubbed and looked into"
    }

    fn heeds(&self, field: ExportField) -> bool {
        use ExportField::{Against, Axis, Caption, Layer, Steps, Theme, Title};
        matches!(field, Theme | Layer | Title | Caption | Steps | Against | Axis)
    }

    fn refusal(&self, options: &ExportOptions) -> Option<&'static str> {
        (options.scene == Scene::Compare).then_some(ONE_RUN)
    }

    fn write(&self, frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let Some(log) = frames.log().filter(|_| self.refusal(frames.options()).is_none()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, ONE_RUN));
        };
        let run = PageRun::of(log, frames.options(), observer)?;
        let style = format!("{STYLE}\n{}", run.rules());
        let data = json(&run)?;
        let title = escaped(&run.title);
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            hash(SCRIPT),
            hash(&style)
        );
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"generator\" content=\"diffuscope {}\">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n\
             <body>\n<noscript>This page plays a run of a diffusion language model, which takes JavaScript.</noscript>\n\
             <script type=\"application/json\" id=\"run\">{data}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION"),
        )
    }
}

/// JSON that ends no element and begins no comment, whatever its strings hold.
fn json(run: &PageRun) -> io::Result<String> {
    Ok(serde_json::to_string(run)?
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}
