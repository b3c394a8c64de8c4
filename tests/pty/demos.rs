//! Demo scripts on a terminal: played, taken over, and written down.

use std::fs;

use super::{
    support::files::Folder,
    terminal::{Terminal, assert_given_back, program},
};

/// The playground in a folder, with these arguments.
fn in_folder(folder: &Folder, arguments: &[&str]) -> Terminal {
    let mut command = program(arguments);
    command.cwd(folder.root());
    Terminal::spawn(command, (120, 36))
}

const LIST: &str = "[[play]]\ncaption = \"a list is reversed\"\npreset = \"threshold\"\npace = \"full\"\n\
                    type = \"Reverse this list: Ruth, Leo, Max\"\nuntil = \"end\"\n";

#[test]
fn a_demo_is_played_to_its_end_and_gives_the_playground_to_the_user() {
    let folder = Folder::new();
    fs::write(folder.path("demo.toml"), LIST).unwrap();
    let mut terminal = in_folder(&folder, &["demo", "demo.toml"]);
    terminal.wait_for("a list is reversed");
    terminal.wait_for("the demo is over: the playground is yours");
    assert!(!terminal.contents().contains("a list is reversed"), "{}", terminal.contents());
    terminal.press("3");
    terminal.wait_for("3 guide");
    terminal.press("q");
    let (status, raw) = terminal.finish();
    assert!(status.success(), "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn the_first_key_takes_over_and_does_nothing_else() {
    let folder = Folder::new();
    fs::write(folder.path("demo.toml"), format!("{LIST}[[play]]\nhold = \"600s\"\n")).unwrap();
    let mut terminal = in_folder(&folder, &["demo", "demo.toml"]);
    terminal.wait_for("after ");
    terminal.press("3");
    terminal.wait_for("the demo stops here: the playground is yours");
    assert!(terminal.contents().contains("1 confidence"), "{}", terminal.contents());
    terminal.press("\x03");
    assert!(terminal.finish().0.success());
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_the_playground_there() {
    let folder = Folder::new();
    fs::write(folder.path("demo.toml"), format!("{LIST}[[play]]\nshow = 9000\n")).unwrap();
    let mut terminal = in_folder(&folder, &["demo", "demo.toml"]);
    terminal.wait_for("demo.toml, play 2: there is no step 9000 yet");
    terminal.press("q");
    assert!(terminal.finish().0.success());
}

#[test]
fn what_is_done_between_two_keys_becomes_a_script_that_can_be_filmed() {
    let folder = Folder::new();
    let mut terminal = in_folder(&folder, &["--preset", "threshold", "--prompt", "Reverse this list: Ruth, Leo, Max"]);
    terminal.wait_for("ready");
    terminal.press("\t");
    terminal.press("D");
    terminal.wait_for("a demo script is being written");
    terminal.press("i\r");
    terminal.wait_for("after ");
    terminal.press("5");
    terminal.press("D");
    terminal.wait_for("saved as diffuscope-demo.toml");
    terminal.press("q");
    assert!(terminal.finish().0.success());
    let script = fs::read_to_string(folder.path("diffuscope-demo.toml")).unwrap();
    assert!(script.contains("type = \"Reverse this list: Ruth, Leo, Max\"\nuntil = \"end\""), "{script}");
    assert!(script.contains("layer = \"order\""), "{script}");
    assert!(in_folder(&folder, &["demo", "diffuscope-demo.toml", "--record", "film.cast"]).finish().0.success());
    assert!(folder.path("film.cast").exists());
}
