//! Pages and pictures for browsers: what a file holds, and what a browser makes of it, where there is one.

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

/// The trace of a run on [`HOSTILE`].
fn trace(pair: &Folder) -> String {
    let file = |name: &str| pair.path(name).display().to_string();
    let trace = file("run.jsonl");
    let models = [file("denoiser"), file("guide")];
    let run = ["run", "--prompt", HOSTILE, "--trace", &trace, "--model", &models[0], "--guide-model", &models[1]];
    succeed(program().args(run).args(["--preset", "threshold", "--gen-length", "24"]));
    trace
}

/// Its page.
fn page(pair: &Folder) -> String {
    page_of(pair, &trace(pair), &["--caption", HOSTILE, "--layer", "entropy"])
}

fn page_of(pair: &Folder, trace: &str, arguments: &[&str]) -> String {
    let page = pair.path("run.html").display().to_string();
    succeed(program().args(["export", trace, "--force", "-o", &page]).args(arguments));
    page
}

/// The run that a page holds.
fn held(html: &str) -> Value {
    serde_json::from_str(between(html, "id=\"run\">", "</script>")).unwrap()
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
    let run = held(&html);
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
fn a_page_holds_the_steps_that_were_asked_for() {
    let pair = pair();
    let trace = trace(&pair);
    let whole = held(&std::fs::read_to_string(page_of(&pair, &trace, &[])).unwrap());
    let part = held(&std::fs::read_to_string(page_of(&pair, &trace, &["--steps", "2..3"])).unwrap());
    assert_eq!((&part["from"], &part["steps"].as_array().unwrap().len()), (&json!(2), &2));
    assert_eq!(part["end"], Value::Null, "it does not show the end");
    assert!(!whole["end"].is_null());
    let step = |run: &Value, at: usize, name: &str| run["steps"][at][name].clone();
    for name in ["at", "passes", "computed", "block", "why"] {
        assert_eq!(step(&part, 0, name), step(&whole, 2, name), "{name}");
    }
    let texts = |run: &Value| -> std::collections::BTreeSet<String> {
        run["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    assert!(texts(&part).is_subset(&texts(&whole)) && texts(&part) != texts(&whole), "later texts are not in it");
}

#[test]
fn a_page_is_of_one_run() {
    let pair = pair();
    let file = |name: &str| pair.path(name).display().to_string();
    let trace = trace(&pair);
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
    // A layer without data says why, as the playground does.
    let absence = "document.getElementById('absence').textContent";
    assert_eq!(browser.ask(absence), json!("the entropy layer begins with step 1"));
    browser.click("layer-guide");
    browser.click("forth");
    assert_eq!(browser.ask(absence), json!("recorded without a guide"));
    assert_eq!(browser.ask("document.getElementById('layer-guide').title"), json!("recorded without a guide"));
    browser.click("layer-reason");
    assert_eq!(browser.ask(absence), json!(""));
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

#[test]
fn a_browser_begins_a_page_where_its_steps_begin() {
    let Some(mut browser) = Browser::start() else {
        eprintln!("skipped: there is no Chromium here (chromium, chromium-browser, google-chrome)");
        return;
    };
    let pair = pair();
    browser.open(&format!("file://{}", page_of(&pair, &trace(&pair), &["--steps", "2..3"])));
    let count = "document.getElementById('count').textContent";
    assert_eq!(browser.ask(count), json!("2 / 3"));
    browser.press("End");
    assert_eq!(browser.ask(count), json!("3 / 3"));
    assert_eq!(browser.ask("document.querySelector('.verdict').textContent"), json!("running"));
    let rows = "document.getElementById('map').height / 6";
    assert_eq!(browser.ask(rows), json!(2), "a row of the map for each step");
    browser.ask("document.querySelectorAll('.token:not(.open)')[0].click()");
    assert!(browser.ask("document.getElementById('inspector').textContent").as_str().unwrap().contains("step 3"));
    assert_eq!(browser.errors, "");
}

#[test]
fn a_browser_shows_each_frame_of_a_moving_picture_in_its_time() {
    let Some(mut browser) = Browser::start() else {
        eprintln!("skipped: there is no Chromium here (chromium, chromium-browser, google-chrome)");
        return;
    };
    let pair = pair();
    let (trace, picture) = (trace(&pair), pair.path("run.svg").display().to_string());
    let still = |steps: &str| {
        let still = pair.path(&format!("{steps}.svg")).display().to_string();
        let format = ["--format", "svg-still", "--steps", steps];
        succeed(program().args(["export", &trace, "-o", &still]).args(format));
        format!("file://{still}")
    };
    succeed(program().args(["export", &trace, "-o", &picture, "--no-typing", "--fps", "2", "--hold", "2"]));
    let first = (still("0"), "0");
    let middle = (still("2"), "2250");
    // What is seen: each text that is not hidden, with the place of its last letter, from top to bottom.
    let seen = "JSON.stringify([...document.querySelectorAll('text')]
        .filter(text => getComputedStyle(text).visibility === 'visible')
        .flatMap(text => [...text.textContent].map((letter, at) => [letter, text.getStartPositionOfChar(at), text]))
        .filter(([letter]) => letter !== ' ')
        .map(([letter, place]) => [place.y, place.x, letter]).sort((a, b) => a[0] - b[0] || a[1] - b[1]))";
    for (still, time) in [first, middle] {
        browser.open(&still);
        assert_eq!(browser.ask("document.getAnimations().length"), json!(0));
        let expected = browser.ask(seen);
        browser.open(&format!("file://{picture}"));
        browser.ask(&format!("document.getAnimations().forEach(one => {{ one.pause(); one.currentTime = {time}; }})"));
        assert!(expected.as_str().unwrap().len() > 1000);
        assert_eq!(browser.ask(seen), expected, "at {time} ms");
    }
    let words = "document.documentElement.textContent";
    assert!(browser.ask(words).as_str().unwrap().contains("</script>"), "hostile text is text");
    assert_eq!(browser.ask("document.title"), json!(HOSTILE.replace('\u{202e}', "\u{fffd}")));
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
