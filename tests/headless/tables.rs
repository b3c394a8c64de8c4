//! `diffuscope export` to tables of steps and of tokens.

use std::{collections::BTreeMap, fs};

use diffuscope::decode::record::KvStatus;

use super::*;

/// Rows of a table as JSON lines, with the names of the columns in their order.
fn rows(trace: &str, table: &str) -> Vec<serde_json::Map<String, Value>> {
    let mut command = program();
    command.args(["export", trace, "-o", "-", "--format", "jsonl", "--table", table]);
    succeed(&mut command).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same out of a table of comma-separated values: what is empty is left out.
fn csv_rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        names.iter().zip(&record).map(|(name, field)| (name.to_owned(), field.to_owned())).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// A trace with a cache, a guide that looks on, and audits.
fn rich(pair: &Folder) -> String {
    let trace = pair.path("rich.jsonl");
    let options = ["--threshold", "1", "--audit", "1", "--shadow-guide", "deterministic", "--trace"];
    let mut command = with_pair(pair, &["run", "--prompt", PROMPT, "--preset", "fast-dllm-dual"]);
    succeed(command.args(options).arg(&trace));
    trace.display().to_string()
}

#[test]
fn a_row_of_tokens_says_what_the_log_says() {
    let pair = pair();
    let trace = rich(&pair);
    let log = open(Path::new(&trace));
    let rows = rows(&trace, "tokens");
    let length = log.header().canvas_length();
    assert_eq!(rows.len(), log.len() * length);
    let (mut audited, mut judged) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        let (step, position) = (at / length + 1, at % length);
        let (record, canvas) = (log.record(step).unwrap(), log.canvas(step));
        assert_eq!((&row["step"], &row["position"]), (&json!(step), &json!(position)));
        assert_eq!(row["token"], record.ids[position]);
        assert_eq!(row["kv_age"], record.kv[position].age);
        let is_masked = record.ids[position] == log.header().mask_id;
        assert_eq!(row["state"] == "masked", is_masked);
        let proposal = record.proposals.iter().find(|proposal| proposal.position == position);
        assert_eq!(row["proposal"].as_u64(), proposal.map(|proposal| proposal.token.into()));
        let number = |name: &str| row[name].as_f64().map(|number| number as f32);
        match canvas.written(position) {
            Some((index, reason, confidence)) => {
                assert_eq!(
                    (row["written"].as_u64(), row["reason"].as_str()),
                    (Some(index as u64 + 1), Some(reason.short()))
                );
                assert_eq!(number("confidence"), Some(confidence), "bit for bit");
                assert_eq!(number("entropy"), log.steps()[index].certainty_at(position).map(|known| known.entropy));
            }
            None => assert_eq!(number("confidence"), proposal.map(|proposal| proposal.confidence)),
        }
        let drift = record.audit.iter().flat_map(|audit| &audit.drift).find(|drift| drift.position == position);
        for layer in 0..log.header().denoiser.layers {
            let cosine = drift.map(|drift| drift.keys[layer]);
            assert_eq!(number(&format!("key_cosine_{layer}")), cosine);
        }
        audited += usize::from(!row["flip"].is_null());
        judged += usize::from(!row["verdict"].is_null());
    }
    assert!(audited > 0 && judged > 0, "{audited} {judged}");
}

#[test]
fn rows_of_steps_add_up_to_the_figures() {
    let pair = pair();
    let trace = rich(&pair);
    let log = open(Path::new(&trace));
    let (rows, figures) = (rows(&trace, "steps"), Figures::of(&log, log.len()));
    assert_eq!(rows.len(), log.len());
    let sum = |name: &str| rows.iter().filter_map(|row| row[name].as_u64()).sum::<u64>();
    assert_eq!(sum("passes"), u64::from(figures.cost.nfe));
    assert_eq!(sum("guide_passes"), u64::from(figures.cost.guide_forwards));
    assert_eq!((sum("audited"), sum("flips")), (figures.audited as u64, figures.flips as u64));
    assert_eq!(sum("computed"), u64::from(figures.cost.computed));
    let last = rows.last().unwrap();
    assert_eq!(last["time_us"].as_u64(), Some(figures.cost.total_us()));
    assert_eq!(last["masked"].as_u64(), Some(0));
    assert!(last["stop"].is_string() && rows[0]["stop"].is_null());
    let stale = log.record(log.len()).unwrap().kv.iter().filter(|row| row.status == KvStatus::Stale).count();
    assert_eq!(last["kv_stale"].as_u64(), Some(stale as u64));
}

#[test]
fn every_format_has_the_same_values() {
    let pair = pair();
    let trace = rich(&pair);
    for table in ["steps", "tokens"] {
        let csv = pair.path(&format!("{table}.csv"));
        succeed(program().args(["export", &trace, "--table", table, "-o"]).arg(&csv));
        let (csv, json) = (csv_rows(&fs::read_to_string(csv).unwrap()), rows(&trace, table));
        assert_eq!(csv.len(), json.len());
        for (csv, json) in csv.iter().zip(&json) {
            assert_eq!(csv.len(), json.len());
            for (name, value) in json {
                match value {
                    Value::Null => assert_eq!(csv[name], "", "{name}"),
                    Value::String(text) => assert_eq!(&csv[name], text, "{name}"),
                    Value::Bool(flag) => assert_eq!(csv[name], flag.to_string(), "{name}"),
                    number => assert_eq!(csv[name].parse::<f32>().ok(), number.as_f64().map(|number| number as f32)),
                }
            }
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_has_the_same_values() {
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };

    let pair = pair();
    let trace = rich(&pair);
    for table in ["steps", "tokens"] {
        let file = pair.path(&format!("{table}.parquet"));
        succeed(program().args(["export", &trace, "--table", table, "-o"]).arg(&file));
        let reader = SerializedFileReader::new(fs::File::open(file).unwrap()).unwrap();
        let (mut count, rows) = (0, rows(&trace, table));
        for (found, row) in reader.get_row_iter(None).unwrap().zip(&rows) {
            for (name, field) in found.unwrap().get_column_iter() {
                let value = match field {
                    Field::Null => Value::Null,
                    Field::Bool(flag) => json!(flag),
                    Field::Long(number) => json!(number),
                    Field::Float(number) => {
                        assert_eq!(row[name].as_f64().map(|value| value as f32), Some(*number), "{name}");
                        continue;
                    }
                    Field::Str(text) => json!(text),
                    other => panic!("{other:?}"),
                };
                assert_eq!(value, row[name], "{name}");
            }
            count += 1;
        }
        assert_eq!(count, rows.len());
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_how_to_get_one() {
    let pair = pair();
    let trace = recorded(&pair);
    let told = "parquet is not in this build: install one by `cargo install --path . --features parquet`, or write csv or \
                jsonl";
    let file = pair.path("run.parquet");
    assert_eq!(refuse(program().args(["export", &trace, "-o"]).arg(&file)), told);
    assert!(refuse(program().args(["export", &trace, "--format", "parquet", "-o", "-"])).contains(told));
    assert!(!file.exists());
}

#[test]
fn text_of_a_model_is_made_printable() {
    let pair = pair_that_says("\t\"a,b\"\u{1b}[31m\u{9d}0;t\u{9c}\u{202e}z\r\n=1+1<script>");
    let trace = recorded(&pair);
    for format in ["csv", "jsonl"] {
        let text = succeed(program().args(["export", &trace, "-o", "-", "--format", format]));
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(obeyed), "{text}");
    }
    let all: String = rows(&trace, "tokens").iter().filter_map(|row| row["text"].as_str()).collect();
    assert!(all.contains("=1+1<script>") && all.contains("a,b"), "{all}");
}

#[test]
fn nothing_is_written_over_unless_it_is_asked_for() {
    let pair = pair();
    let trace = recorded(&pair);
    let file = pair.write("run.csv", "precious");
    let name = file.display();
    let refused = refuse(program().args(["export", &trace, "-o"]).arg(&file));
    assert_eq!(refused, format!("{name} is there already: --force writes over it"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    succeed(program().args(["export", &trace, "--force", "-o"]).arg(&file));
    assert!(fs::read_to_string(&file).unwrap().starts_with("step,position,"));
    let refused = refuse(program().args(["export", &trace, "-o", &trace, "--force", "--format", "jsonl"]));
    assert!(refused.contains("is the trace itself"), "{refused}");
}

#[test]
fn what_cannot_be_written_is_told() {
    let pair = pair();
    let trace = recorded(&pair);
    let into = |file: &Path| program().args(["export", &trace, "--format", "csv", "-o"]).arg(file).output().unwrap();
    let nowhere = into(&pair.path("nowhere/run.csv"));
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("nowhere/run.csv cannot be written: "), "{}", stderr(&nowhere));
    let folder = into(pair.root());
    assert_eq!(folder.status.code(), Some(2), "{}", stderr(&folder));
    if cfg!(target_os = "linux") {
        let full = into(Path::new("/dev/full"));
        assert_eq!(full.status.code(), Some(3));
        assert!(stderr(&full).contains("/dev/full cannot be written: "), "{}", stderr(&full));
    }
    let other = refuse(program().args(["export", &trace, "--format", "csv", "-o"]).arg(pair.path("run.gif")));
    assert!(other.ends_with("run.gif is no name for csv: its files end in .csv"), "{other}");
    let refused = refuse(program().args(["export", &trace, "--table", "steps", "-o", "-"]));
    assert_eq!(refused, "--table is about tables, and asciicast-v2 is none: write csv or jsonl");
}

#[test]
fn traces_that_are_empty_torn_newer_or_short_are_told() {
    let pair = pair();
    let text = fs::read_to_string(recorded(&pair)).unwrap();
    let first_steps = |steps: usize| text.split_inclusive('\n').take(1 + steps).collect::<String>();
    let table = |content: &str| {
        let trace = pair.write("other.jsonl", content);
        program().arg("export").arg(trace).args(["-o", "-", "--format", "csv"]).output().unwrap()
    };
    let positions = open(&pair.path("run.jsonl")).header().canvas_length();
    for steps in [0, 1] {
        let output = table(&first_steps(steps));
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stdout(&output).lines().count(), 1 + steps * positions);
        assert!(stderr(&output).contains("its run was interrupted after "), "{}", stderr(&output));
    }
    let torn = first_steps(2);
    let output = table(&torn[..torn.len() - 30]);
    assert_eq!(stdout(&output).lines().count(), 1 + positions);
    assert!(stderr(&output).contains("line 3 of the trace is cut off"), "{}", stderr(&output));
    for (content, told) in [
        (String::new(), "is not a diffuscope trace: it is empty"),
        (
            first_steps(0).replacen("\"format\":2", "\"format\":3", 1),
            "and this version reads up to 2: use a newer diffuscope",
        ),
    ] {
        let output = table(&content);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}
