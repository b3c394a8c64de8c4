//! JSON documents as trees.

use serde_json::{Map, Value, json};

use super::{Context, Dice};

/// Changes a node of a document; `None` where it is none.
pub fn change(input: &[u8], context: &Context<'_>, dice: &mut Dice) -> Option<Vec<u8>> {
    let mut root: Value = serde_json::from_slice(input).ok()?;
    let at = dice.below(count(&root));
    match dice.below(8) {
        0..3 => *node(&mut root, at)? = value(context, dice),
        3 => {
            let theirs = serde_json::from_slice::<Value>(context.donor(dice)).ok();
            let mut theirs = theirs.unwrap_or_else(|| root.clone());
            let part = dice.below(count(&theirs));
            let part = node(&mut theirs, part)?.take();
            *node(&mut root, at)? = part;
        }
        4 => {
            let depth = dice.many(200);
            let within = node(&mut root, at)?;
            for _ in 0..depth {
                *within = if dice.one_in(2) { json!([within.take()]) } else { json!({ "x": within.take() }) };
            }
        }
        _ => change_members(container(&mut root, at)?, context, dice),
    }
    serde_json::to_vec(&root).ok()
}

/// Drops, adds, renames, repeats or exchanges members.
fn change_members(container: &mut Value, context: &Context<'_>, dice: &mut Dice) {
    match container {
        Value::Array(items) => {
            let at = dice.below(items.len());
            match dice.below(4) {
                0 if !items.is_empty() => drop(items.remove(at)),
                1 if !items.is_empty() => {
                    let copies = vec![items[at].clone(); dice.many(300)];
                    items.splice(at..at, copies);
                }
                2 if !items.is_empty() => {
                    let other = dice.below(items.len());
                    items.swap(at, other);
                }
                _ => items.insert(at, value(context, dice)),
            }
        }
        Value::Object(fields) => {
            let name = fields.keys().nth(dice.below(fields.len())).cloned().unwrap_or_default();
            match dice.below(4) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let moved = fields.remove(&name).unwrap_or_default();
                    fields.insert(self::name(fields, context, dice), moved);
                }
                2 => {
                    let other = fields.keys().nth(dice.below(fields.len())).cloned().unwrap_or_default();
                    let (one, two) = (fields.get(&name).cloned(), fields.get(&other).cloned());
                    fields.extend([(name, two.unwrap_or_default()), (other, one.unwrap_or_default())]);
                }
                _ => {
                    let name = self::name(fields, context, dice);
                    fields.insert(name, value(context, dice));
                }
            }
        }
        other => *other = value(context, dice),
    }
}

/// A name for a field.
fn name(fields: &Map<String, Value>, context: &Context<'_>, dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => dice.text(),
        1 => fields.keys().nth(dice.below(fields.len())).cloned().unwrap_or_default(),
        _ => dice.word(context.language.words).to_owned(),
    }
}

/// A value that is seldom meant, or a word of the language.
fn value(context: &Context<'_>, dice: &mut Dice) -> Value {
    match dice.below(10) {
        0 => Value::Null,
        1 => Value::Bool(dice.one_in(2)),
        2 => json!([]),
        3 => json!({}),
        4 => dice.text().into(),
        5 | 6 => dice.word(context.language.words).into(),
        // Numbers that JSON does not have become texts, which is as good.
        _ => {
            let number = dice.number();
            serde_json::from_str(&number).unwrap_or_else(|_| number.into())
        }
    }
}

/// Nodes of a tree, its root among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Node number `at`, the root being 0.
fn node(value: &mut Value, at: usize) -> Option<&mut Value> {
    fn find<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
        if *left == 0 {
            return Some(value);
        }
        *left -= 1;
        match value {
            Value::Array(items) => items.iter_mut().find_map(|item| find(item, left)),
            Value::Object(fields) => fields.values_mut().find_map(|field| find(field, left)),
            _ => None,
        }
    }
    find(value, &mut { at })
}

/// The first array or object from node number `at` on, or else the root.
fn container(root: &mut Value, at: usize) -> Option<&mut Value> {
    let last = count(root);
    let at = (at..last).find(|at| node(root, *at).is_some_and(|node| node.is_array() || node.is_object()));
    node(root, at.unwrap_or(0))
}
