//! What can happen: intentions of the user, news from the engine, the passing of time; and what must follow.

use std::{ops::Range, time::Duration};

use crossterm::event::KeyEvent;

use super::{
    arrangement::Arrangement,
    compare::{CompareAction, RunSide},
    copy::CopySource,
    demo::DemoAction,
    exporting::ExportNews,
    pane::Pane,
    theme::{Rgb, ThemeName},
    view::{FrameInfo, Layer},
};
use crate::{
    engine::protocol::{Command, Event, RunId},
    kept::{KeptNews, KeptRequest},
    settings::Preset,
};

/// A direction on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The token before.
    Left,
    /// The token after.
    Right,
    /// The nearest token in the row above; on the map, the step before.
    Up,
    /// The nearest token in the row below; on the map, the next step.
    Down,
}

/// Where keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Focus {
    /// The prompt editor.
    Prompt,
    /// Canvas and timeline.
    Canvas,
    /// The knob pane.
    Knobs,
    /// The figures.
    Figures,
}

/// A layer above the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlay {
    /// Every key.
    Help,
    /// What the colours and marks mean.
    Legend,
    /// Prompts that the embedded pair has learned.
    Gallery,
    /// Named sets of knob values.
    Presets,
    /// Models to load.
    Models,
    /// Runs that are kept on the disk.
    Kept,
    /// The runs of this sitting.
    Runs,
    /// A name for the settings in force.
    SavePreset,
    /// A tour in a few cards.
    Tour,
    /// Everything that can be done, by name.
    Palette,
    /// What can be copied.
    Copy,
    /// What is shown, as a recording or a table.
    Export,
}

/// Something that happens to the playground.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Leave.
    Quit,
    /// Hand the terminal back to the shell until resumed.
    Suspend,
    /// Paint everything again.
    Repaint,
    /// Take the next theme.
    NextTheme,
    /// The terminal says what its own background is.
    Ground(Rgb),

    /// Open or close a layer above the screen.
    Toggle(Overlay),
    /// Close the top layer, leave the entry, drop the selection: whatever is in front.
    Back,
    /// Move through the list (or scroll the text) in front, by rows.
    ListMove(i64),
    /// Select a row of the list in front.
    ListSelect(usize),
    /// Take the selected row of the list in front.
    ListAccept,
    /// Take the selected preset, and run the prompt with it.
    TakeAndRun,
    /// Take the preset of that name.
    TakePreset(String),
    /// Denoise the prompt of that place in the gallery.
    TakeExample(usize),
    /// Denoise the selected prompt of the gallery under the preset that gets it right.
    MendExample,
    /// Put something into the clipboard.
    Copy(CopySource),

    /// Focus another pane.
    Focus(Focus),
    /// The next pane.
    FocusNext,
    /// The pane before.
    FocusPrevious,

    /// Denoise the prompt in the editor.
    Submit,
    /// Break the line in the editor.
    Newline,
    /// An earlier prompt, or one line up.
    HistoryOlder,
    /// A later prompt, or one line down.
    HistoryNewer,
    /// A key for the editor.
    Edit(KeyEvent),
    /// Text pasted in one go.
    Paste(String),
    /// Take the last change of the prompt back.
    Undo,
    /// Make the change again that was taken back.
    Redo,
    /// Clear from the cursor to the start of the line, wherever text is typed.
    Clear,

    /// Run the same prompt again with the settings in force.
    Restart,
    /// Have the next prompt begin a new conversation.
    NewConversation,
    /// Show the run that was shown before.
    SwapRuns,
    /// Show the run so many places behind, in the order in which they started.
    RunMove(i64),
    /// Show a run.
    ShowRun(RunId),
    /// Type a name for the run that is selected in the list.
    RenameRun,
    /// Keep the run that is selected in the list however scarce memory gets, or no longer.
    PinRun,
    /// Close the run that is selected in the list.
    CloseRun,
    /// Fork the shown run at the shown step.
    Fork,
    /// The same without repeating its steps.
    ForkCold,
    /// End the run here.
    StopRun,
    /// Pause a live run or resume it; play the log where the run is over or an earlier step is shown.
    TogglePlay,
    /// Do one step of a live run, and pause; show the next step where an earlier one is shown.
    StepOnce,
    /// One pace faster or slower, in presses.
    Pace(i32),
    /// As fast as the engine goes, and back to the chosen pace.
    ToggleFullSpeed,

    /// Show a step so many steps from the one that is shown.
    Scrub(i64),
    /// Show the canvas after so many steps.
    ScrubTo(usize),
    /// Show the newest step, and follow.
    Follow,
    /// Show the first step of another block, so many blocks from the one that is shown.
    BlockMove(i64),

    /// Choose another figure, by so many.
    FigureMove(i64),
    /// Choose a figure by its place in the table.
    FigureSelect(usize),

    /// Compare the shown run with another one.
    Compare(CompareAction),

    /// Show this in the canvas's place; where it is there already, the canvas.
    Pane(Pane),
    /// Show a step among these, counted from 1, and select a position among these: those that ask most to be seen.
    Point {
        /// Of which of two runs that are compared; the shown one is the first.
        side: RunSide,
        /// The steps.
        steps: Range<usize>,
        /// The positions.
        positions: Range<usize>,
    },

    /// Show what is around the cross-hair of the map, a step and a position to a cell, or all of it.
    ToggleNear,

    /// Read the canvas by a layer.
    Layer(Layer),
    /// The next layer.
    NextLayer,
    /// Arrange the tokens of the canvas in the next way.
    NextArrangement,
    /// Arrange the tokens of the canvas.
    Arrange(Arrangement),
    /// Scroll a canvas that is longer than its pane, by rows.
    ScrollCanvas(i64),
    /// Scroll it by so many halves of the pane.
    ScrollHalf(i64),
    /// Show the drafts in place of masks, or masks.
    ToggleDrafts,
    /// Audit every step, or none.
    ToggleAudit,
    /// Move the selection.
    SelectMove(Direction),
    /// Select a position.
    Select(usize),
    /// Show the step that wrote the selected token; open its candidates where that is the shown one.
    OpenToken,
    /// Write a candidate, by its row.
    WriteCandidate(usize),
    /// Mask the selected position or span again.
    MaskAgain,
    /// Begin a span at the selected position, or drop it.
    ToggleSpan,
    /// Pin the selected position or span, or let rules have it again.
    TogglePin,
    /// Type text in place of the selected position or span.
    TypeOver,
    /// Take the last change by hand back.
    TakeBack,
    /// Select the first token of what fails in the answer, at the end of the run.
    SelectFailed,
    /// Show the next event: a step and a position that are worth a look.
    NextEvent,
    /// Show the event before.
    PreviousEvent,
    /// Type words to find in the text.
    Find,
    /// Select the next place where they are.
    NextHit,
    /// Select the place before.
    PreviousHit,

    /// Select another knob, by rows.
    KnobMove(i64),
    /// Select a knob by its index.
    KnobSelect(usize),
    /// List every knob, or those only that do something beside the others.
    KnobsAll,
    /// Turn the selected knob by so many presses.
    KnobNudge(i64),
    /// Type a value for the selected knob.
    KnobType,
    /// A character of the line that is being typed: a value, a name, a filter, words.
    EntryChar(char),
    /// Erase the last character of that line.
    EntryErase,
    /// Take what is typed.
    EntryAccept,
    /// Back to what preset and flags say.
    KnobReset,
    /// Type a filter of the knobs.
    KnobFilter,
    /// Take the last turn of a knob back.
    UndoTurn,
    /// Do the turn again that was taken back.
    RedoTurn,
    /// Type a name for the settings in force, to save them as a preset.
    SavePreset,

    /// Choose for the other role: denoiser or guide.
    ModelRole,
    /// Break the loading of models off.
    CancelLoad,

    /// Write the trace to a file.
    SaveTrace,

    /// Take the value so many further on, in the selected row of the export menu.
    ExportTurn(i64),
    /// Write what is chosen in the export menu.
    WriteExport,
    /// Break off what is being written.
    CancelExport,

    /// Delete the selected kept run.
    KeptDelete,

    /// Write down what is done from here on, as a demo script; end that.
    RecordDemo,
    /// What a demo does.
    Demo(DemoAction),

    /// Time has passed.
    Tick(Duration),
    /// The terminal has got the focus, or lost it.
    TerminalFocus(bool),
    /// News from the engine.
    Engine(Box<Event>),
    /// The engine has ended.
    EngineGone,
    /// News from the disk.
    Kept(Box<KeptNews>),
    /// News of what is being written.
    Export(ExportNews),
    /// The terminal has another size, or shows something else than what was drawn.
    Exposed,
    /// A frame was drawn, which can be clicked at these places.
    Drawn(Box<FrameInfo>),
    /// The trace of a run was written.
    Saved {
        /// The run.
        run: RunId,
        /// The file's name, printable.
        file: String,
    },
    /// What became of a preset to save.
    PresetSaved {
        /// The preset.
        preset: Box<Preset>,
        /// The file's name, or why there is none, printable.
        outcome: Result<String, String>,
    },
    /// A line for the user, from outside: what became of an effect.
    Tell(Notice),
}

/// A line for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it says, printable.
    pub text: String,
    /// Whether something was refused or failed.
    pub is_error: bool,
}

impl Notice {
    /// Something worth knowing.
    pub fn note(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false }
    }

    /// Something that did not work.
    pub fn error(text: impl AsRef<str>) -> Self {
        Self { text: crate::printable::line(text.as_ref()), is_error: true }
    }
}

/// What must happen outside of the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a command to the engine.
    Engine(Command),
    /// Ask for what is kept on the disk, or keep something.
    Kept(KeptRequest),
    /// Write the trace of the shown run into a file of this name.
    SaveTrace(String),
    /// Write a demo script into a file.
    SaveDemo(String),
    /// Write what is chosen in the export menu, over a file that is there where that is asked for.
    Export {
        /// Whether it is.
        replaces: bool,
    },
    /// Break off what is being written.
    CancelExport,
    /// Begin with this theme the next time.
    RememberTheme(ThemeName),
    /// Write a preset into the configuration folder.
    SavePreset(Box<Preset>),
    /// Put a text into the clipboard of the terminal.
    Copy(String),
    /// Clear the terminal and draw everything.
    Repaint,
    /// Stop the process until it is resumed.
    Suspend,
    /// Leave.
    Quit,
}
