//! From the text of a template to instructions that cannot grow a value, or walk through one, without paying for it.
//!
//! The template engine has no hook for its operators, so the compiled program is changed before it runs: operators are
//! replaced by filters of the same meaning, and what makes a value is followed by one that weighs it.

use std::{collections::BTreeMap, iter::once};

use minijinja::{
    Error, Value,
    machinery::{CodeGenerator, Instruction, Instructions, parse},
};

use super::source::syntax;

/// Filters that stand for instructions. None has a name that a template can write.
pub(super) mod names {
    /// Pays for a value that was made, or is about to be used.
    pub const HELD: &str = "|held|";
    /// The same for one that a namespace is to keep.
    pub const KEPT: &str = "|kept|";
    /// `loop.changed`.
    pub const CHANGED: &str = "|changed|";
    /// `a[b]`.
    pub const ITEM: &str = "[]";
    /// `a[b:c:d]`.
    pub const SLICE: &str = "[:]";
    /// `a ~ b`.
    pub const CONCAT: &str = "~";
    /// `a + b`.
    pub const ADD: &str = "+";
    /// `a * b`.
    pub const MULTIPLY: &str = "*";
    /// `a % b`.
    pub const REMAINDER: &str = "%";
    /// `a in b`.
    pub const IN: &str = "|in|";
    /// A statement that asks for another template.
    pub const OTHER: &str = "|other|";
}

/// The name under which errors know the template.
const NAME: &str = "template";

/// A compiled template.
pub(super) struct Program<'a> {
    pub main: Instructions<'a>,
    pub blocks: BTreeMap<&'a str, Instructions<'a>>,
}

/// Compiles a template that was prepared.
pub(super) fn compile(source: &str) -> Result<Program<'_>, Error> {
    let tree = parse(source, NAME, syntax()?)?;
    let mut generator = CodeGenerator::new(NAME, source);
    generator.compile_stmt(&tree);
    let (main, blocks) = generator.finish();
    let blocks = blocks.into_iter().map(|(name, block)| (name, guarded(&block, source))).collect();
    Ok(Program { main: guarded(&main, source), blocks })
}

/// The same program, with each instruction replaced by what stands for it, and jumps that lead where they did.
fn guarded<'a>(plain: &Instructions<'a>, source: &'a str) -> Instructions<'a> {
    let parts: Vec<_> = (0..).map_while(|at| plain.get(at)).map(guard).collect();
    let starts: Vec<u32> = once(0)
        .chain(parts.iter().scan(0, |end, part| {
            *end += part.len() as u32;
            Some(*end)
        }))
        .collect();
    let mut program = Instructions::new(NAME, source);
    for (part, at) in parts.into_iter().zip(0..) {
        let line = plain.get_line(at).unwrap_or(0) as u16;
        for mut instruction in part {
            if let Instruction::Jump(target)
            | Instruction::JumpIfFalse(target)
            | Instruction::JumpIfFalseOrPop(target)
            | Instruction::JumpIfTrueOrPop(target)
            | Instruction::Iterate(target)
            | Instruction::BuildMacro(_, target, _) = &mut instruction
            {
                *target = starts.get(*target as usize).copied().unwrap_or(*target);
            }
            program.add_with_line(instruction, line);
        }
    }
    program
}

/// What stands for one instruction.
fn guard<'a>(instruction: &Instruction<'a>) -> Vec<Instruction<'a>> {
    use Instruction as I;
    let filter = |name, arguments| I::ApplyFilter(name, Some(arguments), !0);
    let held = || filter(names::HELD, 1);
    let plain = instruction.clone();
    match instruction {
        I::Add => vec![filter(names::ADD, 2)],
        I::Mul => vec![filter(names::MULTIPLY, 2)],
        I::Rem => vec![filter(names::REMAINDER, 2)],
        I::StringConcat => vec![filter(names::CONCAT, 2)],
        I::Eq => vec![filter("==", 2)],
        I::Ne => vec![filter("!=", 2)],
        I::Gt => vec![filter(">", 2)],
        I::Gte => vec![filter(">=", 2)],
        I::Lt => vec![filter("<", 2)],
        I::Lte => vec![filter("<=", 2)],
        I::In => vec![filter(names::IN, 2)],
        I::GetItem => vec![filter(names::ITEM, 2)],
        I::Slice => vec![filter(names::SLICE, 4)],
        I::CallMethod("changed", arguments) => vec![I::ApplyFilter(names::CHANGED, *arguments, !0)],
        I::CompareAndPreserve(_) => vec![held(), I::Swap, held(), I::Swap, plain],
        I::BuildList(_) | I::BuildTuple(_) | I::BuildMap(_) => vec![plain, held()],
        I::PushLoop(_) | I::FastRecurse | I::CallFunction(_, Some(1)) => vec![held(), plain],
        I::SetAttr(_) => vec![I::Swap, filter(names::KEPT, 1), I::Swap, plain],
        I::Include(_) | I::LoadBlocks => vec![filter(names::OTHER, 1)],
        I::EmitRaw(text) => vec![I::LoadConst(Value::from_safe_string((*text).to_owned())), I::Emit],
        _ => vec![plain],
    }
}
