//! Several text files in one.

use super::{Context, Dice, json, text};

/// Begins the line with a file's name.
const MARK: &str = "=== ";

/// Names and contents.
pub fn parts(bundle: &str) -> Vec<(&str, &str)> {
    let files = bundle.split(MARK).filter(|file| !file.is_empty());
    files.map(|file| file.split_once('\n').unwrap_or((file, ""))).collect()
}

/// Changes a file by what its name says that it is, or leaves it out; `None` where this is no bundle.
pub fn change(input: &[u8], context: &Context<'_>, dice: &mut Dice) -> Option<Vec<u8>> {
    let bundle = std::str::from_utf8(input).ok()?;
    let mut parts: Vec<(&str, String)> =
        parts(bundle).into_iter().map(|(name, content)| (name, content.to_owned())).collect();
    let at = dice.below(parts.len());
    let (name, content) = parts.get_mut(at)?;
    if dice.one_in(20) {
        parts.remove(at);
    } else {
        // The same file of another bundle.
        let donor = String::from_utf8_lossy(context.donor(dice)).into_owned();
        let theirs = self::parts(&donor).into_iter().find(|(theirs, _)| theirs == name);
        let pool = theirs.map(|(_, content)| vec![content.as_bytes().to_vec()]).unwrap_or_default();
        let context = Context { language: context.language, pool: &pool };
        let tree = (name.rsplit('.').next() == Some("json"))
            .then(|| json::change(content.as_bytes(), &context, dice))
            .flatten();
        *content = match tree.and_then(|tree| String::from_utf8(tree).ok()) {
            Some(tree) => tree,
            None => text::change(content, &context, dice),
        };
    }
    let files = parts.iter().map(|(name, content)| format!("{MARK}{name}\n{}\n", content.trim_end_matches('\n')));
    Some(files.collect::<String>().into_bytes())
}
