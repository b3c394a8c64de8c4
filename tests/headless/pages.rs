//! Pages for browsers: what a file holds, and what a browser makes of it, where there is one.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Folder, pair,
    support::program::{program, refusal, succeed},
};

/// A prompt that a page must not take for a part of itself.
const HOSTILE: &str = "</script><script>document.title='taken'</script><!-- <b>Reverse</b> \u{202e}this";

/// The page of a run on [`HOSTILE`].
fn page(pair: &Folder) -> String {
    let file = |name: &str| pair.path(name).display().to_string();
    let (trace, page) = (file("run.jsonl"), file("run.html"));
    let models = [file("denoiser"), file("guide")];
    let run = ["run", "--prompt", HOSTILE, "--trace", &trace, "--model", &models[0], "--guide-model", &models[1]];
    succeed(program().args(run).args(["--preset", "threshold", "--gen-length", "24"]));
    succeed(program().args(["export", &trace, "-o", &page, "--caption", HOSTILE, "--layer", "entropy"]));
    page
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after}")).0
}

#[test]
fn a_page_holds_the_run_and_may_do_nothing_else() {
    let pair = pair();
    let html = std::fs::read_to_string(page(&pair)).unwrap();
    assert!(!html.contains("://") && !html.contains(" src=") && !html.contains(" href="), "nothing is loaded");
    assert_eq!(html.matches("<script").count(), 2, "text opens no element");
    assert_eq!(html.matches("</script>").count(), 2, "text ends none");
    assert!(!html.contains("<!--") && !html.contains('\u{202e}'));
    let policy = between(&html, "Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let script = between(&html, "</script>\n<script>", "</script>");
    let expected = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(between(&html, "<style>", "</style>"))
    );
    assert_eq!(policy, expected);
    let run: Value = serde_json::from_str(between(&html, "id=\"run\">", "</script>")).unwrap();
    assert_eq!(run["layers"][run["layer"].as_u64().unwrap() as usize], "entropy");
    let prompt = run["prompt"].as_str().unwrap();
    assert_eq!(prompt, HOSTILE.replace('\u{202e}', "\u{fffd}"));
    // Every step names what it changed; together they are the run.
    let steps = run["steps"].as_array().unwrap();
    let wrote: u64 = steps.iter().map(|step| step["wrote"].as_u64().unwrap()).sum();
    assert_eq!(wrote, 24);
    let texts = run["texts"].as_array().unwrap();
    for step in steps {
        for text in step["changed"][0].as_array().unwrap().chunks(2) {
            assert!((text[1].as_u64().unwrap() as usize) < texts.len());
        }
    }
}

#[test]
fn a_page_is_of_one_run() {
    let pair = pair();
    page(&pair);
    let file = |name: &str| pair.path(name).display().to_string();
    let trace = file("run.jsonl");
    let told = refusal(program().args(["export", &trace, "--against", &trace, "-o", &file("two.html")]));
    assert!(told.contains("a page holds one run"), "{told}");
    assert!(!pair.path("two.html").exists());
}

#[test]
fn a_browser_plays_a_page_and_obeys_its_controls() {
    let Some(mut browser) = Browser::start() else {
        eprintln!("skipped: there is no Chromium here (chromium, chromium-browser, google-chrome)");
        return;
    };
    let pair = pair();
    browser.open(&format!("file://{}", page(&pair)));
    assert_eq!(
        browser.ask("document.title"),
        json!(format!("{} · threshold", HOSTILE.replace('\u{202e}', "\u{fffd}")))
    );
    let last: u64 = browser.ask("Number(document.getElementById('bar').max)").as_u64().unwrap();
    assert!(last > 1);
    let count = "document.getElementById('count').textContent";
    assert_eq!(browser.ask(count), json!(format!("0 / {last}")));
    assert_eq!(browser.ask("document.querySelector('.verdict').textContent"), json!("running"));
    assert_eq!(browser.ask("document.querySelectorAll('.token.open').length"), json!(24), "all is masked");
    browser.click("forth");
    assert_eq!(browser.ask(count), json!(format!("1 / {last}")));
    browser.click("back");
    browser.click("layer-reason");
    assert_eq!(browser.ask("document.getElementById('layer-reason').getAttribute('aria-checked')"), json!("true"));
    browser.press("End");
    assert_eq!(browser.ask(count), json!(format!("{last} / {last}")));
    assert_eq!(browser.ask("document.querySelectorAll('.token.open').length"), json!(0), "all is written");
    assert_ne!(browser.ask("document.querySelector('.verdict').textContent"), json!("running"));
    browser.ask("document.querySelectorAll('.token')[5].click()");
    let inspector = browser.ask("document.getElementById('inspector').textContent");
    assert!(inspector.as_str().unwrap().contains("writtenat step"), "{inspector}");
    // From its end it plays again, from the beginning.
    browser.press(" ");
    assert_eq!(browser.ask("document.getElementById('play').getAttribute('aria-pressed')"), json!("true"));
    browser.press(" ");
    assert_eq!(browser.ask("document.getElementById('play').getAttribute('aria-pressed')"), json!("false"));
    let shot = browser.picture();
    assert!(shot.starts_with(b"\x89PNG") && shot.len() > 5_000, "a picture of {} bytes", shot.len());
    assert_eq!(browser.errors, "");
}

/// A Chromium without a window, spoken to over its debugging pipe: JSON, each message ended by a NUL.
struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: String,
    number: u64,
    /// What the page complained of.
    errors: String,
    _profile: Folder,
}

impl Browser {
    /// `None` where there is none.
    fn start() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let is_there = |name: &&&str| {
            let mut version = Command::new(name);
            version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
        };
        let name = names.iter().find(is_there)?;
        let profile = Folder::new();
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null", name])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path("profile").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let errors = String::new();
        let mut browser = Self { process, to, from, session: String::new(), number: 0, errors, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        attached["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, &json!({}));
        }
        Some(browser)
    }

    fn open(&mut self, address: &str) {
        self.call("Page.navigate", &json!({"url": address}));
        while self.hear()["method"] != "Page.loadEventFired" {}
    }

    /// The value of an expression.
    fn ask(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Clicks where an element is, as a mouse does.
    fn click(&mut self, id: &str) {
        let place = format!(
            "(() => {{ const node = document.getElementById('{id}'); node.scrollIntoView(); \
             const area = node.getBoundingClientRect(); return [area.x + area.width / 2, area.y + area.height / 2]; }})()"
        );
        let place = self.ask(&place);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    fn press(&mut self, key: &str) {
        self.ask(&format!(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"
        ));
    }

    fn picture(&mut self) -> Vec<u8> {
        let shot = self.call("Page.captureScreenshot", &json!({}));
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        self.to.flush().unwrap();
        loop {
            let answer = self.hear();
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        let message: Value = serde_json::from_slice(&message).unwrap();
        if ["Runtime.exceptionThrown", "Log.entryAdded"].iter().any(|method| message["method"] == *method) {
            writeln!(self.errors, "{message}").unwrap();
        }
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
