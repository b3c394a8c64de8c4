//! Every format of recordings and tables meets what can go wrong with its trace and with its file.

use std::fs;

use diffuscope::export::{FORMATS, table::TABLE_FORMATS};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

/// Every format of this build by its name, with the usual suffix of its files.
fn formats() -> impl Iterator<Item = (&'static str, &'static str)> {
    let recordings = FORMATS.iter().map(|format| (format.name(), format.suffixes()[0]));
    recordings.chain(TABLE_FORMATS.iter().map(|format| (format.name(), format.name())))
}

/// The trace as a small recording, or as a table.
fn export(trace: &Path, format: &str, file: &Path) -> Command {
    let mut command = program();
    command.arg("export").arg(trace).args(["--format", format]).arg("-o").arg(file);
    let suffix = diffuscope::export::format(format).map_or("", |format| format.suffixes()[0]);
    if !matches!(suffix, "" | "html") {
        command.args(["--width", "40", "--height", "16"]);
    }
    if !matches!(suffix, "" | "html" | "cast") {
        command.args(["--font-size", "6"]);
    }
    command
}

/// The lines of a trace in which a step writes one of every `steps` positions, with `text` wherever a trace has text.
fn lines(positions: usize, steps: usize, text: &str) -> Vec<String> {
    let denoiser = json!({"name": text, "architecture": text, "parameters": 1, "layers": 1, "device": text});
    let header = json!({
        "denoiser": denoiser, "preset": text, "settings": {"gen-length": positions}, "prompt": text, "prompt_ids": [2],
        "prompt_pieces": [text], "gen_length": positions, "mask_id": 1, "eos_id": 0,
    });
    let cost = json!({
        "nfe": 1, "guide_forwards": 0, "computed": positions + 1, "reused": 0, "guide_computed": 0, "denoiser_us": 2000,
        "guide_us": 0, "other_us": 0,
    });
    let step = |step: usize| {
        let written = || (1..=positions).filter(|position| position % steps == step);
        let commit = |position| json!({"position": position, "token": 2, "confidence": 0.5, "reason": "quota"});
        let piece = |position| json!({"position": position, "text": text});
        json!({
            "step": step, "region": {"block": 0, "start": 1, "end": positions + 1}, "cost": cost, "columns": {},
            "commits": written().map(commit).collect::<Vec<_>>(),
            "pieces": written().map(piece).collect::<Vec<_>>(),
            "texts": if step == 0 { json!([{"id": 2, "text": text}]) } else { json!([]) },
        })
    };
    let end = json!({
        "reason": "nothing-masked", "answer": text, "tokens": positions, "correct": false, "verdict": text,
    });
    let first = json!({"diffuscope": {"format": 2, "program": "0.1.0"}, "header": header});
    let all = [first].into_iter().chain((0..steps).map(step)).chain([json!({"end": end})]);
    all.map(|line| format!("{line}\n")).collect()
}

/// What a file of that suffix begins with.
fn signature(suffix: &str) -> &'static [u8] {
    match suffix {
        "gif" => b"GIF89a",
        "png" | "apng" => b"\x89PNG\r\n\x1a\n",
        "html" => b"<!doctype html>",
        "svg" => b"<svg ",
        "csv" => b"step,",
        "parquet" => b"PAR1",
        _ => b"{\"",
    }
}

#[test]
fn every_format_takes_one_step_and_2000_positions_at_40_columns() {
    let folder = Folder::new();
    for (positions, steps) in [(1, 1), (2000, 3)] {
        let trace = folder.write("run.jsonl", lines(positions, steps, " word").concat());
        for (format, suffix) in formats() {
            let file = folder.path(&format!("{positions}-{format}.{suffix}"));
            let output = export(&trace, format, &file).output().unwrap();
            assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{format}");
            let bytes = fs::read(&file).unwrap();
            assert!(bytes.starts_with(signature(suffix)), "{format}: {:?}", &bytes[..20]);
        }
        let table = fs::read_to_string(folder.path(&format!("{positions}-csv.csv"))).unwrap();
        assert_eq!(table.lines().count(), 1 + steps * (positions + 1));
    }
}

#[test]
fn a_torn_trace_is_exported_up_to_its_last_whole_step() {
    let folder = Folder::new();
    let lines = lines(24, 6, " word");
    let (whole, rest) = (lines[..4].concat(), lines[4..].concat());
    let packed = |text: &str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
    let (first, second) = (packed(&whole), packed(&rest));
    let torn = [
        (
            "line.jsonl",
            [whole.as_bytes(), &rest.as_bytes()[..rest.len() / 4]].concat(),
            "line 5 of the trace is cut off: ",
        ),
        ("frame.dscope", [&first[..], &second[..second.len() / 2]].concat(), "the trace has no end: "),
    ];
    let whole = folder.write("whole.jsonl", whole);
    for (name, bytes, sentence) in torn {
        let trace = folder.write(name, bytes);
        for (format, suffix) in formats() {
            let made = |trace: &Path| {
                let file = folder.path(&format!("made.{suffix}"));
                let output = export(trace, format, &file).arg("--force").output().unwrap();
                assert_eq!(output.status.code(), Some(0), "{name} as {format}: {}", stderr(&output));
                assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
                (fs::read(&file).unwrap(), stderr(&output))
            };
            let ((bytes, told), (expected, _)) = (made(&trace), made(&whole));
            assert!(told.contains(sentence), "{told}");
            assert!(bytes == expected, "{name} as {format} is what its whole steps are");
        }
    }
}

#[test]
fn what_is_no_trace_is_refused_in_one_sentence_whatever_it_should_become() {
    let folder = Folder::new();
    let lines = lines(4, 2, " word");
    let newer = lines.concat().replacen("\"format\":2", "\"format\":3", 1);
    let damaged = lines.concat().replacen("\"commits\":[{", "\"commits\":[[", 1);
    let packed = compress_to_vec(lines.concat().as_bytes(), CompressionLevel::Fastest);
    for (content, sentence) in [
        (b"".to_vec(), "is not a diffuscope trace: it is empty; "),
        (b"\x89PNG\r\n\x1a\n".to_vec(), "is not a diffuscope trace: "),
        (lines[0].as_bytes()[..90].to_vec(), "is not a diffuscope trace: its header is cut off; "),
        (packed[..packed.len() / 2].to_vec(), "cannot be read: its first frame is cut off"),
        (newer.into_bytes(), "in trace format 3, and this version reads up to 2: use a newer diffuscope"),
        (damaged.into_bytes(), ", line 2: "),
    ] {
        let trace = folder.write("trace", content);
        for (format, suffix) in formats() {
            let file = folder.path(&format!("made.{suffix}"));
            let told = refuse(&mut export(&trace, format, &file));
            assert!(told.contains(sentence), "{format}: {told}");
            assert!(!file.exists(), "{format}: {told}");
        }
    }
    let trace = folder.write("trace", &lines[0]);
    for format in FORMATS {
        let file = folder.path(&format!("made.{}", format.suffixes()[0]));
        let told = refuse(&mut export(&trace, format.name(), &file));
        assert_eq!(told, "the trace holds no step: there is nothing to show");
        assert!(!file.exists());
    }
}

/// What terminals and browsers would obey, what would reorder or hide text, and what a spreadsheet takes for a formula.
const HOSTILE: &str = "=1\u{1b}]0;taken\u{7}\u{1b}[31m\u{9d}0;taken\u{9c}\u{9b}2J\u{202e}\u{2066}gnorw\u{2028}\u{200b}\
                       </script><script>alert(1)</script><!--]]><b onload='x'>&amp;\"\r\n\t";

#[test]
fn hostile_text_comes_out_of_every_format_as_text() {
    let folder = Folder::new();
    let trace = folder.write("run.jsonl", lines(3, 2, HOSTILE).concat());
    for (format, suffix) in formats() {
        let file = folder.path(&format!("{format}.{suffix}"));
        let mut command = export(&trace, format, &file);
        if diffuscope::export::format(format).is_some() {
            command.args(["--title", HOSTILE, "--caption", HOSTILE]);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}: {}", stderr(&output));
        assert!(!stderr(&output).contains(|c: char| c != '\n' && c.is_control()), "{format}: {}", stderr(&output));
        let bytes = fs::read(&file).unwrap();
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let obeyed =
            |c: char| (c != '\n' && c.is_control()) || matches!(c, '\u{202e}' | '\u{2066}' | '\u{2028}' | '\u{200b}');
        assert!(!text.contains(obeyed), "{format}: {:?}", text.chars().find(|c| obeyed(*c)));
        for escaped in ["\\u001b]", "\\u009d", "\\u009b", "\\u0007", "\\u202e", "\\u2066", "\\r", "\\t"] {
            assert!(!text.contains(escaped), "{format}: {escaped}");
        }
        if matches!(suffix, "html" | "svg") {
            assert!(!text.contains("<script>alert") && !text.contains("<b ") && !text.contains("<!--"), "{format}");
        }
    }
}

#[test]
fn a_file_that_is_there_keeps_its_content_unless_told_otherwise() {
    let folder = Folder::new();
    let trace = folder.write("run.jsonl", lines(4, 2, " word").concat());
    for (format, suffix) in formats() {
        let file = folder.write(&format!("precious.{suffix}"), "precious");
        let told = refuse(&mut export(&trace, format, &file));
        assert_eq!(told, format!("{} is there already: --force writes over it", file.display()), "{format}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        succeed(export(&trace, format, &file).arg("--force"));
        assert!(fs::read(&file).unwrap().starts_with(signature(suffix)), "{format}");
    }
}

#[test]
fn what_cannot_be_written_is_said_before_anything_is_made() {
    let folder = Folder::new();
    folder.write("file", "");
    for (format, suffix) in formats() {
        // Not even root may write to these.
        let mut places = vec![folder.path(&format!("file/x.{suffix}")), folder.path(&format!("none/x.{suffix}"))];
        if cfg!(target_os = "linux") {
            places.push(format!("/proc/x.{suffix}").into());
        }
        for place in places {
            // The trace is not looked at.
            let told = refuse(&mut export(Path::new("no-such-trace"), format, &place));
            assert!(told.starts_with(&format!("{} cannot be written: ", place.display())), "{told}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_neither_a_torn_file_nor_a_lost_one() {
    let folder = Folder::new();
    let trace = folder.write("run.jsonl", lines(4, 2, " word").concat());
    let failed = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        stderr(&output)
    };
    let content = || fs::read_dir(folder.root()).unwrap().count();
    for (format, suffix) in formats() {
        let (new, old) = (folder.path(&format!("new.{suffix}")), folder.write(&format!("old.{suffix}"), "precious"));
        let before = content();
        for file in [&new, &old] {
            let told = failed(&mut with_small_files(export(&trace, format, file).arg("--force"), 0));
            assert!(told.contains("cannot be written: File too large"), "{format}: {told}");
        }
        assert_eq!((content(), fs::read_to_string(&old).unwrap().as_str()), (before, "precious"), "{format}");
        if cfg!(target_os = "linux") {
            let full = Path::new("/dev/full");
            let told = failed(&mut export(&trace, format, full));
            assert!(told.starts_with("diffuscope: /dev/full cannot be written: No space left"), "{format}: {told}");
            let full = fs::File::options().write(true).open(full).unwrap();
            let told = failed(export(&trace, format, Path::new("-")).stdout(full));
            assert!(told.starts_with("diffuscope: the output cannot be written: No space left"), "{format}: {told}");
        }
    }
}
