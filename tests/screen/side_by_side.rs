//! Runs beside each other: the views of a run need nothing but the run.

use diffuscope::{
    session::Phase,
    trace::Log,
    tui::{
        Lens,
        view::{Pen, RunView, canvas},
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    common,
    driver::{DARK, layer, rows},
};

fn shown<'a>(log: &'a Log, at: usize, phase: &'a Phase, lens: &'a Lens) -> RunView<'a> {
    RunView {
        log,
        at,
        phase,
        lens,
        follows: at == log.len(),
        focused: lens.selected.is_some(),
        recorded: false,
        span: None,
        shown_for: None,
    }
}

#[test]
fn two_runs_fill_the_halves_of_a_screen() {
    let (story, code) = (common::story(), common::code());
    let confidence = Lens { layer: layer("confidence"), ..Lens::default() };
    let selected = Some(code.header().prompt_ids.len() + 3);
    let cache = Lens { layer: layer("cache"), drafts: false, selected, ..Lens::default() };
    let failed = Phase::Failed("out of memory".to_owned());
    let runs = [shown(&story, 9, &Phase::Running, &confidence), shown(&code, code.len(), &failed, &cache)];
    let halves = [Rect::new(0, 0, 60, 30), Rect::new(60, 0, 60, 30)];

    let mut both = Buffer::empty(Rect::new(0, 0, 120, 30));
    let mut pen = Pen::new(&mut both, DARK);
    for (run, half) in runs.iter().zip(halves) {
        canvas::draw(run, half, &mut pen);
    }
    let hits = pen.drawn.hits;
    for (run, half) in runs.iter().zip(halves) {
        let mut alone = Buffer::empty(Rect { x: 0, ..half });
        canvas::draw(run, alone.area, &mut Pen::new(&mut alone, DARK));
        for at in half.positions() {
            assert_eq!(both[at], alone[(at.x - half.x, at.y)], "{at}");
        }
        let text = rows(&alone).join("\n");
        let said = if run.follows { "out of memory".to_owned() } else { format!("step {}", run.at) };
        assert!(text.contains(&said), "{text}");
        assert!(hits.iter().any(|hit| half.contains(hit.area.as_position())), "each half can be clicked");
    }
}
