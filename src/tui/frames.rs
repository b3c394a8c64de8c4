//! What is drawn, on its way to the terminal: frame by frame, by a thread of its own, and in the colours that the terminal
//! knows.
//!
//! Crossterm marks a synchronised frame but flushes parts of it, and names the sixteen colours by entries of the palette of
//! 256. A terminal may take its time, as one behind a slow line does: that keeps the thread waiting, and neither keys nor the
//! engine. There is one frame under way at most; the next one is drawn when the terminal has it.

use std::{
    cell::RefCell,
    future,
    io::{self, Write, stdout},
    mem,
    rc::Rc,
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::Notify;

use super::theme::Level;
use crate::process::terminal;

/// Bytes of stack for the thread, which only writes.
const STACK: usize = 256 << 10;

/// Collects a frame, whatever is flushed of it. A frame that is not taken is never written: after a panic in the middle of
/// it, nothing of it reaches the terminal.
#[derive(Clone, Default)]
pub(super) struct FrameBuffer(Rc<RefCell<Vec<u8>>>);

impl FrameBuffer {
    /// The frame, which is whole.
    pub(super) fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.0.borrow_mut())
    }
}

impl Write for FrameBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread that writes frames, and what it says of them.
pub(super) struct FrameWriter {
    frames: mpsc::Sender<Vec<u8>>,
    written: mpsc::Receiver<io::Result<()>>,
    /// Wakes the task that awaits an outcome.
    news: Arc<Notify>,
    is_writing: bool,
}

impl FrameWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn start(mut write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (frames, inbox) = mpsc::channel::<Vec<u8>>();
        let (outcomes, written) = mpsc::channel();
        let news = Arc::new(Notify::new());
        let told = Arc::clone(&news);
        let work = move || {
            for frame in inbox {
                if outcomes.send(write(&frame)).is_err() {
                    return;
                }
                told.notify_one();
            }
        };
        let thread = thread::Builder::new().name("frames".to_owned()).stack_size(STACK).spawn(work);
        thread.map_err(|error| io::Error::new(error.kind(), "the system gives no thread to write frames with"))?;
        Ok(Self { frames, written, news, is_writing: false })
    }

    /// Has a frame written.
    pub(super) fn write(&mut self, frame: Vec<u8>) {
        self.is_writing |= self.frames.send(frame).is_ok();
    }

    /// Whether every frame is written.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_writing
    }

    /// What became of the frame that is being written. Without one, this waits for ever.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        while self.is_writing {
            match self.written.try_recv() {
                Ok(outcome) => {
                    self.is_writing = false;
                    return outcome;
                }
                Err(mpsc::TryRecvError::Empty) => self.news.notified().await,
                Err(mpsc::TryRecvError::Disconnected) => {
                    return Err(io::Error::other("nothing writes frames any more"));
                }
            }
        }
        future::pending().await
    }

    /// Waits until the frame that is being written has reached the terminal, or never will.
    pub(super) fn settle(&mut self) {
        if mem::take(&mut self.is_writing) {
            let _ = self.written.recv();
        }
    }
}

/// What writes a frame to the terminal while that is ours. To give it back takes the lock, and so waits for a
/// frame that is being written; none is written afterwards.
pub(super) fn to_terminal(level: Level) -> impl FnMut(&[u8]) -> io::Result<()> + Send + 'static {
    move |frame| {
        let mut out = stdout().lock();
        if !terminal::is_taken() {
            return Ok(());
        }
        if level < Level::Ansi256 {
            out.write_all(&in_sixteen_colours(frame))?;
        } else {
            out.write_all(frame)?;
        }
        out.flush()
    }
}

/// The terminal's own sixteen colours by the codes that every terminal with colours knows. The terminal library names
/// them as entries of the palette of 256, whose "5" older terminals take for blinking.
fn in_sixteen_colours(frame: &[u8]) -> Vec<u8> {
    const START: &[u8] = b"\x1b[";
    let mut out = Vec::with_capacity(frame.len());
    let mut rest = frame;
    while let Some(at) = rest.windows(START.len()).position(|bytes| bytes == START) {
        let (text, sequence) = rest.split_at(at);
        let is_parameter = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
        let length = START.len() + sequence[START.len()..].iter().take_while(is_parameter).count();
        let (sequence, behind) = sequence.split_at(length);
        out.extend_from_slice(text);
        rest = behind;
        if let Some(behind) = behind.strip_prefix(b"m") {
            out.extend(own_colours(&String::from_utf8_lossy(&sequence[START.len()..])).into_bytes());
            rest = behind;
        } else {
            out.extend_from_slice(sequence);
        }
    }
    out.extend_from_slice(rest);
    out
}

/// A "select graphic rendition" in which entries of the palette below 16 are colours of their own. Underlines keep the
/// colour of the text; where nothing is left, nothing is written.
fn own_colours(parameters: &str) -> String {
    let mut own = Vec::new();
    let mut all = parameters.split(';');
    while let Some(parameter) = all.next() {
        match parameter {
            "38" | "48" | "58" => {
                let index = all.nth(1).and_then(|index| index.parse().ok());
                own.extend(index.and_then(|index| own_colour(parameter, index)).map(|code| code.to_string()));
            }
            "59" => {}
            other => own.push(other.to_owned()),
        }
    }
    if own.is_empty() { String::new() } else { format!("\x1b[{}m", own.join(";")) }
}

fn own_colour(ground: &str, index: u8) -> Option<u8> {
    match (ground, index) {
        ("38", 0..8) => Some(30 + index),
        ("38", 8..16) => Some(90 + index - 8),
        ("48", 0..8) => Some(40 + index),
        ("48", 8..16) => Some(100 + index - 8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sixteen_colours_have_codes_of_their_own() {
        let cases = [
            ("\x1b[38;5;1;49mred\x1b[0m", "\x1b[31;49mred\x1b[0m"),
            ("\x1b[38;5;15;48;5;8mwhite", "\x1b[97;100mwhite"),
            ("\x1b[39;48;5;7m", "\x1b[39;47m"),
            ("\x1b[1m\x1b[38;5;10mx\x1b[m", "\x1b[1m\x1b[92mx\x1b[m"),
            ("\x1b[58;5;1m\x1b[59mx", "x"),
            ("\x1b[2;38H\x1b[?2026h38;5;1m", "\x1b[2;38H\x1b[?2026h38;5;1m"),
            ("café\x1b", "café\x1b"),
        ];
        for (frame, expected) in cases {
            assert_eq!(String::from_utf8(in_sixteen_colours(frame.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn a_frame_leaves_whole_whatever_is_flushed_of_it() {
        let mut frame = FrameBuffer::default();
        let buffer = frame.clone();
        frame.write_all(b"\x1b[?2026h").unwrap();
        frame.flush().unwrap();
        frame.write_all(b"x\x1b[?2026l").unwrap();
        assert_eq!(buffer.take(), b"\x1b[?2026hx\x1b[?2026l");
        assert_eq!(buffer.take(), b"");
    }

    #[test]
    fn a_terminal_that_takes_its_time_keeps_nobody_waiting() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (terminal, takes) = mpsc::channel::<io::Result<()>>();
        let mut frames = FrameWriter::start(move |_| takes.recv().unwrap()).unwrap();
        assert!(frames.is_idle());
        frames.write(b"a frame".to_vec());
        assert!(!frames.is_idle(), "it is under way, and this thread is not");
        terminal.send(Ok(())).unwrap();
        runtime.block_on(frames.written()).unwrap();
        assert!(frames.is_idle());
        frames.write(b"another".to_vec());
        terminal.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
        let error = runtime.block_on(frames.written()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn nothing_is_written_to_a_terminal_that_is_not_ours() {
        let (seen, written) = mpsc::channel();
        let mut write = to_terminal(Level::True);
        let mut frames = FrameWriter::start(move |frame| {
            seen.send(frame.to_vec()).unwrap();
            write(frame)
        })
        .unwrap();
        frames.write(b"this test has taken no terminal".to_vec());
        frames.settle();
        assert!(frames.is_idle() && written.recv().is_ok());
    }
}
