//! `export` and `cast`: recordings of a trace, and where they go.

use super::{
    support::program::{signal, signals},
    *,
};

#[test]
fn what_is_no_trace_is_neither_played_nor_cast() {
    let folder = Folder::new();
    let file = folder.write("notes.txt", "buy milk\n").display().to_string();
    let cast = folder.path("demo.cast");
    for arguments in [&["replay", &file][..], &["cast", &file, "-o", cast.to_str().unwrap()]] {
        assert_eq!(
            refuse(program().args(arguments)),
            format!(
                "{file} is not a diffuscope trace: its first line is no header; `diffuscope run --trace FILE` writes one"
            )
        );
    }
    assert!(!cast.exists());
}

#[test]
fn a_cast_is_the_same_for_the_same_trace() {
    let pair = pair();
    let trace = recorded(&pair);
    let cast = |arguments: &[&str]| {
        let mut command = program();
        command.args(["cast", &trace]).args(arguments);
        command
    };
    let printed = succeed(&mut cast(&["-o", "-"]));
    assert_eq!(printed, succeed(&mut cast(&["--output", "-"])));
    let path = pair.path("demo.cast");
    assert_eq!(succeed(&mut cast(&["-o", path.to_str().unwrap()])), "");
    assert_eq!(std::fs::read_to_string(path).unwrap(), printed);
    let header: Value = serde_json::from_str(printed.lines().next().unwrap()).unwrap();
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &120.into(), &40.into()));
    let small = succeed(&mut cast(&["-o", "-", "--width", "90", "--height", "30", "--fps", "2", "--theme", "light"]));
    let header: Value = serde_json::from_str(small.lines().next().unwrap()).unwrap();
    assert_eq!((&header["width"], &header["height"]), (&90.into(), &30.into()));
    assert!(refuse(&mut cast(&["-o", "-", "--width", "3"])).starts_with("a recording of 3×40 cells is too small"));
    assert!(refuse(&mut cast(&["-o", "-", "--fps", "0"])).starts_with("fps cannot be 0"));
    assert!(
        refuse(&mut cast(&["-o", "no-such-folder/x.cast"])).starts_with("no-such-folder/x.cast cannot be written: ")
    );
}

#[test]
fn a_cast_is_never_written_over_its_trace() {
    let pair = pair();
    let trace = recorded(&pair);
    let before = std::fs::read_to_string(&trace).unwrap();
    let sentence = |path: &str| format!("{path} is the trace itself: give what it becomes another name");
    assert_eq!(refuse(program().args(["cast", &trace, "-o", &trace])), sentence(&trace));
    let roundabout = pair.path("denoiser/../run.jsonl").display().to_string();
    assert_eq!(refuse(program().args(["cast", &trace, "-o", &roundabout])), sentence(&roundabout));
    #[cfg(target_os = "linux")]
    {
        let input = std::fs::File::open(&trace).unwrap();
        assert_eq!(refuse(program().args(["cast", "-", "-o", &trace]).stdin(input)), sentence(&trace));
    }
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), before);
}

#[test]
fn a_recording_takes_the_place_of_a_file_only_where_that_was_asked_for() {
    let pair = pair();
    let trace = recorded(&pair);
    let cast = pair.write("demo.cast", "precious");
    let name = cast.to_str().unwrap();
    let sentence = format!("{name} is there already: --force writes over it");
    assert_eq!(refuse(program().args(["export", &trace, "-o", name])), sentence);
    assert_eq!(std::fs::read_to_string(&cast).unwrap(), "precious");
    succeed(program().args(["export", &trace, "--force", "-o", name]));
    assert!(std::fs::read_to_string(&cast).unwrap().starts_with("{\"env\""));
    #[cfg(unix)]
    {
        let link = pair.path("link.cast");
        std::os::unix::fs::symlink("nowhere.cast", &link).unwrap();
        let refused = refuse(program().args(["export", &trace, "-o", link.to_str().unwrap()]));
        assert!(refused.ends_with("link.cast is there already: --force writes over it"), "{refused}");
        assert_eq!(succeed(program().args(["export", &trace, "-o", "/dev/null"])), "");
    }
    let folder = refuse(program().args(["export", &trace, "--force", "-o", pair.root().to_str().unwrap()]));
    assert!(folder.contains(" cannot be written: "), "{folder}");
}

#[test]
fn a_trace_becomes_a_picture() {
    let pair = pair();
    let trace = recorded(&pair);
    let export = |arguments: &[&str]| {
        let mut command = program();
        command.args(["export", &trace, "--width", "60", "--height", "14", "--font-size", "8"]).args(arguments);
        command
    };
    let file = |name: &str| pair.path(name).display().to_string();
    for (name, begins) in [("a.gif", &b"GIF89a"[..]), ("a.png", b"\x89PNG"), ("a.apng", b"\x89PNG")] {
        let (first, second) = (file(name), file(&format!("b-{name}")));
        assert_eq!(succeed(&mut export(&["-o", &first])), "");
        succeed(&mut export(&["-o", &second]));
        let bytes = std::fs::read(&first).unwrap();
        assert!(bytes.starts_with(begins), "{name}");
        assert!(bytes == std::fs::read(&second).unwrap(), "{name}");
    }
    let compared = file("c.png");
    succeed(&mut export(&["-o", &compared, "--against", &trace, "--axis", "time"]));
    for (arguments, sentence) in [
        (&["-o", "x.gif", "--font", &trace][..], format!("{trace} is no font that can be read: ")),
        (&["-o", "x.gif", "--font", "no.ttf"], "the font no.ttf cannot be read: ".to_owned()),
        (
            &["-o", "x.gif", "--steps", "5000.."],
            "the recording would begin at step 5000, and the trace ends at".to_owned(),
        ),
        (&["-o", "x.gif", "--steps", "b"], "invalid value 'b' for '--steps <A..B>': steps are written as".to_owned()),
        (&["-o", "x.gif", "--scene", "compare"], "the scene compare takes two traces: ".to_owned()),
        (
            &["-o", "x.gif", "--against", &trace, "--scene", "map"],
            "two traces are shown by the scene compare".to_owned(),
        ),
        (&["-o", "no-such-folder/x.gif"], "no-such-folder/x.gif cannot be written: ".to_owned()),
    ] {
        let told = refuse(&mut export(arguments));
        assert!(told.starts_with(&sentence), "{told}");
    }
    assert!(!std::path::Path::new("x.gif").exists());
}

#[cfg(unix)]
#[test]
fn a_picture_that_cannot_be_finished_leaves_nothing() {
    let pair = pair();
    let trace = recorded(&pair);
    let folder = Folder::new();
    let picture = folder.path("demo.gif").display().to_string();
    let files = || std::fs::read_dir(folder.root()).unwrap().count();
    let mut command = program();
    command.args(["export", &trace, "-o", &picture, "--width", "200", "--height", "60"]);
    let output = with_small_files(&command, 8).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("demo.gif cannot be written: File too large"), "{}", stderr(&output));
    assert_eq!(files(), 0);
    for (name, code) in signals() {
        let mut command = program();
        command.args(["export", &trace, "-o", &picture, "--width", "400", "--height", "150", "--no-typing"]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while files() == 0 {
            std::thread::yield_now();
        }
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert_eq!(files(), 0);
    }
}

#[test]
fn a_suffix_and_a_format_have_to_fit() {
    let pair = pair();
    let trace = recorded(&pair);
    let refused = |arguments: &[&str]| refuse(program().args(["export", &trace]).args(arguments));
    let told = refused(&["-o", "demo.json", "--format", "asciicast-v3"]);
    assert_eq!(told, "demo.json is no name for asciicast-v3: its files end in .cast");
    let told = refused(&["-o", "demo.xyz"]);
    assert!(told.starts_with("demo.xyz: .xyz stands for no format; choose one by --format: asciicast-v2, "), "{told}");
    let cast = |arguments: &[&str]| succeed(program().args(["export", &trace, "-o", "-"]).args(arguments));
    assert_eq!(cast(&[]), cast(&["--format", "cast"]));
    assert_ne!(cast(&[]), cast(&["--format", "asciicast-v3"]));
}

#[test]
fn a_trace_can_come_from_standard_input() {
    let pair = pair();
    let trace = recorded(&pair);
    let input = || std::fs::File::open(&trace).unwrap();
    let cast = succeed(program().args(["cast", "-", "-o", "-"]).stdin(input()));
    assert_eq!(cast, succeed(program().args(["cast", &trace, "-o", "-"])));
    let empty = refuse(program().args(["cast", "-", "-o", "-"]));
    assert!(empty.starts_with("standard input is not a diffuscope trace: it is empty"), "{empty}");
    let told = refuse(program().args(["replay", "-"]).stdin(input()));
    assert!(told.starts_with("the playground needs a terminal"), "{told}");
}

#[test]
fn a_cast_shows_every_layer_that_its_help_names() {
    let pair = pair();
    let trace = recorded(&pair);
    let help = succeed(program().args(["cast", "--help"]));
    assert!(help.starts_with("Turn a saved trace into a recording"), "{help}");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let layers = "How the canvas is read: confidence, cache, guide, audit, order, entropy, margin, reason or changes";
    assert!(help.contains(layers), "{help}");
    let cast = |layer: &str| succeed(program().args(["cast", &trace, "-o", "-", "--layer", layer]));
    assert_ne!(cast("audit"), cast("cache"));
    let replay = succeed(program().args(["replay", "--help"]));
    assert!(replay.starts_with("Open a saved trace in the playground"), "{replay}");
}

#[test]
fn a_cast_can_be_hurried() {
    let pair = pair();
    let trace = recorded(&pair);
    let cast = |arguments: &[&str]| {
        let mut command = program();
        command.args(["cast", &trace, "-o", "-"]).args(arguments);
        command
    };
    let text = succeed(&mut cast(&["--idle-limit", "0.5", "--speed", "2"]));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["idle_time_limit"], 0.5);
    let times: Vec<f64> = lines[1..].iter().map(|event| event[0].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] < 0.501), "{times:?}");
    assert!(refuse(&mut cast(&["--speed", "0"])).starts_with("speed cannot be 0: it takes a number"));
    assert!(refuse(&mut cast(&["--idle-limit", "0"])).starts_with("idle-limit cannot be 0: it takes a number"));
}

#[test]
fn a_trace_of_a_later_version_is_played_as_far_as_it_is_known() {
    let pair = pair();
    let trace = recorded(&pair);
    let text = std::fs::read_to_string(&trace).unwrap();
    let text = text.replacen(env!("CARGO_PKG_VERSION"), "999.0.0", 1);
    std::fs::write(&trace, text.replacen("\"seed\":0", "\"seed\":0,\"new-knob\":1", 1)).unwrap();
    let output = program().args(["cast", &trace, "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("written by diffuscope 999.0.0 and sets new-knob = 1, which"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_trace_that_is_cut_off_is_cast_with_a_warning() {
    let pair = pair();
    let trace = recorded(&pair);
    let text = std::fs::read_to_string(&trace).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap() - 20;
    std::fs::write(&trace, &text[..cut]).unwrap();
    let output = program().args(["cast", &trace, "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("of the trace is cut off: it opens with the "), "{}", stderr(&output));
    let header: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(header["version"], 2);
}

#[test]
fn a_flag_that_makes_no_difference_to_a_format_is_named() {
    let pair = pair();
    let trace = recorded(&pair);
    let told = |name: &str, arguments: &[&str]| {
        let file = pair.path(name).display().to_string();
        let output = program().args(["export", &trace, "--force", "-o", &file]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    let pace = ["--hold", "3", "--loop", "2", "--no-typing", "--title", "Once", "--width", "100"];
    assert_eq!(told("a.gif", &pace), "");
    assert_eq!(told("a.svg", &pace), "");
    assert_eq!(told("a.cast", &pace), "diffuscope: asciicast-v2 makes no use of --loop\n");
    assert_eq!(told("a.png", &pace), "diffuscope: png makes no use of --hold, --loop, --no-typing\n");
    assert_eq!(told("a.html", &pace), "diffuscope: html makes no use of --hold, --loop, --no-typing, --width\n");
    let of_tables = ["--table", "steps", "--theme", "light", "--steps", "2"];
    assert_eq!(told("a.csv", &of_tables), "diffuscope: csv makes no use of --theme, --steps\n");
    assert_eq!(told("a.csv", &["--table", "steps"]), "");
}
