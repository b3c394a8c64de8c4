//! Settings through their public surface: every knob in every format, the layers, the presets, and what is refused.

#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeSet, fs};

use clap::{Args, Command, FromArgMatches};
use diffuscope::{
    cli::KnobFlags,
    decode::{self, Limits},
    settings::{
        ConfigFile, DEFAULT_PRESET, KNOBS, Kind, Knob, Layers, Preset, PresetLibrary, Settings, Slot, Timing, Value,
        preset, presets,
    },
};
use proptest::{collection::vec, prelude::*};

/// Values that differ from the default and from each other, the ends of the range among them.
fn values(knob: &Knob) -> Vec<String> {
    let mut values: Vec<String> = match knob.kind {
        Kind::Int { min, max, unset, .. } => {
            [min.to_string(), max.to_string()].into_iter().chain(unset.map(str::to_owned)).collect()
        }
        Kind::Float { min, max, unset, .. } => {
            [min.to_string(), max.to_string()].into_iter().chain(unset.map(str::to_owned)).collect()
        }
        Kind::Choice(choices) => choices.iter().map(|choice| choice.word.to_owned()).collect(),
        Kind::Flag => vec!["on".into(), "off".into()],
    };
    let mut settings = Settings::default();
    knob.nudge(&mut settings, 1);
    values.push(knob.get(&settings).to_string());
    values
}

fn with(knob: &'static Knob, value: &str) -> Settings {
    let mut settings = Settings::default();
    knob.set(&mut settings, value).unwrap();
    settings
}

fn flags(arguments: &[&str]) -> Result<KnobFlags, clap::Error> {
    let matches = KnobFlags::augment_args(Command::new("test").no_binary_name(true)).try_get_matches_from(arguments)?;
    KnobFlags::from_arg_matches(&matches)
}

fn resolved(flags: &KnobFlags) -> Settings {
    let mut layers = Layers::default();
    layers.set_flags(flags.iter()).unwrap();
    layers.resolve()
}

/// As TOML writes it: words in quotes, the rest bare.
fn toml_value(knob: &Knob, value: &str) -> String {
    match knob.parse(value).unwrap() {
        Value::Word(word) => format!("'{word}'"),
        Value::Flag(on) => on.to_string(),
        number => number.to_string(),
    }
}

#[test]
fn every_knob_is_a_flag() {
    for knob in KNOBS {
        for value in values(knob) {
            let expected = with(knob, &value);
            let spaced = flags(&[&format!("--{}", knob.name), &value]).unwrap();
            let joined = flags(&[&format!("--{}={value}", knob.name)]).unwrap();
            assert_eq!(resolved(&spaced), expected, "--{} {value}", knob.name);
            assert_eq!(spaced, joined);
        }
    }
    assert_eq!(resolved(&flags(&["--eos-last"]).unwrap()), with(Knob::find("eos-last").unwrap(), "on"));
    assert_eq!(resolved(&flags(&[]).unwrap()), Settings::default());
    assert!(flags(&["--treshold", "0.5"]).is_err());
}

#[test]
fn names_of_actions_may_be_in_quotes_or_not() {
    let text = "[keys]\nlayer.next = 'V'\n'find.begin' = ['ctrl-f', 'f3']\n[keys.palette]\ntoggle = 'none'\n";
    let config = ConfigFile::parse("config.toml", text, &PresetLibrary::default()).unwrap();
    let keys: Vec<_> = config.keys.iter().map(|(name, keys)| (name.as_str(), keys.join(" "))).collect();
    let expected = [("find.begin", "ctrl-f f3"), ("layer.next", "V"), ("palette.toggle", "none")];
    assert_eq!(keys, expected.map(|(name, keys)| (name, keys.to_owned())));
}

#[test]
fn every_knob_is_a_field_of_presets_and_configuration() {
    for knob in KNOBS {
        for value in values(knob) {
            let text = format!("[knobs]\n{} = {}\n", knob.name, toml_value(knob, &value));
            let mut layers = Layers::default();
            layers.set_config(ConfigFile::parse("config", &text, &PresetLibrary::default()).unwrap().knobs()).unwrap();
            assert_eq!(layers.resolve(), with(knob, &value), "{text}");
            let mut layers = Layers::default();
            layers.set_preset(Preset::parse("mine", "mine.toml", &format!("title = 't'\n{text}")).unwrap());
            assert_eq!(layers.resolve(), with(knob, &value), "{text}");
            // Text works for every kind, as in flags.
            let quoted = format!("title = 't'\n[knobs]\n{} = '{value}'\n", knob.name);
            assert!(Preset::parse("mine", "mine.toml", &quoted).is_ok(), "{quoted}");
        }
    }
}

#[test]
fn every_knob_survives_json() {
    for knob in KNOBS {
        for value in values(knob) {
            let settings = with(knob, &value);
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings, "{json}");
        }
    }
    let json = serde_json::to_value(Settings::default()).unwrap();
    let names: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), KNOBS.len(), "the log names every knob");
    assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
}

#[test]
fn every_knob_says_what_it_is() {
    for (index, knob) in KNOBS.iter().enumerate() {
        assert!(KNOBS[..index].iter().all(|other| other.name != knob.name));
        assert!(knob.help.ends_with('.'), "{}", knob.help);
        assert_eq!(knob.parse(&knob.default().to_string()), Ok(knob.default()), "{}", knob.name);
        assert!(knob.expectation().starts_with("it takes "));
        assert!(Slot::ALL.contains(&knob.slot));
    }
    assert_eq!(Knob::find("gen-length").unwrap().effect, Timing::NextRun);
    assert_eq!(Knob::find("block-length").unwrap().effect, Timing::NextBlock);
    assert_eq!(Knob::find("threshold").unwrap().effect, Timing::NextStep);
}

#[test]
fn bad_values_say_what_is_expected() {
    let refused = |name: &str, value: &str| Knob::find(name).unwrap().parse(value).unwrap_err().to_string();
    assert_eq!(
        refused("block-length", "0"),
        "block-length cannot be '0': it takes a whole number from 1 to 4096 (tokens), or 'whole'"
    );
    assert_eq!(
        refused("gen-length", "0"),
        "gen-length cannot be '0': it takes a whole number from 1 to 4096 (tokens), or 'auto'"
    );
    assert_eq!(refused("seed", "-1"), "seed cannot be '-1': it takes a whole number from 0");
    assert_eq!(refused("threshold", "NaN"), "threshold cannot be 'NaN': it takes a number from 0 to 1 (probability)");
    assert_eq!(
        refused("sampler", "on\u{1b}[2J"),
        "sampler cannot be 'on\u{fffd}[2J': it takes one of gumbel, filtered"
    );
    assert_eq!(refused("eos-last", "yes"), "eos-last cannot be 'yes': it takes on or off");
    assert_eq!(
        Knob::find("treshold").unwrap_err().to_string(),
        "unknown knob 'treshold'; did you mean 'threshold'? `diffuscope knobs` lists them all"
    );
}

#[test]
fn bad_files_say_where_and_what() {
    let config =
        |text: &str| ConfigFile::parse("config.toml", text, &PresetLibrary::default()).unwrap_err().to_string();
    let preset = |text: &str| Preset::parse("mine", "mine.toml", text).unwrap_err().to_string();
    let cases = [
        (
            config("theme = 'dark'\npresets = 'plain'\n"),
            "config.toml: line 2: unknown field `presets`, expected one of `preset`, `theme`, `motion`, `autosave`, `autosave-limit`, `memory`, `keys`, `knobs`",
        ),
        (
            config("preset = 'plane'"),
            "config.toml: unknown preset 'plane'; did you mean 'plain'? `diffuscope presets` lists them all",
        ),
        (
            config("[knobs]\nblock-lenght = 4\n"),
            "config.toml: unknown knob 'block-lenght'; did you mean 'block-length'? `diffuscope knobs` lists them all",
        ),
        (
            config("[knobs]\nthreshold = 1.5\n"),
            "config.toml: threshold cannot be '1.5': it takes a number from 0 to 1 (probability)",
        ),
        (
            config("[knobs]\nthreshold = [1]\n"),
            "config.toml: line 2: expected a number, a word in quotes, true or false",
        ),
        (
            config("autosave-limit = 'much'\n"),
            "config.toml: autosave-limit cannot be 'much': it takes a size such as \"512 MB\" or \"2 GB\"",
        ),
        (
            config("[keys]\nlayer.next = 3\n"),
            "config.toml: the keys of layer.next cannot be that: expected a key in quotes, as in \"ctrl-p\", or a list of them",
        ),
        (config("preset = \n"), "config.toml: line 1: string values must be quoted, expected literal string"),
        (preset(""), "mine.toml: line 1: missing field `title`"),
        (
            preset("title = 't'\nknob = 1\n"),
            "mine.toml: line 2: unknown field `knob`, expected one of `title`, `description`, `method`, `paper`, \
             `made-for`, `order`, `knobs`",
        ),
        (
            preset("title = 't'\n[knobs]\nsampler = 'on'\n"),
            "mine.toml: sampler cannot be 'on': it takes one of gumbel, filtered",
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(message, expected);
    }
    let folder = support::files::Folder::new();
    let missing = folder.path("none.toml");
    let message = ConfigFile::read(&missing, &PresetLibrary::default()).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: ", missing.display())), "{message}");
}

#[test]
fn settings_that_do_not_go_together_say_what_to_change() {
    let limits = Limits { prompt: 10, gen_length: 32, max_positions: 128, has_guide: true };
    let check = |knobs: &[(&str, &str)], limits: Limits| {
        let mut settings = Settings::default();
        for (name, value) in knobs {
            Knob::find(name).unwrap().set(&mut settings, value).unwrap();
        }
        decode::check(&settings, &limits).map_err(|error| error.to_string())
    };
    assert_eq!(check(&[], limits), Ok(()));
    let too_long = Limits { prompt: 128, ..limits };
    assert_eq!(
        check(&[], too_long).unwrap_err(),
        "the prompt takes 128 tokens and the model's context is 128: shorten the prompt"
    );
    let no_room = Limits { gen_length: 119, ..limits };
    assert_eq!(
        check(&[], no_room).unwrap_err(),
        "gen-length 119 and a prompt of 10 tokens exceed the model's context of 128: choose a gen-length of at most 118"
    );
    assert_eq!(
        check(&[("block-length", "33")], limits).unwrap_err(),
        "block-length 33 does not fit a gen-length of 32: choose at most 32, or 'whole'"
    );
    assert_eq!(
        check(&[("eos-stop", "block")], limits).unwrap_err(),
        "eos-stop 'block' ends a run at a finished block, and block-length is 'whole': set block-length, or eos-stop \
         'prefix'"
    );
    assert_eq!(
        check(&[("top-k", "5")], limits).unwrap_err(),
        "top-p and top-k belong to sampler 'filtered', and sampler is 'gumbel': set sampler to 'filtered', or top-p and \
         top-k to 'off'"
    );
    assert_eq!(
        check(&[("cfg-scale", "1.5"), ("cache", "freecache-prompt")], limits).unwrap_err(),
        "cfg-scale 1.5 needs a second pass without the prompt, whose K/V rows no cache keeps, and cache is \
         'freecache-prompt': set cache to 'off', or cfg-scale to 0"
    );
    assert_eq!(
        check(&[("eos-ban", "on"), ("eos-stop", "prefix")], limits).unwrap_err(),
        "eos-stop 'prefix' waits for an end of text that eos-ban never lets through: set eos-stop to 'off', or eos-ban \
         to off"
    );
    assert_eq!(
        check(&[("eos-ban", "on"), ("eos-last", "on")], limits).unwrap_err(),
        "eos-last puts end of text behind the rest, and eos-ban never lets it through: choose one of them"
    );
    for unmask in ["threshold", "factor", "localleap", "entropy-threshold", "klass"] {
        assert_eq!(
            check(&[("unmask", unmask), ("order", "random")], limits).unwrap_err(),
            format!(
                "unmask '{unmask}' commits what is sure, and order 'random' says nothing of that: set order to \
                 'confidence', or unmask to 'quota'"
            )
        );
    }
    assert_eq!(
        check(&[("unmask", "localleap"), ("threshold", "0.7")], limits).unwrap_err(),
        "threshold-relaxed 0.75 asks for more than threshold 0.7: choose at most 0.7"
    );
    assert_eq!(
        check(&[("early-commit", "block"), ("guide", "topk")], limits).unwrap_err(),
        "early-commit 'block' commits without asking anybody, and guide is 'topk': set one of them to 'off'"
    );
    assert_eq!(
        check(&[("early-commit", "answer"), ("answer-start", "32")], limits).unwrap_err(),
        "answer-start 32 lies behind a gen-length of 32: choose at most 31, or 'end'"
    );
    // As in the released code, what of the answer lies beyond the canvas is cut.
    for answer in [("answer-start", "31"), ("answer-length", "40")] {
        check(&[("early-commit", "answer"), answer], limits).unwrap();
    }
    assert_eq!(
        check(&[("early-commit", "block"), ("phase-mid", "0.7")], limits).unwrap_err(),
        "phase-mid 0.7 lies behind phase-late 0.67: choose at most 0.67"
    );
    assert_eq!(
        check(&[("credit", "fixed"), ("cache", "dkv-greedy"), ("order", "drawn")], limits).unwrap_err(),
        "credit 'fixed' is given to positions that are scored step by step, and cache 'dkv-greedy' scores none before its \
         turn: set credit to 'off', or cache to 'dkv-decode'"
    );
    assert_eq!(
        check(&[("schedule", "leftmost"), ("unmask", "alpha")], limits).unwrap_err(),
        "schedule 'leftmost' moves its window in every step, and unmask 'alpha' paces itself by the steps of a block: set \
         unmask to 'threshold', or to 'quota' with steps 'auto'"
    );
    assert_eq!(
        check(&[("cache", "fast-dual")], limits).unwrap_err(),
        "cache 'fast-dual' is refreshed on entering a block, and there is only one block: set block-length (with schedule \
         'blocks'), or cache-refresh"
    );
    assert_eq!(check(&[("cache", "fast-dual"), ("cache-refresh", "8")], limits), Ok(()));
    assert_eq!(
        check(&[("cache", "dkv-greedy")], limits).unwrap_err(),
        "cache 'dkv-greedy' must know beforehand what is committed next: set unmask to 'quota', order to 'drawn', \
         order-temperature to 'off' and eos-last to 'off', or cache to 'dkv-decode'"
    );
    assert_eq!(
        check(&[("cache", "dkv-greedy"), ("order", "drawn"), ("guide", "topk")], limits).unwrap_err(),
        "cache 'dkv-greedy' computes only what it knows to be committed next, and guide 'topk' decides that later: set \
         guide to 'off', or cache to 'dkv-decode'"
    );
    assert_eq!(
        check(&[("cache", "elastic")], limits).unwrap_err(),
        "cache 'elastic' computes a window of the leftmost masks, and schedule is 'blocks': set schedule to 'leftmost'"
    );
    let window = ("schedule", "leftmost");
    assert_eq!(
        check(&[("cache", "elastic"), window, ("guide", "topk")], limits).unwrap_err(),
        "cache 'elastic' commits from its window by threshold or quota, and guide is 'topk': set guide to 'off', or cache \
         to 'freecache-window'"
    );
    assert_eq!(
        check(&[("cache", "d2"), ("guide", "topk")], limits).unwrap_err(),
        "cache 'd2' computes masks here and there, and guide 'topk' reads drafts from left to right: set guide to 'off', \
         or cache to 'freecache-window'"
    );
    assert_eq!(
        check(&[window, ("unmask", "time")], limits).unwrap_err(),
        "schedule 'leftmost' moves its window in every step, and unmask 'time' paces itself by the steps of a block: set \
         unmask to 'threshold', or to 'quota' with steps 'auto'"
    );
    assert_eq!(
        check(&[window, ("steps", "8")], limits).unwrap_err(),
        "schedule 'leftmost' moves its window in every step, and steps 8 are spread over blocks: set unmask to 'threshold', \
         or to 'quota' with steps 'auto'"
    );
    assert_eq!(
        check(&[window, ("block-length", "8"), ("eos-stop", "block")], limits).unwrap_err(),
        "eos-stop 'block' ends a run at a finished block, and schedule 'leftmost' has none: set eos-stop to 'cut'"
    );
    let unguided = Limits { has_guide: false, ..limits };
    assert_eq!(
        check(&[("guide", "topk")], unguided).unwrap_err(),
        "guide is 'topk' but no guide model is loaded: load one, or set guide to 'off'"
    );
}

#[test]
fn every_file_of_the_presets_folder_is_one_built_in_preset() {
    let mut files: Vec<(u64, String)> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/presets"))
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let order = text.parse::<toml::Table>().unwrap()["order"].as_integer().unwrap();
            let built_in = preset(&name).unwrap();
            assert_eq!(Preset::read(&path).unwrap(), built_in);
            assert!(!built_in.method.is_empty(), "{name} stands under no heading");
            (u64::try_from(order).unwrap(), name)
        })
        .collect();
    files.sort();
    assert!(files.windows(2).all(|pair| pair[0].0 < pair[1].0), "two presets have the same place: {files:?}");
    let listed: Vec<&str> = presets().iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(listed, files.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>());
    let mut methods: Vec<&str> = presets().iter().map(|preset| preset.method.as_str()).collect();
    methods.dedup();
    assert_eq!(methods.len(), methods.iter().collect::<BTreeSet<_>>().len(), "a method has two headings: {methods:?}");
}

#[test]
fn every_preset_parses_and_is_valid_on_a_usual_canvas() {
    let limits = Limits { prompt: 20, gen_length: 64, max_positions: 512, has_guide: true };
    let presets = presets();
    assert!(presets.iter().any(|preset| preset.name == DEFAULT_PRESET));
    for built_in in presets {
        assert!(!built_in.title.is_empty() && built_in.description.ends_with('.'));
        assert_eq!(preset(&built_in.name).unwrap(), *built_in);
        let mut layers = Layers::default();
        layers.set_preset(built_in.clone());
        assert_eq!(decode::check(&layers.resolve(), &limits), Ok(()), "{}", built_in.name);
        for (name, value) in built_in.knobs() {
            let knob = Knob::find(name).unwrap();
            assert_eq!(knob.get(&layers.resolve()), knob.parse(value).unwrap());
        }
    }
}

#[test]
fn a_preset_can_be_a_file() {
    let folder = support::files::Folder::new();
    let path = folder.write("my-own.toml", "title = 'Mine'\n[knobs]\nthreshold = 0.7\n");
    let mine = preset(path.to_str().unwrap()).unwrap();
    assert_eq!((mine.name.as_str(), mine.title.as_str()), ("my-own", "Mine"));
    assert_eq!(mine.knobs().collect::<Vec<_>>(), [("threshold", "0.7")]);
    for name in ["UP.TOML", "noext", "plain"] {
        let path = folder.write(name, "\u{feff}title = 'Mine'\r\n[knobs]\r\nthreshold = 0.7\r\n");
        assert_eq!(preset(&path).unwrap().knobs().collect::<Vec<_>>(), [("threshold", "0.7")], "{name}");
    }
    assert_eq!(preset("plain").unwrap(), presets()[0], "a name without a folder is that of a built-in preset");
    // Tests run in the folder of the package.
    assert_eq!(
        preset("LICENSE-MIT").unwrap_err().to_string(),
        "unknown preset 'LICENSE-MIT'; did you mean './LICENSE-MIT'? `diffuscope presets` lists them all"
    );
}

#[test]
fn presets_of_a_folder_stand_beside_the_built_in_ones() {
    let folder = support::files::Folder::new();
    folder.write("fast.toml", "title = 'Mine'\n[knobs]\nthreshold = 0.7\n");
    folder.write("careful.TOML", "title = 'Careful'\n");
    folder.write("notes.txt", "no preset");
    folder.write(".fast.toml", "what an editor keeps");
    let library = PresetLibrary::open(Some(folder.path("")));
    assert_eq!(library.own().iter().map(|preset| preset.name.as_str()).collect::<Vec<_>>(), ["careful", "fast"]);
    assert_eq!(library.all().count(), presets().len() + 2);
    assert_eq!(library.find("fast").unwrap().knobs().collect::<Vec<_>>(), [("threshold", "0.7")]);
    assert_eq!(library.find("plain").unwrap(), presets()[0]);
    assert_eq!(
        library.find("fats").unwrap_err().to_string(),
        "unknown preset 'fats'; did you mean 'fast'? `diffuscope presets` lists them all"
    );
    let config = ConfigFile::parse("config.toml", "preset = 'fast'", &library).unwrap();
    assert_eq!(config.preset.as_deref(), Some("fast"));
    assert_eq!(PresetLibrary::open(Some(folder.path("none"))).warnings().count(), 0, "a folder that is not there");
}

#[test]
fn a_broken_preset_leaves_the_others_alone() {
    let folder = support::files::Folder::new();
    let broken = folder.write("broken.toml", "title = 'Mine'\n[knobs]\ntreshold = 0.7\n");
    let taken = folder.write("plain.toml", "title = 'Mine'\n");
    folder.write("good.toml", "title = 'Good'\n");
    let library = PresetLibrary::open(Some(folder.path("")));
    let sentence = format!(
        "{}: unknown knob 'treshold'; did you mean 'threshold'? `diffuscope knobs` lists them all",
        broken.display()
    );
    let taken = format!("{}: a built-in preset is called that: give the file another name", taken.display());
    assert_eq!(library.warnings().collect::<Vec<_>>(), [sentence.clone(), taken]);
    assert_eq!(library.own().len(), 1);
    assert_eq!(
        library.find("broken").unwrap_err().to_string(),
        sentence,
        "what is wrong with it, not that it is unknown"
    );
    assert_eq!(library.find("plain").unwrap(), presets()[0]);
}

#[test]
fn what_is_saved_is_read_back() {
    let folder = support::files::Folder::new();
    let mut library = PresetLibrary::open(Some(folder.path("a/presets")));
    for built_in in presets() {
        let settings = Settings { seed: u64::MAX, eos_last: true, ..built_in.settings() };
        let preset = Preset::of_settings("my-own-2", "Saved.".to_owned(), &settings);
        let path = library.save(&preset).unwrap();
        assert_eq!(path, folder.path("a/presets/my-own-2.toml"));
        library.add(preset.clone());
        let opened = PresetLibrary::open(Some(folder.path("a/presets")));
        assert_eq!((opened.own().len(), library.own().len()), (1, 1));
        for saved in [&opened.own()[0], &library.own()[0]] {
            assert_eq!((saved.settings(), saved.heading()), (settings, "Your own"));
        }
        let again = Preset::parse(&built_in.name, "again", &built_in.file_text()).unwrap();
        assert_eq!(again, *built_in, "the text of a preset makes it again");
    }
}

#[test]
fn a_preset_that_cannot_be_saved_says_why() {
    let library = PresetLibrary::default();
    let refusal = |name: &str| {
        let preset = Preset::of_settings(name, String::new(), &Settings::default());
        library.save(&preset).unwrap_err().to_string()
    };
    let takes = "it takes 1 to 24 of the characters a-z, 0-9 and -, the first of them not -";
    for name in ["", "Mine", "a b", "../a", "-a", "é", "a.toml", &"a".repeat(25)] {
        assert_eq!(refusal(name), format!("a preset cannot be called '{name}': {takes}"));
    }
    assert_eq!(
        refusal("wino"),
        "a preset cannot be called 'wino': a built-in preset is called that: choose another name"
    );
    assert!(refusal("mine").starts_with("there is no folder for presets: DIFFUSCOPE_CONFIG is empty"));
    let folder = support::files::Folder::new();
    let file = folder.write("presets", "a file");
    let library = PresetLibrary::open(Some(file.clone()));
    let warning = library.warnings().next().unwrap();
    assert!(warning.starts_with(&format!("{}: its presets cannot be read: ", file.display())), "{warning}");
    let error =
        library.save(&Preset::of_settings("mine", String::new(), &Settings::default())).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot be written: ", file.join("mine.toml").display())), "{error}");
}

#[test]
fn settings_files_are_text() {
    let folder = support::files::Folder::new();
    let path = folder.write("up.toml", b"\xff\xfet\0");
    let sentence = format!("{}: cannot be read: it is UTF-16: save it as UTF-8", path.display());
    assert_eq!(preset(&path).unwrap_err().to_string(), sentence);
    assert_eq!(ConfigFile::read(&path, &PresetLibrary::default()).unwrap_err().to_string(), sentence);
    let path = folder.write("config.toml", "\u{feff}preset = 'plain'\r\n");
    assert_eq!(ConfigFile::read(&path, &PresetLibrary::default()).unwrap().preset.as_deref(), Some("plain"));
}

#[test]
fn stronger_layers_win() {
    let preset = |value: &str| Preset::parse("p", "p", &format!("title = 'p'\n[knobs]\nthreshold = {value}")).unwrap();
    let threshold = Knob::find("threshold").unwrap();
    let mut layers = Layers::default();
    let mut expect = |change: &mut dyn FnMut(&mut Layers), expected: f32| {
        change(&mut layers);
        assert_eq!(layers.resolve().threshold, expected);
    };
    expect(&mut |_| {}, 0.9);
    expect(&mut |layers| layers.set_config([("threshold", "0.1".into())]).unwrap(), 0.1);
    expect(&mut |layers| layers.set_preset(preset("0.2")), 0.2);
    expect(&mut |layers| layers.set_flags([("threshold", "0.3".into())]).unwrap(), 0.3);
    expect(&mut |layers| layers.set_live(threshold, "0.4".into()), 0.4);
    // Another preset drops live changes, and stays below the flags.
    expect(&mut |layers| layers.set_preset(preset("0.5")), 0.3);
    expect(&mut |layers| layers.set_flags([]).unwrap(), 0.5);
    expect(
        &mut |layers| {
            layers.set_flags([("threshold", "2".into())]).expect_err("a layer is checked when it is set");
        },
        0.5,
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the pane makes of the knobs can be written, read back, and said in flags.
    #[test]
    fn settings_round_trip(presses in vec(-60_i64..60, KNOBS.len())) {
        let mut settings = Settings::default();
        for (knob, presses) in KNOBS.iter().zip(presses) {
            knob.nudge(&mut settings, presses);
            prop_assert_eq!(knob.parse(&knob.get(&settings).to_string()), Ok(knob.get(&settings)));
        }
        let json = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        let toml = toml::to_string(&settings).unwrap();
        prop_assert_eq!(toml::from_str::<Settings>(&toml).unwrap(), settings);
        let said: Vec<String> =
            KNOBS.iter().flat_map(|knob| [format!("--{}", knob.name), knob.get(&settings).to_string()]).collect();
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        prop_assert_eq!(resolved(&flags(&said).unwrap()), settings);
    }

    /// No text makes a knob panic, and what it takes it gives back.
    #[test]
    fn any_text_is_a_value_or_refused(index in 0..KNOBS.len(), text in any::<String>()) {
        let knob = &KNOBS[index];
        match knob.parse(&text) {
            Ok(value) => prop_assert_eq!(knob.parse(&value.to_string()), Ok(value)),
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}

#[test]
fn every_knob_acts_beside_some_choice() {
    let choose = |knob: &'static Knob| {
        values(knob).into_iter().map(move |value| {
            let mut settings = Settings { block_length: Some(8), ..Settings::default() };
            knob.set(&mut settings, &value).unwrap();
            settings
        })
    };
    let chosen: Vec<Settings> =
        KNOBS.iter().filter(|knob| matches!(knob.kind, Kind::Choice(_))).flat_map(choose).collect();
    for knob in KNOBS {
        assert!(chosen.iter().any(|settings| knob.acts(settings)), "{} never acts", knob.name);
    }
}

#[test]
fn a_choice_reads_its_own_knobs_alone() {
    let acting = |settings: &Settings| -> Vec<&str> {
        let acts = |knob: &&Knob| matches!(knob.slot, Slot::Cache | Slot::Unmask) && knob.acts(settings);
        KNOBS.iter().filter(acts).map(|knob| knob.name).collect()
    };
    let settings = |knobs: &[(&str, &str)]| {
        let mut settings = Settings::default();
        for (name, value) in knobs {
            Knob::find(name).unwrap().set(&mut settings, value).unwrap();
        }
        settings
    };
    assert_eq!(acting(&settings(&[])), ["cache", "unmask", "tokens-per-step", "steps", "revise"]);
    assert_eq!(
        acting(&settings(&[("unmask", "localleap"), ("cache", "dkv-greedy")])),
        [
            "cache",
            "cache-refresh",
            "dkv-neighbours",
            "unmask",
            "threshold",
            "threshold-relaxed",
            "radius",
            "relaxed-decay",
            "revise"
        ]
    );
    let klass = ["cache", "unmask", "threshold", "kl-threshold", "kl-history", "klass-test", "revise"];
    assert_eq!(acting(&settings(&[("unmask", "klass")])), klass);
    let by_factor = klass.map(|name| if name == "threshold" { "factor" } else { name });
    assert_eq!(acting(&settings(&[("unmask", "klass"), ("klass-test", "factor")])), by_factor);
    assert_eq!(acting(&settings(&[("unmask", "klass"), ("guide", "topk")])), ["cache"]);
}
