//! A playground that is driven by actions and drawn into a buffer, as the event loop does.

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use diffuscope::{
    engine::{
        ModelRequest,
        protocol::{Command, Event},
    },
    settings::{Layers, preset},
    trace::Log,
    tui::{
        Action, App, Effect, Layer, examples, input_action,
        theme::{Level, Theme, ThemeName},
        update, view,
    },
};
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};

pub const DARK: Theme = Theme { name: ThemeName::Dark, level: Level::True, glyphs: &diffuscope::tui::theme::UNICODE };
pub const LIGHT: Theme = Theme { name: ThemeName::Light, ..DARK };
pub const MONO: Theme = Theme { level: Level::Mono, ..DARK };

/// The layer of that name.
pub fn layer(name: &str) -> Layer {
    Layer::named(name).unwrap()
}

/// The state, a size, and every effect so far.
pub struct Driver {
    pub app: App,
    pub size: (u16, u16),
    pub effects: Vec<Effect>,
}

impl Driver {
    /// A playground that waits for its networks.
    pub fn loading(theme: Theme) -> Self {
        let mut layers = Layers::default();
        layers.set_preset(preset("flashdlm").unwrap());
        Self {
            app: App::live(layers, None, theme, examples(), ModelRequest::default()),
            size: (120, 40),
            effects: Vec::new(),
        }
    }

    /// A playground that has its networks.
    pub fn ready(log: &Log, theme: Theme) -> Self {
        let mut driver = Self::loading(theme);
        let header = log.header();
        driver.hear(Event::Ready {
            denoiser: header.denoiser.clone(),
            guide: header.guide.clone(),
            request: None,
            warnings: Vec::new(),
        });
        driver
    }

    /// A live run of `log` after `steps` of its steps, finished where these are all.
    pub fn live(log: &Log, steps: usize, theme: Theme) -> Self {
        let mut driver = Self::ready(log, theme);
        let text = log.header().prompt.clone();
        driver.app.prompt.set(&text);
        driver.act(Action::Submit);
        driver.hear(Event::Started { run: 1, header: Box::new(log.header().clone()) });
        driver.steps(log, 0..steps);
        if let Some(end) = log.end().filter(|_| steps >= log.len()) {
            driver.hear(Event::Finished { run: 1, end: Box::new(end.clone()) });
        }
        driver.effects.clear();
        driver
    }

    pub fn steps(&mut self, log: &Log, range: std::ops::Range<usize>) {
        let run = self.app.last_run();
        for entry in log.entries().take(range.end).skip(range.start) {
            self.hear(Event::Step { run, entry: entry.into() });
        }
    }

    #[must_use]
    pub fn sized(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    pub fn act(&mut self, action: Action) -> &mut Self {
        let effects = update(&mut self.app, action);
        self.effects.extend(effects);
        self.redraw();
        self
    }

    /// Draws, and keeps where the frame can be clicked.
    pub fn redraw(&mut self) {
        let (_, frame) = self.draw();
        update(&mut self.app, Action::Drawn(Box::new(frame)));
    }

    pub fn hear(&mut self, event: Event) -> &mut Self {
        self.act(Action::Engine(Box::new(event)))
    }

    pub fn tick(&mut self, millis: u64) -> &mut Self {
        self.act(Action::Tick(Duration::from_millis(millis)))
    }

    pub fn event(&mut self, event: TerminalEvent) -> &mut Self {
        if let Some(action) = input_action(&self.app, event) {
            self.act(action);
        }
        self
    }

    pub fn key(&mut self, code: KeyCode) -> &mut Self {
        self.event(TerminalEvent::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    pub fn keys(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.key(KeyCode::Char(c));
        }
        self
    }

    pub fn ctrl(&mut self, c: char) -> &mut Self {
        self.event(TerminalEvent::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)))
    }

    /// The commands to the engine since the last call.
    pub fn commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.effects)
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Engine(command) => Some(command),
                _ => None,
            })
            .collect()
    }

    pub fn draw(&self) -> (Buffer, view::FrameInfo) {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        let drawn = view::draw(&self.app, area, &mut buffer);
        (buffer, drawn)
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        rows(&self.draw().0).join("\n")
    }

    /// The cells that show a position of the canvas.
    pub fn cells_of(&self, position: usize) -> Vec<Cell> {
        let (buffer, drawn) = self.draw();
        let hits = drawn.hits.iter().filter(|hit| hit.click == Some(Action::Select(position)));
        hits.flat_map(|hit| hit.area.positions().map(|at| buffer[at].clone()).collect::<Vec<_>>()).collect()
    }
}

/// The glyphs of a buffer, row by row; what is behind a wide character is left out.
pub fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    buffer
        .content
        .chunks(width.max(1))
        .map(|row| {
            let mut line = String::new();
            let mut hidden = 0;
            for cell in row {
                if hidden == 0 {
                    line.push_str(cell.symbol());
                    hidden = view::cells(cell.symbol()).max(1);
                }
                hidden -= 1;
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// A picture in three parts: the glyphs, a grid of style keys, and what the keys mean.
pub fn picture(buffer: &Buffer) -> String {
    const KEYS: &[u8] = b".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+=<>?@^~";
    let mut styles: Vec<(Color, Color, Modifier)> = Vec::new();
    let mut grid = String::new();
    let width = usize::from(buffer.area.width).max(1);
    for row in buffer.content.chunks(width) {
        for cell in row {
            let style = (cell.fg, cell.bg, cell.modifier);
            let index = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            grid.push(KEYS.get(index).map_or('_', |key| char::from(*key)));
        }
        grid.push('\n');
    }
    let legend: Vec<String> = styles
        .iter()
        .enumerate()
        .map(|(index, (fg, bg, modifier))| {
            let key = KEYS.get(index).map_or('_', |key| char::from(*key));
            format!("{key} {fg} on {bg} {modifier:?}")
        })
        .collect();
    format!("{}\n\n{grid}\n{}\n", rows(buffer).join("\n"), legend.join("\n"))
}
