//! Properties of all families together.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const SAMPLES: u64 = 2_000;

fn all(unseen: Unseen) -> impl Iterator<Item = Sample> {
    Family::ALL
        .into_iter()
        .flat_map(move |family| (0..SAMPLES).map(move |index| generate(family, 7, index, Options { unseen })))
}

#[test]
fn every_generated_answer_is_right() {
    for sample in all(Unseen::Usual).chain(all(Unseen::Always)) {
        let task = recognise(&sample.prompt).unwrap_or_else(|| panic!("not recognised: {}", sample.prompt));
        let verdict = task.check(&sample.answer);
        assert!(verdict.correct, "{}\n{}\n{}", sample.prompt, sample.answer, verdict.reason);
    }
}

#[test]
fn a_prompt_tells_its_task() {
    for sample in all(Unseen::Usual) {
        let task = recognise(&sample.prompt).unwrap();
        assert_eq!(task.family(), sample.family, "{}", sample.prompt);
        assert_eq!(task.variant(), sample.variant, "{}", sample.prompt);
        assert_eq!(task.prompt(), sample.prompt);
        assert_eq!(!task.unseen_words().is_empty(), sample.unseen, "{}", sample.prompt);
    }
}

#[test]
fn samples_depend_on_seed_and_index_only() {
    for family in Family::ALL {
        let draw = |seed, index| generate(family, seed, index, Options::default());
        assert_eq!(draw(1, 2), draw(1, 2));
        let different: HashSet<String> = (0..100).map(|index| draw(1, index).prompt).collect();
        assert!(different.len() > 95, "{family}: {} of 100 prompts differ", different.len());
        assert_ne!(draw(1, 2).prompt, draw(2, 2).prompt);
    }
}

#[test]
fn the_data_set_is_the_same_on_every_machine_and_in_every_version() {
    let list = generate(Family::List, 0, 0, Options::default());
    let sudoku = generate(Family::Sudoku, 0, 0, Options::default());
    insta::assert_snapshot!(format!("{}\n{}\n{}\n{}", list.prompt, list.answer, sudoku.prompt, sudoku.answer));
}

#[test]
fn invented_words_are_used_as_often_as_asked() {
    for family in Family::ALL {
        let share = |unseen| {
            let unseen = (0..SAMPLES).filter(|&index| generate(family, 3, index, Options { unseen }).unseen).count();
            unseen as f64 / SAMPLES as f64
        };
        assert_eq!(share(Unseen::Never), 0.0, "{family}");
        let most = if family == Family::Sudoku { 0.0 } else { 1.0 };
        assert_eq!(share(Unseen::Always), most, "{family}");
        assert!((share(Unseen::Share(0.5)) - 0.5 * most).abs() < 0.05, "{family}");
        assert!((share(Unseen::Usual) - family.unseen_share()).abs() < 0.03, "{family}");
    }
}

#[test]
fn unknown_words_are_never_to_be_sorted() {
    for index in 0..SAMPLES {
        let sample = generate(Family::List, 5, index, Options { unseen: Unseen::Always });
        assert_ne!(sample.variant, "sort", "{}", sample.prompt);
    }
}

#[test]
fn every_variant_of_every_family_is_drawn() {
    let drawn: HashSet<(Family, &str)> = all(Unseen::Usual).map(|sample| (sample.family, sample.variant)).collect();
    let count = |family| drawn.iter().filter(|(found, _)| *found == family).count();
    assert_eq!(Family::ALL.map(count), [12, 3, 4, 2, 8, 5]);
}

#[test]
fn answers_fit_the_canvas_with_their_end() {
    for sample in all(Unseen::Always).chain(all(Unseen::Never)) {
        let spelled = recognise(&sample.prompt).unwrap().unseen_words();
        let length = lexicon::length(&sample.answer, &spelled);
        assert!(length < sample.family.canvas(), "{length} tokens: {} -> {}", sample.prompt, sample.answer);
        assert_eq!(sample.family.canvas() % 8, 0);
    }
}

/// Other texts that are near to a right answer but wrong: a word exchanged, a token lost or doubled, an end cut off.
fn mutations(sample: &Sample, dice: &mut Dice) -> Vec<String> {
    let answer = &sample.answer;
    let words: Vec<_> = lexicon::words(answer).collect();
    let mut mutations = Vec::new();
    if !words.is_empty() {
        let (range, word) = words[dice.below(words.len())].clone();
        for instead in ["", "qzqzqz", &format!("{word} {word}")] {
            mutations.push(format!("{}{instead}{}", &answer[..range.start], &answer[range.end..]));
        }
    }
    mutations.push(answer[..answer.len() - 1].to_owned());
    mutations.push(format!("{answer} {answer}"));
    mutations.push(format!("{answer}."));
    if sample.family != Family::Math {
        mutations.push(format!(" {}", answer.to_uppercase()));
    }
    mutations
}

#[test]
fn answers_with_a_slip_are_refused() {
    for (index, sample) in all(Unseen::Usual).enumerate() {
        let task = recognise(&sample.prompt).unwrap();
        for wrong in mutations(&sample, &mut Dice::new(1, 1, index as u64)) {
            let verdict = task.check(&wrong);
            assert!(!verdict.correct, "{}\n{wrong}\n{}", sample.prompt, verdict.reason);
            assert!(!verdict.reason.contains('\n'));
            let failed = verdict.failed.unwrap();
            assert!(wrong.get(failed.clone()).is_some(), "{failed:?} of {wrong}");
        }
        assert!(!task.check("").correct);
        assert!(task.check(&format!("{} \n", sample.answer)).correct, "white space at the end is ignored");
    }
}

fn reason(prompt: &str, answer: &str) -> (bool, String) {
    let verdict = recognise(prompt).unwrap().check(answer);
    (verdict.correct, verdict.reason)
}

#[test]
fn reasons_name_what_is_wrong() {
    let reverse = "Reverse this list: Max, Leo, Ruth";
    assert_eq!(reason(reverse, "Ruth, Leo, Max"), (true, "reversed as asked".to_owned()));
    assert_eq!(reason(reverse, "Ruth, Max, Leo").1, "item 2 should be Leo, found \"Max\"");
    assert_eq!(reason(reverse, "Ruth, Leo").1, "expected 3 items, found 2");
    let shuffle = "Shuffle this list: Max, Leo, Ruth";
    assert_eq!(reason(shuffle, "Leo, Max, Ruth"), (true, "the same items in another order".to_owned()));
    assert_eq!(reason(shuffle, "Max, Leo, Ruth").1, "the order is the old one");
    assert_eq!(reason(shuffle, "Leo, Max, Leo").1, "Leo stands there twice");
    assert_eq!(reason(shuffle, "Leo, Max").1, "Ruth is missing");
    let math = "Anna has 12 pens. She buys 7 more. How many pens are left?";
    assert_eq!(reason(math, "12+7=19.\n#### 19"), (true, "19 is right, and so is the working".to_owned()));
    assert_eq!(reason(math, "12+7=18.\n#### 19").1, "19 is right, though the working is not as expected");
    assert_eq!(reason(math, "12+7=18.\n#### 18").1, "the result should be 19, found \"18\"");
    let json = "Write as JSON: Max, a pilot from Oslo, is 31. He likes tea.";
    let right = r#"{"name": "Max", "age": 31, "job": "pilot", "city": "Oslo", "likes": "tea"}"#;
    assert!(reason(json, right).0);
    assert_eq!(reason(json, &right.replace("Oslo", "Rome")).1, "city should be Oslo, found \"Rome\"");
    let doubled = right.replacen('{', r#"{"name": "Leo", "#, 1);
    assert!(!reason(json, &doubled).0, "a field stands there twice");
    assert!(reason(json, &right.replace(' ', "")).0, "spacing is free");
    let order = "Write as JSON: Ruth orders 3 cups and 2 pens.";
    let right = r#"{"customer": "Ruth", "items": [{"item": "cups", "count": 3}, {"item": "pens", "count": 2}]}"#;
    assert!(reason(order, right).0);
    assert_eq!(reason(order, &right.replace('2', "4")).1, "the count of pens should be 2, found \"4\"");
    let code = "Code a function find that adds the ages above 7. Use v in the loop and acc for the answer.";
    let right =
        "def find(ages):\n    acc = 0\n    for v in ages:\n        if v > 7:\n            acc += v\n    return acc";
    assert!(reason(code, right).0);
    assert_eq!(
        reason(code, &right.replace("v > 7", "v > 8")).1,
        "line 4 should be \"        if v > 7:\", found \"        if v > 8:\""
    );
    let sudoku = "Solve this sudoku:\n1030\n0412\n2140\n4021";
    assert!(reason(sudoku, "1234\n3412\n2143\n4321").0);
    assert_eq!(reason(sudoku, "1234\n3412\n2143\n1321").1, "row 4, column 1 is given as 4, found 1");
    assert_eq!(reason(sudoku, "1434\n3412\n2143\n4321").1, "4 in row 1, column 2 stands there twice");
}

/// What fails of an answer, in brackets.
fn failing(prompt: &str, answer: &str) -> String {
    let verdict = recognise(prompt).unwrap().check(answer);
    let Some(Range { start, end }) = verdict.failed else { return verdict.reason };
    format!("{}[{}]{}", &answer[..start], &answer[start..end], &answer[end..])
}

#[test]
fn the_item_of_a_list_that_fails_is_found() {
    let reverse = "Reverse this list: Max, Leo, Ruth";
    assert_eq!(failing(reverse, "Ruth, Max, Leo"), "Ruth, [Max], Leo");
    assert_eq!(failing(reverse, "Ruth, Leo"), "Ruth, Leo[]", "an item is missing at the end");
    assert_eq!(failing(reverse, "Ruth, Leo, Max, Tom, Ida"), "Ruth, Leo, Max, [Tom, Ida]");
    assert_eq!(failing(reverse, ""), "[]");
    let shuffle = "Shuffle this list: Max, Leo, Ruth";
    assert_eq!(failing(shuffle, "Leo, Max, Leo"), "Leo, Max, [Leo]");
    assert_eq!(failing(shuffle, "Leo, Tom, Ruth"), "Leo, [Tom], Ruth");
    assert_eq!(failing(shuffle, "Leo, Max"), "Leo, Max[]");
    assert_eq!(failing(shuffle, "Max, Leo, Ruth"), "[Max, Leo, Ruth]", "the order as a whole is wrong");
    let insert = "Insert Emma anywhere in this list: Max, Leo, Ruth";
    assert_eq!(failing(insert, "Max, Emma, Ruth, Leo"), "Max, Emma, [Ruth], Leo");
    assert_eq!(failing(insert, "Max, Leo, Ruth"), "Max, Leo, Ruth[]");
    assert_eq!(failing(insert, "Emma, Max, Leo, Ruth, Emma"), "Emma, Max, Leo, Ruth, [Emma]");
    let remove = "Remove any item of this list: Max, Leo, Ruth";
    assert_eq!(failing(remove, "Max, Leo, Ruth"), "Max, Leo, [Ruth]");
    let replace = "Replace any item of this list with Emma: Max, Leo, Ruth";
    assert_eq!(failing(replace, "Max, Tom, Ruth"), "Max, [Tom], Ruth");
    assert_eq!(failing(replace, "Max, Leo, Ruth"), "Max, Leo, [Ruth]");
}

#[test]
fn the_number_of_a_sum_that_fails_is_found() {
    let math = "Anna has 12 pens. She buys 7 more. How many pens are left?";
    assert_eq!(failing(math, "12+7=18.\n#### 18"), "12+7=18.\n#### [18]");
    assert_eq!(failing(math, "12+7=19."), "12+7=19.[]");
    assert_eq!(failing(math, "12+7=19.\n19"), "12+7=19.\n[19]");
}

#[test]
fn the_value_of_a_record_that_fails_is_found() {
    let json = "Write as JSON: Max, a pilot from Oslo, is 31. He likes tea.";
    let right = r#"{"name": "Max", "age": 31, "job": "pilot", "city": "Oslo", "likes": "tea"}"#;
    let with = |from: &str, to: &str| right.replacen(from, to, 1);
    let found = |from: &str, to: &str| {
        let shown = failing(json, &with(from, to));
        let (open, close) = (shown.find(FAILS[0]).unwrap(), shown.rfind(FAILS[1]).unwrap());
        shown[open + 1..close].to_owned()
    };
    assert_eq!(found("Oslo", "Rome"), "\"Rome\"");
    assert_eq!(found("31", "13"), "13");
    assert_eq!(found("31", "\"31\""), "\"31\"", "a number is expected");
    assert_eq!(found("\"job\"", "\"name\""), "\"name\"", "a field stands there twice");
    assert_eq!(found("\"job\"", "\"jobs\""), "\"jobs\"", "there is no such field");
    assert_eq!(found(", \"likes\": \"tea\"", ""), "}", "a field is missing before the end");
    assert_eq!(found("\"tea\"}", "\"tea\""), "", "the end is missing");
    assert_eq!(found("31,", "31"), "\"job\"", "a comma is missing before it");
    assert_eq!(found("\"tea\"}", "\"tea\"} }"), "}");
    let order = "Write as JSON: Ruth orders 3 cups and 2 pens.";
    let right = r#"{"customer": "Ruth", "items": [{"item": "cups", "count": 3}, {"count": 4, "item": "pens"}]}"#;
    assert_eq!(failing(order, right), right.replace('4', "[4]"));
    let one = r#"{"customer": "Ruth", "items": [{"item": "cups", "count": 3}]}"#;
    assert_eq!(failing(order, one), one.replacen("]}", "[]]}", 1), "an item is missing before the end of the list");
    let three = right.replace("]}", r#", {"item": "hats", "count": 1}]}"#);
    assert_eq!(failing(order, &three), right.replace("]}", r#", [{"item": "hats", "count": 1}]]}"#));
}

/// The brackets of [`failing`].
const FAILS: [char; 2] = ['[', ']'];

#[test]
fn the_token_of_a_function_that_fails_is_found() {
    let code = "Code a function find that adds the ages above 7. Use v in the loop and acc for the answer.";
    let right =
        "def find(ages):\n    acc = 0\n    for v in ages:\n        if v > 7:\n            acc += v\n    return acc";
    let found = |from: &str, to: &str, marked: &str| {
        assert_eq!(failing(code, &right.replacen(from, to, 1)), right.replacen(from, marked, 1));
    };
    found("v > 7", "v > 8", "v > [8]");
    found("v > 7", "v >= 7", "v [>=] 7");
    found("acc += v", "count += v", "[count] += v");
    found("    return acc", "  return acc", "[  ]return acc");
    found("    return acc", "    return", "    return[]");
    found("\n    return acc", "", "[]");
    found("return acc", "return acc\nprint(acc)", "return acc[\nprint(acc)]");
}

#[test]
fn the_cell_of_a_sudoku_that_fails_is_found() {
    let sudoku = "Solve this sudoku:\n1030\n0412\n2140\n4021";
    assert_eq!(failing(sudoku, "1234\n3412\n2143\n1321"), "1234\n3412\n2143\n[1]321", "it was given");
    assert_eq!(failing(sudoku, "1434\n3412\n2143\n4321"), "1[4]34\n3412\n2143\n4321");
    assert_eq!(failing(sudoku, "1232\n3412\n2143\n4321"), "123[2]\n3412\n2143\n4321", "the 2 left of it is right");
    assert_eq!(failing(sudoku, "1234\n3512\n2143\n4321"), "1234\n3[5]12\n2143\n4321");
    assert_eq!(failing(sudoku, "1234\n3412\n2143"), "1234\n3412\n2143[]");
    assert_eq!(failing(sudoku, "1234\n3412\n2143\n4321."), "1234\n3412\n2143\n4321[.]");
}

const STORY: &str = "Write a story with Laura, a violin and a goat.";

fn story() -> (Task, Vec<String>) {
    let task = recognise(STORY).unwrap();
    let answer = task.sample(&mut Dice::new(4, 0, 0)).answer;
    let sentences = answer.split_inclusive(". ").map(|sentence| sentence.trim_end().to_owned()).collect();
    (task, sentences)
}

#[test]
fn a_story_needs_its_order_its_opening_and_its_ending() {
    let (task, sentences) = story();
    assert!(task.check(&sentences.join(" ")).correct);
    let mut swapped = sentences.clone();
    swapped.swap(3, 4);
    assert!(!task.check(&swapped.join(" ")).correct, "two sentences are exchanged");
    let mut doubled = sentences.clone();
    doubled.insert(3, sentences[3].clone());
    assert!(!task.check(&doubled.join(" ")).correct, "a sentence occurs twice");
    assert!(!task.check(&sentences[1..].join(" ")).correct, "there is no opening");
    let cut = task.check(&sentences[..sentences.len() - 1].join(" "));
    assert!(cut.reason.contains("without an ending"), "{}", cut.reason);
    let short = [&sentences[..2], &sentences[sentences.len() - 1..]].concat().join(" ");
    assert!(!task.check(&short).correct, "the middle is missing");
}

#[test]
fn a_story_fails_from_the_word_on_that_no_plot_continues_with() {
    let opening = "Every summer there was a great fair at the mill.";
    let second = "Laura owned only a red violin and a goat, but she went.";
    let third = "\"Nobody wins with a violin,\" laughed Tom by the gate.";
    let failing = |sentences: &[&str]| failing(STORY, &sentences.join(" "));
    let fourth = "But Laura smiled and sang with the goat.";
    let marked = "But Laura smiled and [sang with the goat.] The end.";
    assert_eq!(failing(&[opening, second, third, fourth, "The end."]), [opening, second, third, marked].join(" "));
    let broken = second.replace("went.", "went..");
    assert_eq!(failing(&[opening, &broken]), [opening, &second.replace("went.", "went.[.]")].join(" "));
    let inside = third.replace(",\" laughed", ".\" laughed");
    assert_eq!(failing(&[opening, second, &inside]), [opening, second, &third.replace(",\"", "[.]\"")].join(" "));
    assert_eq!(
        failing(&["It was so.", second]),
        "[It was so.] Laura owned only a red violin and a goat, but she went."
    );
    assert_eq!(failing(&[opening, second]), [opening, second, "[]"].join(" ").replace(" []", "[]"));
    assert_eq!(failing(&[opening, "Laura owned"]), [opening, "Laura owned[]"].join(" "));
}

#[test]
fn a_story_keeps_to_its_prompt() {
    let (_, sentences) = story();
    let answer = sentences.join(" ");
    for other in [
        "Write a story with Clara, a violin and a goat.",
        "Write a story with Laura, a kite and a goat.",
        "Write a story with Laura, a violin and an owl.",
    ] {
        assert!(!recognise(other).unwrap().check(&answer).correct, "{other}");
    }
}

#[test]
fn stories_are_long_and_rarely_repeat() {
    let stories: Vec<Sample> =
        (0..SAMPLES).map(|i| generate(Family::Story, 1, i, Options { unseen: Unseen::Never })).collect();
    for story in &stories {
        let length = pieces(&story.answer).len();
        assert!((100..=200).contains(&length), "{length} tokens: {}", story.answer);
    }
    let different: HashSet<&str> = stories.iter().map(|story| story.answer.as_str()).collect();
    assert!(different.len() as u64 > SAMPLES - 3);
}

#[test]
fn copied_words_are_those_of_the_prompt() {
    let sample = |prompt: &str, answer: &str| Sample {
        family: Family::List,
        prompt: prompt.to_owned(),
        answer: answer.to_owned(),
        unseen: false,
        variant: "",
    };
    let texts = |sample: &Sample| -> Vec<String> {
        copied_words(sample).into_iter().map(|range| sample.answer[range].to_owned()).collect()
    };
    assert_eq!(texts(&sample("Reverse this list: Max, Zorb, Ruth", "Ruth, Leo, Zorb")), ["Ruth", "Zorb"]);
    let json = sample(
        "Write as JSON: Max, a pilot from Oslo, is 31. He likes tea.",
        r#"{"name": "Max", "age": 31, "job": "pilot", "city": "Oslo", "likes": "tea"}"#,
    );
    assert_eq!(texts(&json), ["Max", "pilot", "Oslo", "tea"]);
    assert!(copied_words(&sample("no such task", "Max")).is_empty());
}

#[test]
fn prompts_outside_of_what_was_learned_are_not_recognised() {
    for prompt in [
        "",
        "Hello, how are you?",
        "Reverse this list: Max, Leo",
        "Reverse this list: Max, Leo, Leo",
        "Reverse this list: Max, Leo, New York",
        "Reverse this list: A, B, C, D, E, F, G, H, I",
        "Remove item 4 of this list: Max, Leo, Ruth",
        "Remove item 0 of this list: Max, Leo, Ruth",
        "Anna has 12 pens. How many pens are left?",
        "Anna has 12 pens. She loses 13. How many pens are left?",
        "Anna has 12 pens. She loses 3. He loses 3. How many pens are left?",
        "Anna has 12 pens. She buys 7 more. How many cups are left?",
        "Write a story with Laura, an violin and a goat.",
        "Write a story with Laura, a shiny violin and a goat.",
        "Write a story with Laura, a violin and a goat at the moon.",
        "Write a story with Laura, a thunderstorm and a goat.",
        "Write as JSON: Ruth orders 3 cups 2 pens.",
        "Write as JSON: Ruth orders 3 cups, 2 pens.",
        "Write as JSON: Ruth orders 1 cups and 2 pens, 3 hats.",
        "Code a function find that finds the ages. Use v in the loop and acc for the answer.",
        "Code a function find that adds the ages. Use v in the loop and v for the answer.",
        "Solve this sudoku:\n1030\n0412\n2140",
        "Solve this sudoku:\n1130\n0412\n2140\n4021",
    ] {
        assert!(recognise(prompt).is_none(), "{prompt}");
    }
}

#[test]
fn the_gallery_has_every_family_and_right_answers() {
    let gallery = gallery();
    let stated: HashSet<&str> = gallery.iter().map(|sample| sample.prompt.as_str()).collect();
    for prompt in PROMPTS {
        assert!(stated.contains(prompt), "not recognised: {prompt}");
    }
    for family in Family::ALL {
        let samples: Vec<&Sample> = gallery.iter().filter(|sample| sample.family == family).collect();
        assert!(samples.len() >= 3, "{family}");
        assert_eq!(samples.iter().any(|sample| sample.unseen), family != Family::Sudoku, "{family}");
    }
    for sample in &gallery {
        let task = recognise(&sample.prompt).unwrap();
        assert!(task.check(&sample.answer).correct, "{}", sample.prompt);
    }
}

#[test]
fn family_names_are_read_and_others_refused_with_the_list() {
    for family in Family::ALL {
        assert_eq!(family.name().parse::<Family>().unwrap(), family);
        assert_eq!(serde_json::to_string(&family).unwrap(), format!("{:?}", family.name()));
    }
    let error = "poem".parse::<Family>().unwrap_err().to_string();
    assert_eq!(error, "no task family is called \"poem\": expected list, math, story, json, code or sudoku");
    assert!((Family::ALL.iter().map(|family| family.share()).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn the_mix_draws_families_by_their_share() {
    let samples = 10_000;
    let mut counts = [0_u32; 6];
    for index in 0..samples {
        counts[generate_mixed(2, index, Options::default()).family as usize] += 1;
    }
    for family in Family::ALL {
        let share = f64::from(counts[family as usize]) / samples as f64;
        assert!((share - family.share()).abs() < 0.02, "{family}: {share}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_recognition(text in any::<String>()) {
        prop_assert!(recognise(&text).is_none_or(|task| task.prompt() == text.trim_end()));
    }

    #[test]
    fn a_damaged_prompt_is_refused_or_another_task(index in 0..500_u64, at in 0..200_usize, insert in ".{0,3}") {
        for family in Family::ALL {
            let mut prompt = generate(family, 11, index, Options::default()).prompt;
            let at = at % prompt.len();
            if prompt.is_char_boundary(at) {
                prompt.replace_range(at..=at, &insert);
            }
            if let Some(task) = recognise(&prompt) {
                prop_assert_eq!(task.prompt(), prompt.trim_end());
            }
        }
    }

    #[test]
    fn no_answer_breaks_a_checker(text in any::<String>(), index in 0..500_u64, cut in 0..400_usize) {
        for family in Family::ALL {
            let sample = generate(family, 12, index, Options::default());
            let task = recognise(&sample.prompt).unwrap();
            prop_assert!(!task.check(&text).correct);
            let cut = cut % sample.answer.len();
            if sample.answer.is_char_boundary(cut) {
                task.check(&format!("{}{text}", &sample.answer[..cut]));
            }
        }
    }
}
