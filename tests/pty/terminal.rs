//! A pseudo-terminal with a program on it.

use std::{
    io::{Read, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long nothing may come from the program before a test gives up on it. Never waited for where all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program on a terminal of its own.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
}

/// Diffuscope with these arguments, on a terminal that can do everything.
pub fn program(arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_diffuscope"));
    command.args(arguments);
    on_a_usual_terminal(command)
}

pub fn on_a_usual_terminal(mut command: CommandBuilder) -> CommandBuilder {
    command.env("TERM", "xterm-256color");
    command.env("COLORTERM", "truecolor");
    command.env_remove("NO_COLOR");
    // Nobody's own configuration takes part, and nothing is kept in anybody's home.
    command.env("DIFFUSCOPE_CONFIG", "");
    command.env("DIFFUSCOPE_STATE", "");
    command
}

impl Terminal {
    /// Starts diffuscope with these arguments.
    pub fn start(arguments: &[&str], size: (u16, u16)) -> Self {
        Self::spawn(program(arguments), size)
    }

    /// Starts a shell with job control, whose script finds diffuscope and these arguments in `"$0" "$@"`.
    pub fn shell(script: &str, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", &format!("set -m; {script}"), env!("CARGO_BIN_EXE_diffuscope")]);
        command.args(arguments);
        Self::spawn(on_a_usual_terminal(command), (100, 30))
    }

    pub fn spawn(command: CommandBuilder, (width, height): (u16, u16)) -> Self {
        let size = PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let keyboard = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            // The read fails, instead of ending, once the program is gone.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(height.try_into().unwrap(), width.try_into().unwrap(), 0);
        Self { child, master: pair.master, keyboard, output, screen, raw: Vec::new() }
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.master.resize(PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.screen.screen_mut().set_size(height.try_into().unwrap(), width.try_into().unwrap());
    }

    /// Sends a signal to the program that was started.
    pub fn signal(&self, name: &str) {
        signal(&self.child.process_id().unwrap().to_string(), name);
    }

    /// Everything that has been read.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// What stands on the screen.
    pub fn contents(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads on until the screen shows `text`.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |terminal| terminal.contents().contains(text));
    }

    /// Reads on until something is so.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(why) => panic!("{why}: \"{what}\" does not appear on\n{}", self.contents()),
            }
        }
    }

    /// The ground at the left edge of the screen, above the footer.
    pub fn ground(&self) -> vt100::Color {
        let (rows, _) = self.screen.screen().size();
        self.screen.screen().cell(rows.get() - 4, 0).unwrap().bgcolor()
    }

    /// Whether lines are read whole and keys shown, as a shell's terminal has it.
    pub fn is_cooked(&self) -> bool {
        let modes = self.master.get_termios().unwrap().local_flags.bits();
        modes & libc::ICANON != 0 && modes & libc::ECHO != 0
    }

    /// Reads to the end and returns how the program ended.
    pub fn finish(mut self) -> (ExitStatus, Vec<u8>) {
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still there:\n{}", self.contents()),
            }
        }
        assert!(self.is_cooked(), "the terminal was left in raw mode");
        (self.child.wait().unwrap(), self.raw)
    }

    /// Closes the terminal under the program, as a window is closed, and returns how the program ended.
    pub fn vanish(self) -> ExitStatus {
        let Self { mut child, master, mut keyboard, output, .. } = self;
        // What is drawn for this key finds nobody who reads it, and so the last handle of the terminal is closed.
        drop(output);
        keyboard.write_all(b"?").unwrap();
        drop((keyboard, master));
        let (sender, ended) = channel();
        thread::spawn(move || sender.send(child.wait().unwrap()));
        ended.recv_timeout(PATIENCE).expect("the program outlives its terminal")
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }
}

/// Sends a signal to a process.
pub fn signal(process: &str, name: &str) {
    assert!(std::process::Command::new("kill").args([&format!("-{name}"), process]).status().unwrap().success());
}

/// Every mode that was switched on is switched off, and after the last time it was switched on.
pub fn assert_given_back(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    let modes = ["1049", "2004", "1000", "1002", "1003", "1006", "1004", "2026"].map(|mode| (mode, "h", "l"));
    for (mode, on, off) in modes.into_iter().chain([("25", "l", "h")]) {
        let last = |end: &str| text.rfind(&format!("\x1b[?{mode}{end}"));
        assert!(last(off) >= last(on), "mode {mode} is left on");
    }
    assert!(text.contains("\x1b[?1049h"), "the playground never took the screen");
}
