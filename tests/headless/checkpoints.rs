//! Models that a run is given: weights, vocabularies, templates.

use diffuscope::decode::record::GuideReading;

use super::{support::models::damage, *};

#[test]
fn weights_that_give_no_numbers_fail_the_run() {
    let parts = ["model.norm.weight", "model.embed_tokens.weight", "model.layers.1.post_attention_layernorm.weight"];
    for (part, value) in
        parts.into_iter().flat_map(|part| [f32::NAN, f32::INFINITY, 3e38, -3e38].map(|value| (part, value)))
    {
        for model in ["denoiser", "guide"] {
            let pair = pair();
            damage(&pair, model, part, value);
            let arguments = ["run", "--prompt", PROMPT, "--preset", "flashdlm", "--trace"];
            let trace = pair.path("run.jsonl");
            let output = with_pair(&pair, &arguments).arg(&trace).output().unwrap();
            let told = stderr(&output);
            assert_eq!(
                (output.status.code(), stdout(&output).as_str()),
                (Some(3), ""),
                "{model} {part} {value}: {told}"
            );
            let begins = format!("diffuscope: the run failed: the {model} gives no numbers at ");
            assert!(told.starts_with(&begins), "{model} {part} {value}: {told}");
            assert!(told.contains("(step 1): its weights are damaged") && told.lines().count() == 1, "{told}");
            // What there was of it can still be looked at.
            let opened = file::open(&trace).unwrap();
            assert_eq!((opened.log.len(), opened.log.end()), (0, None));
        }
    }
}

#[test]
fn models_that_cannot_be_used_are_reported() {
    let pair = pair();
    let run = |model: &Path, arguments: &[&str]| {
        refuse(program().args(["run", "--prompt", PROMPT, "--model"]).arg(model).args(arguments))
    };
    let nowhere = pair.path("nowhere");
    assert_eq!(
        run(&nowhere, &[]),
        format!(
            "{} is not there: a model is embedded, a folder, a .gguf file or hf:owner/name[@revision]",
            nowhere.display()
        )
    );
    let guide = pair.path("guide");
    assert!(run(&guide, &[]).contains("has no mask token, so it cannot denoise"), "{}", run(&guide, &[]));
    let denoiser = pair.path("denoiser");
    assert_eq!(
        run(&denoiser, &["--guide-model", denoiser.to_str().unwrap()]),
        format!(
            "{}: the Dream model is not autoregressive, so it cannot guide: choose an autoregressive model",
            denoiser.join("config.json").display()
        )
    );
    // The words of two ids change places.
    let mut vocabulary: Value = serde_json::from_str(&support::models::vocabulary().json).unwrap();
    let words = vocabulary["model"]["vocab"].as_object_mut().unwrap();
    let [one, other] = ["▁a", "▁the"].map(|word| words[word].clone());
    words.insert("▁a".to_owned(), other);
    words.insert("▁the".to_owned(), one);
    pair.write("guide/tokenizer.json", vocabulary.to_string());
    assert_eq!(
        run(&denoiser, &["--guide-model", guide.to_str().unwrap(), "--guide", "product"]),
        "guide 'product' mixes the distributions of denoiser and guide, and the guide has another vocabulary: set guide to \
         another rule, or choose a guide that shares it"
    );
    assert_eq!(
        run(&denoiser, &["--system", "Be brief."]),
        format!(
            "{}: the chat template refuses this conversation at line 7: the embedded pair was trained without a system text",
            pair.path("denoiser/chat_template.jinja").display()
        )
    );
    let weights = std::fs::read(pair.path("denoiser/model.safetensors")).unwrap();
    pair.write("denoiser/model.safetensors", &weights[..weights.len() / 2]);
    assert!(run(&denoiser, &[]).ends_with("the file is truncated"), "{}", run(&denoiser, &[]));
}

#[test]
fn a_guide_of_another_vocabulary_reads_text() {
    let pair = pair();
    let vocabulary = support::models::vocabulary();
    let tokenizer = support::models::tokenizer();
    let (max, leo) = (tokenizer.encode("Max").unwrap()[0], tokenizer.encode("Leo").unwrap()[0]);
    // Two names have changed places.
    let swapped = vocabulary.json.replace(&format!(": {max}"), ": ?").replace(&format!(": {leo}"), &format!(": {max}"));
    pair.write("guide/tokenizer.json", swapped.replace(": ?", &format!(": {leo}")));
    let trace = pair.path("run.jsonl");
    let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--preset", "guided", "--trace"]);
    succeed(command.arg(&trace));
    let log = file::open(&trace).unwrap().log;
    let entries: Vec<_> = log.entries().collect();
    let reviews: Vec<_> = entries.iter().filter_map(|entry| entry.record.guide.as_ref()).collect();
    assert!(!reviews.is_empty() && reviews.iter().all(|review| review.reading == GuideReading::Text));
    let seen = reviews.iter().flat_map(|review| &review.drafts).filter_map(|draft| draft.view);
    for view in seen {
        assert!(view.token as usize >= vocabulary.padded, "the guide's ids stand behind the denoiser's");
        let mut texts = entries.iter().flat_map(|entry| &entry.texts);
        assert!(texts.any(|text| text.id == view.token), "and have a text");
    }
}

#[test]
fn without_a_template_the_prompt_is_all_that_is_read() {
    let pair = pair();
    let pieces = |arguments: &[&str]| {
        let trace = pair.path("run.jsonl");
        let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--gen-length", "8"]);
        succeed(command.args(arguments).arg("--trace").arg(&trace));
        file::open(&trace).unwrap().log.header().prompt_pieces.concat()
    };
    assert_eq!(pieces(&[]), format!("<user>{PROMPT}<bot>"));
    assert_eq!(pieces(&["--raw"]), PROMPT);
    pair.write("denoiser/chat_template.jinja", "{% trans %}x{% endtrans %}");
    assert_eq!(pieces(&["--raw"]), PROMPT, "a template that is not used may be anything");
    assert_eq!(
        refuse(&mut with_pair(&pair, &["run", "--prompt", PROMPT])),
        format!(
            "the prompt cannot be encoded: {}: line 1 of the chat template is not valid: unknown statement trans; --raw \
             does without a template",
            pair.path("denoiser/chat_template.jinja").display()
        )
    );
    std::fs::remove_file(pair.path("denoiser/chat_template.jinja")).unwrap();
    assert_eq!(pieces(&[]), PROMPT, "a model without a template gets the prompt as it is");
}

/// A pair whose denoiser calls its mask token `<blank>`, and says so nowhere.
fn nameless_mask() -> Folder {
    let pair = pair();
    for model in ["denoiser", "guide"] {
        pair.write(
            &format!("{model}/tokenizer.json"),
            support::models::vocabulary().json.replace("\"<mask>\"", "\"<blank>\""),
        );
    }
    let config = pair.path("denoiser/config.json");
    let mut fields: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    fields.as_object_mut().unwrap().remove("mask_token_id");
    std::fs::write(config, fields.to_string()).unwrap();
    pair
}

#[test]
fn a_mask_token_that_no_file_names_is_given() {
    let pair = nameless_mask();
    let id = support::models::tokenizer().mask_id().unwrap();
    let run = |mask: &[&str]| {
        let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--gen-length", "8"]);
        command.args(mask.iter().flat_map(|mask| ["--mask-token", mask]));
        command
    };
    let refused = refuse(&mut run(&[]));
    assert!(refused.contains("its tokenizer names no mask token (looked for <|mdm_mask|>, <|mask|>, "), "{refused}");
    assert!(refused.ends_with("name one with --mask-token, by its text or its id"), "{refused}");
    let traces = ["<blank>", &id.to_string()].map(|mask| {
        let trace = pair.path("run.jsonl");
        succeed(run(&[mask]).arg("--trace").arg(&trace));
        assert_eq!(open(&trace).header().mask_id, id);
        timeless(&trace)
    });
    assert_eq!(traces[0], traces[1]);
    let tokenizer = pair.path("denoiser/tokenizer.json");
    // Exactly as it stands: never the token for what is unknown.
    assert_eq!(
        refuse(&mut run(&["<BLANK>"])),
        format!(
            "{} has no token \"<BLANK>\" to be the mask: --mask-token takes the exact text of a token, or its id",
            tokenizer.display()
        )
    );
    let rows = support::models::vocabulary().padded;
    let refused = refuse(&mut run(&[&rows.to_string()]));
    assert!(refused.contains(&format!("token {rows} cannot be the mask: --mask-token takes an id below {rows}")));
    for (mask, reason) in [("", "expected the text of a token, or an id"), ("99999999999", "an id is no larger than")] {
        let output = run(&[mask]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn a_run_with_a_given_mask_token_is_repeated_with_it_alone() {
    let pair = nameless_mask();
    let (trace, id) = (pair.path("run.jsonl"), support::models::tokenizer().mask_id().unwrap());
    let given = ["--mask-token", "<blank>"];
    let recorded = ["run", "--prompt", PROMPT, "--gen-length", "8", "--trace", trace.to_str().unwrap()];
    succeed(with_pair(&pair, &recorded).args(given));
    let verify = |mask: &str| with_pair(&pair, &["replay", "--verify", trace.to_str().unwrap(), "--mask-token", mask]);
    assert_eq!(stdout(&verify("<blank>").output().unwrap()), "all 8 steps are the same\n");
    let at = format!("{}@3", trace.display());
    let fork = |mask: &str| with_pair(&pair, &["run", "--fork", &at, "--mask-token", mask]);
    succeed(&mut fork("<blank>"));
    for refused in [refuse(&mut verify("7")), refuse(&mut fork("7"))] {
        assert!(refused.contains(&format!("the mask is token {id} there, and here it is 7")), "{refused}");
        assert!(refused.ends_with(&format!("with --mask-token {id} if that was given")), "{refused}");
    }
}

#[test]
fn a_template_is_given_variables_by_name() {
    let pair = pair();
    let template = "{{ messages[0].content }}{{ '/no' if mode is defined and mode is false else '' }}{{ size }}";
    pair.write("denoiser/chat_template.jinja", template);
    let pieces = |variables: &[&str]| {
        let trace = pair.path("run.jsonl");
        let mut command = with_pair(&pair, &["run", "--prompt", "Hi", "--gen-length", "8"]);
        command.args(variables.iter().flat_map(|variable| ["--template-var", variable]));
        succeed(command.arg("--trace").arg(&trace));
        file::open(&trace).unwrap().log.header().prompt_pieces.concat()
    };
    assert_eq!(pieces(&[]), "Hi");
    assert_eq!(pieces(&["mode=false"]), "Hi/no");
    assert_eq!(pieces(&["mode=False", "size=large"]), "Hi/nolarge");
    assert_eq!(pieces(&["mode=true", "size=1.50"]), "Hi1.5");
    let mut misspelt =
        with_pair(&pair, &["run", "--prompt", "Hi", "--gen-length", "8", "--template-var", "mood=false"]);
    let warned = stderr(&misspelt.output().unwrap());
    let warning = format!(
        "the template variable mood has no effect: the chat template in {} does not mention it\n",
        pair.path("denoiser/chat_template.jinja").display()
    );
    assert!(warned.contains(&warning), "{warned}");
    for (variable, reason) in [
        ("mode", "expected NAME=VALUE"),
        ("a-b=1", "'a-b' is no name of a variable"),
        ("messages=1", "messages is the conversation itself"),
    ] {
        let output = with_pair(&pair, &["run", "--prompt", "Hi", "--template-var", variable]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}
