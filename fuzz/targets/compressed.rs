//! Compressed traces: unpacked and read; what is a trace is packed and read again.

use diffuscope::trace::file::{self, Writer};

use super::{Target, printable};
use crate::mutate::{Format, Language};

pub const COMPRESSED: Target = Target {
    name: "compressed",
    format: Format::Text,
    language: Language { words: &["(\u{fffd}/\u{fffd}"], phrase: None },
    longest: 16 << 10,
    open: |_| Box::new(read),
};

fn read(input: &[u8]) -> String {
    let opened = match file::read("fuzz.dscope", input) {
        Ok(opened) => opened,
        Err(error) => return printable(&error.to_string()),
    };
    let log = opened.log;
    let mut packed = Vec::new();
    let mut writer = Writer::compressed(&mut packed, log.header()).unwrap();
    log.entries().for_each(|entry| writer.step(&entry).unwrap());
    log.end().iter().for_each(|end| writer.end(end).unwrap());
    drop(writer);
    assert_eq!(file::read("again.dscope", packed.as_slice()).unwrap().log, log, "what is packed is read back");
    let warnings: String = opened.warnings.iter().map(|warning| printable(warning)).collect();
    format!("a trace of {} steps; {warnings}", log.len())
}
