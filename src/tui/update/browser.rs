//! The browser of kept runs, and what else comes from the disk.

use std::{path::PathBuf, time::Duration};

use super::{Effect, keeping};
use crate::{
    engine::prompt::plain,
    kept::{KeptNews, KeptRequest, KeptRun},
    session::{Phase, Run},
    trace::file::Opened,
    tui::{
        action::{Notice, Overlay},
        app::{App, Confirmation},
        browser::LONGEST_FILTER,
    },
};

/// The browser has been opened: what is kept may have changed since the last time.
pub(super) fn refresh(app: &mut App) -> Vec<Effect> {
    app.browser.filter.clear();
    app.browser.is_reading = true;
    app.list = 0;
    ask(KeptRequest::List)
}

fn ask(request: KeptRequest) -> Vec<Effect> {
    vec![Effect::Kept(request)]
}

/// Types: what is listed has these words.
pub(super) fn typed(app: &mut App, text: &str) -> Vec<Effect> {
    let filter = &mut app.browser.filter;
    let room = LONGEST_FILTER.saturating_sub(filter.chars().count());
    filter.extend(plain(text).chars().take_while(|c| *c != '\n').take(room));
    app.list = 0;
    Vec::new()
}

/// Erases the last character of what is typed.
pub(super) fn erase(app: &mut App) -> Vec<Effect> {
    app.browser.filter.pop();
    app.list = 0;
    Vec::new()
}

/// Erases what is typed.
pub(super) fn clear(app: &mut App) -> Vec<Effect> {
    app.browser.filter.clear();
    app.list = 0;
    Vec::new()
}

/// Opens the selected run; the browser stays until it is read. One that is open already is shown.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    let Some((path, name)) = selected(app).map(|run| (run.path.clone(), run.name.clone())) else { return Vec::new() };
    if let Some(id) = app.session.opened(&name) {
        close(app);
        return keeping::show(app, id);
    }
    ask(KeptRequest::Open(path))
}

/// Removes the selected run, at the second asking.
pub(super) fn delete(app: &mut App) -> Vec<Effect> {
    let Some(path) = selected(app).map(|run| run.path.clone()) else { return Vec::new() };
    if app.asked == Some(Confirmation::Delete) {
        return ask(KeptRequest::Remove(path));
    }
    app.asked = Some(Confirmation::Delete);
    Vec::new()
}

fn selected(app: &App) -> Option<&KeptRun> {
    app.browser.listed().get(app.list).copied()
}

fn close(app: &mut App) {
    app.overlays.retain(|overlay| *overlay != Overlay::Kept);
    app.list = 0;
}

/// Something came from the disk.
pub(super) fn on_news(app: &mut App, news: KeptNews) -> Vec<Effect> {
    match news {
        KeptNews::Prompts(prompts) => app.prompt.recall(prompts),
        KeptNews::Listed { today, runs, trouble } => {
            let is_all = runs.is_empty();
            let browser = &mut app.browser;
            (browser.today, browser.trouble, browser.is_reading) = (Some(today), trouble, !is_all);
            change(app, |_| runs);
        }
        KeptNews::Read { runs: read, is_all } => {
            app.browser.is_reading = !is_all;
            change(app, |mut runs| {
                for run in read {
                    if let Some(listed) = runs.iter_mut().find(|listed| listed.path == run.path) {
                        *listed = run;
                    }
                }
                runs
            });
        }
        KeptNews::Opened { name, run: Ok(opened) } => open(app, &name, *opened),
        KeptNews::Opened { run: Err(why), .. } | KeptNews::Removed { outcome: Err(why), .. } => {
            app.tell(Notice::error(why));
        }
        KeptNews::Removed { path, outcome: Ok(()) } => {
            change(app, |mut runs| {
                runs.retain(|run| run.path != path);
                runs
            });
        }
        KeptNews::Written { run, steps, has_end } => {
            if let Some(run) = app.session.get_mut(run) {
                run.saved |= run.log.len() == steps && run.log.end().is_some() == has_end;
            }
        }
        KeptNews::Trouble(why) => app.tell(Notice::error(why)),
    }
    Vec::new()
}

/// Changes the list; the same run stays selected, or what has come in its place.
fn change(app: &mut App, change: impl FnOnce(Vec<KeptRun>) -> Vec<KeptRun>) {
    let is_open = app.overlays.last() == Some(&Overlay::Kept);
    let before: Option<PathBuf> = selected(app).map(|run| run.path.clone());
    app.browser.runs = change(std::mem::take(&mut app.browser.runs));
    if is_open {
        let listed = app.browser.listed();
        let same = before.and_then(|path| listed.iter().position(|run| run.path == path));
        let last = listed.len().saturating_sub(1);
        app.list = same.unwrap_or(app.list.min(last));
    }
}

/// Shows a run that was read.
fn open(app: &mut App, name: &str, Opened { log, warnings }: Opened) {
    let id = app.session.next_id(app.last_run);
    let run = Run::new(id, Box::new(log), Phase::Over, Duration::ZERO).read_from(name);
    close(app);
    keeping::add(app, run);
    if !warnings.is_empty() {
        app.tell(Notice::error(warnings.join("; ")));
    }
}
