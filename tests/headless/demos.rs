//! Demo scripts as films: every one of the project's, and what cannot be filmed.

use std::{fs, path::PathBuf};

use super::{
    Folder, refuse,
    support::program::{program, succeed},
};

/// The scripts of the project.
fn scripts() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demos");
    let mut scripts: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    scripts
}

#[cfg(embedded_pair)]
#[test]
fn every_script_of_the_project_can_be_filmed() {
    let folder = Folder::new();
    let scripts = scripts();
    assert!(!scripts.is_empty());
    for script in scripts {
        let film = folder.path("film.cast");
        succeed(program().arg("demo").arg(&script).arg("--force").arg("--record").arg(&film));
        let film = fs::read_to_string(film).unwrap();
        assert!(film.lines().count() > 40, "{}: {} events", script.display(), film.lines().count());
    }
}

#[cfg(embedded_pair)]
#[test]
fn the_same_script_gives_the_same_bytes_whatever_the_threads_and_the_format() {
    let folder = Folder::new();
    let script = folder.path("demo.toml");
    let text = "size = \"80x24\"\n[[play]]\ncaption = \"one\"\ntype = \"Sort this list: Ruth, Max, Leo\"\nuntil = \"step 1\"\n\
        [[play]]\ncaption = \"two\"\nset = { seed = 3 }\npace = \"full\"\ndo = \"run.again\"\nuntil = \"end\"\nhold = \"500ms\"\n\
        [[play]]\nfork = 0\nlayer = \"entropy\"\nuntil = \"end\"";
    fs::write(&script, text).unwrap();
    for format in ["gif", "png", "cast", "svg"] {
        let films = [("1", "a"), ("3", "b")].map(|(threads, name)| {
            let film = folder.path(&format!("{name}.{format}"));
            succeed(program().env("RAYON_NUM_THREADS", threads).arg("demo").arg(&script).arg("--record").arg(&film));
            fs::read(film).unwrap()
        });
        assert!(films[0] == films[1], "{format}");
    }
}

#[test]
fn what_cannot_be_filmed_is_refused_in_one_sentence() {
    let folder = Folder::new();
    let script = folder.path("demo.toml");
    fs::write(&script, "[[play]]\nhold = \"1s\"").unwrap();
    let film = |name: &str| {
        let mut command = program();
        command.arg("demo").arg(&script).arg("--record").arg(folder.path(name));
        command
    };
    for of_one_run in ["csv", "html"] {
        let refusal = refuse(&mut film(&format!("a.{of_one_run}")));
        assert!(refusal.starts_with(&format!("{of_one_run} is made of one run: ")), "{refusal}");
    }
    assert!(refuse(&mut film("a.tiff")).contains(".tiff stands for no format"));
    assert!(refuse(film("a.gif").args(["--width", "9"])).contains("too small"));
    assert!(refuse(film("a.gif").args(["--theme", "pink"])).contains("pink"));
    fs::write(folder.path("there.gif"), "precious").unwrap();
    assert!(refuse(&mut film("there.gif")).contains("--force writes over it"));
    assert_eq!(fs::read_to_string(folder.path("there.gif")).unwrap(), "precious");
    fs::write(&script, "[[play]]\npreset = \"fast\"").unwrap();
    let refusal = refuse(&mut film("a.gif"));
    assert!(refusal.ends_with("demo.toml, play 1: there is no preset 'fast'"), "{refusal}");
    assert!(!folder.path("a.gif").exists());
    fs::remove_file(&script).unwrap();
    assert!(refuse(&mut film("a.gif")).contains("demo.toml cannot be read"));
}
