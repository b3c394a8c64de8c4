//! Chat templates: what of Jinja2 and Python they find, and that none of them can hang, exhaust or end the program.

use std::collections::BTreeMap;

use diffuscope::model::template::{ChatTemplate, Speaker, TemplateError};
use serde_json::json;

const ORIGIN: &str = "m/chat_template.jinja";

fn rendered(source: &str) -> Result<String, TemplateError> {
    let specials = BTreeMap::from([("bos_token".to_owned(), "<s>".to_owned())]);
    ChatTemplate::new(ORIGIN, source, specials)?.render(&[(Speaker::User, "hi")], true)
}

/// Pairs of an expression and what transformers prints for it.
fn assert_prints(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        let found = rendered(&format!("{{{{ {expression} }}}}"));
        assert_eq!(found.as_deref(), Ok(*expected), "{expression}");
    }
}

#[test]
fn what_can_be_iterated_is_what_python_iterates() {
    assert_prints(&[
        ("none is iterable", "False"),
        ("tools is iterable and tools | length > 0", "False"),
        ("none is sequence", "False"),
        ("1 is iterable", "False"),
        ("1 is sequence", "False"),
        ("'a' is iterable", "True"),
        ("'a' is sequence", "True"),
        ("{'a': 1} is sequence", "True"),
        ("[1] is sequence and (1, 2) is sequence", "True"),
        ("missing is iterable", "True"),
    ]);
    assert_eq!(rendered("{% for x in none or [] %}{% endfor %}{% if tools %}T{% endif %}a").unwrap(), "a");
}

#[test]
fn pythons_methods_are_there() {
    assert_prints(&[
        ("'a,b,c'.rsplit(',', 1) | join('|')", "a,b|c"),
        ("' a  b c '.rsplit(none, 1) | join('|')", " a  b|c"),
        ("' a  b '.rsplit() | join('|')", "a|b"),
        ("'k=v=w'.partition('=') | join('|')", "k|=|v=w"),
        ("'k=v=w'.rpartition('=') | join('|')", "k=v|=|w"),
        ("'kv'.partition('=') | join('|')", "kv||"),
        ("'kv'.rpartition('=')[2]", "kv"),
        ("'<think>a'.removeprefix('<think>')", "a"),
        ("'a</s>'.removesuffix('</s>') ~ 'b'.removesuffix('x')", "ab"),
        ("'aBé'.swapcase()", "AbÉ"),
        ("'Straße'.casefold()", "strasse"),
        ("'éab'.index('b') ~ 'abab'.rindex('b')", "23"),
        ("'7'.zfill(3) ~ '-7'.zfill(4) ~ '1234'.zfill(2)", "007-0071234"),
        ("'[' ~ 'ab'.center(5) ~ ']' ~ 'abc'.center(6, '*')", "[  ab ]*abc**"),
        ("'[' ~ 'ab'.ljust(4) ~ ']' ~ 'ab'.rjust(4, '.')", "[ab  ]..ab"),
        ("'12'.isdecimal() ~ ''.isdecimal() ~ '1a'.isdecimal()", "TrueFalseFalse"),
        ("'a\\tbc\\td'.expandtabs(4)", "a   bc  d"),
        ("'a\\tb'.expandtabs()", "a       b"),
        ("[5, 6, 7].index(6)", "1"),
        ("\"they're x-y ÉA\".title()", "They'Re X-Y Éa"),
    ]);
    let missing = rendered("{{ 'a'.index('b') }}").unwrap_err().to_string();
    assert!(missing.contains("at line 1: what is looked for is not there"), "{missing}");
}

#[test]
fn white_space_and_lines_are_pythons() {
    assert_prints(&[
        ("'[' ~ '\\x1c\\x85 a\\u2028\\x1f'.strip() ~ ('\\x1d\\u2029b\\x1e' | trim) ~ ']'", "[ab]"),
        ("'[' ~ '\\x1fa '.lstrip() ~ ' a\\x1f'.rstrip() ~ 'xax'.strip('x') ~ ('xbx' | trim('x')) ~ ']'", "[a  aab]"),
        ("'\\x1ca\\x85b\\u2029c '.split() | join('|')", "a|b|c"),
        ("' a b  c '.split(none, 1) | join('|') ~ ' a '.split(maxsplit=0) | join('|')", "a|b  c a "),
        ("'a\\x1cb\\x1dc'.rsplit(none, 1) | join('|')", "a\x1cb|c"),
        ("'a, b'.split(', ') | join('|') ~ 'a  b'.split(' ') | join('|')", "a|ba||b"),
        ("'a\\x1cb\\x85c\\u2028\\r\\nd\\re\\x0b'.splitlines() | join('|')", "a|b|c||d|e"),
        ("'a\\r\\nb\\n'.splitlines(true) | join('|')", "a\r\n|b\n"),
        ("''.splitlines() | length ~ '\\x1f'.isspace() ~ ''.isspace()", "0TrueFalse"),
    ]);
}

#[test]
fn operators_are_pythons() {
    assert_prints(&[
        ("'%s' % 'x'", "x"),
        ("'%s-%d' % ('a', 3)", "a-3"),
        ("'%05.1f|%x' % (2.25, 255)", "002.2|ff"),
        ("7 % 3 ~ '|' ~ (-7) % 3 ~ '|' ~ 7 % -3 ~ '|' ~ 7.5 % 2", "1|2|-2|1.5"),
        ("(1 + 2) ~ (1.5 + 1) ~ (true + 1)", "32.52"),
        ("([1] + [2, 3]) | join(',')", "1,2,3"),
        ("((1,) + (2,)) | length", "2"),
        ("'ab' * 2 ~ 2 * 'ab' ~ 'ab' * -1 ~ ([1, 2] * 2) | join", "abababab1212"),
        ("2 * 3 ~ 2 * 1.5", "63.0"),
        ("[1e20, 0.1, 1.0] | map('string') | join('|') ~ '|' ~ [1e20][0]", "1e+20|0.1|1.0|1e+20"),
        ("1e20", "1e+20"),
        (
            "[1e20, 1.5e-7, (1.0,), (), {'a': 0.5, 'b': none, 1: \"it's\"}]",
            "[1e+20, 1.5e-07, (1.0,), (), {'a': 0.5, 'b': None, 1: \"it's\"}]",
        ),
        ("1e-7 | string", "1e-07"),
        ("'abcdef'[1:-1:2] ~ 'abc'[::-1] ~ 'abc'[-2:] ~ 'abc'[5:] ~ 'éà'[1]", "bdcbabcà"),
        ("[1, 2, 3][::-1] | join ~ ([1, 2, 3][:-1])[-1] ~ [1, 2, 3][-9:9][0]", "32121"),
        ("(1, 2, 3)[1:] | length", "2"),
        ("1 < 2 < 3 and 3 > 2 >= 2 != 1", "True"),
        ("'b' in 'abc' and 2 in [1, 2] and 'a' in {'a': 1} and 3 not in [1]", "True"),
        ("[1, [2]] == [1, [2]] and 1 == 1.0 and 'a' != 'b'", "True"),
        (r"'<\/think>'", r"<\/think>"),
        (r"'a\\/b\n'", "a\\/b\n"),
    ]);
}

#[test]
fn filters_and_tests_are_those_of_jinja() {
    assert_prints(&[
        ("'<b>a &amp; b</b>' | striptags", "a & b"),
        ("'a b/é' | urlencode", "a%20b/%C3%A9"),
        ("'one two three' | wordcount", "3"),
        ("'one two three' | truncate(length=9, leeway=0)", "one..."),
        ("'ab' | center(6)", "  ab  "),
        ("[1, 2, 3] | sum", "6"),
        ("[{'n': 1}, {'n': 2}] | sum(attribute='n')", "3"),
        ("[[1], [2]] | sum(start=[]) | join(',')", "1,2"),
        ("6 is divisibleby 3 ~ ''", "True"),
        ("range is callable ~ ''", "True"),
        ("1 is callable ~ '' ~ ('a' is callable)", "FalseFalse"),
        ("messages[0] | attr('role') is defined", "False"),
        ("['b', 'a'] | sort | join ~ [1, 2, 3] | select('>', 1) | join", "ab23"),
        ("[1, 2, 3, 4] | batch(3, 0) | map('join') | join('|')", "123|400"),
        ("'a\\nb' | indent(2) ~ 'aXa' | replace('a', 'bb') ~ 'xax' | trim('x')", "a\n  bbbXbba"),
        (
            "'x' | int ~ ('x' | int(7)) ~ ('0x1f' | int(base=16)) ~ ('3.9' | int) ~ (none | int) ~ ([] | int(5))",
            "0731305",
        ),
        ("'%s!' | format('a') ~ '{}-{x}'.format(1, x=2)", "a!1-2"),
    ]);
    assert_eq!(
        rendered("{% set j = joiner(', ') %}{% for x in [1, 2] %}{{ j() }}{{ x }}{% endfor %}").unwrap(),
        "1, 2"
    );
    assert_eq!(
        rendered("{% set c = cycler('a', 'b') %}{% for x in [1, 2, 3] %}{{ c.next() }}{% endfor %}").unwrap(),
        "aba"
    );
    assert_eq!(rendered("{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}").unwrap(), "TrueFalseTrue");
    assert_eq!(rendered("a{% block b %}b{{ bos_token }}{% endblock %}c").unwrap(), "ab<s>c");
    assert_eq!(
        rendered("{% for x in [[1, [2]], []] recursive %}<{{ loop(x) if x is iterable else x }}>{% endfor %}").unwrap(),
        "<<1><<2>>><>"
    );
}

#[test]
fn lines_end_as_in_jinja_however_the_file_ends_them() {
    assert_eq!(
        rendered("a\r\n{% if true %}\r\nb{{ 'c\r\nd' }}\r{{ '\\r\\n' }}{% endif %}\r\n").unwrap(),
        "a\nbc\nd\n\r\n"
    );
}

#[test]
fn arguments_are_given_by_place_or_by_name() {
    assert_prints(&[
        ("x | default('a', boolean=true) ~ '' | default('b', true) ~ x | d(default_value='c')", "abc"),
        ("'xax' | trim(chars='x') ~ 'aa' | replace(old='a', new='b') ~ 'aaa' | replace('a', 'c', 2)", "abbcca"),
        ("[1, 2, 3] | batch(linecount=2) | list", "[[1, 2], [3]]"),
        ("[1, 2, 3] | batch(2, fill_with=0) | list", "[[1, 2], [3, 0]]"),
        ("{'b': 1, 'a': 2} | dictsort(false, 'value')", "[('b', 1), ('a', 2)]"),
        ("[1, 2] | sort(true) | join ~ [1, 2] | sort(reverse=true) | join", "2121"),
        ("'abcdef ghi jkl' | truncate(9, true, '~', leeway=0)", "abcdef g~"),
        ("'a b c'.split(maxsplit=1) | join('|') ~ 'a,b'.split(sep=',') | join('|')", "a|b ca|b"),
        ("'a,b,c'.rsplit(',', maxsplit=1) | join('|')", "a,b|c"),
        ("'x' | float ~ '|' ~ ' 2.5 ' | float ~ '|' ~ 'x' | float(default=1)", "0.0|2.5|1"),
        ("'ab' | indent(width=2, first=true) ~ 'ab' | center(width=4)", "  ab ab "),
    ]);
    let unknown = rendered("{{ 'a' | trim(character='a') }}").unwrap_err().to_string();
    assert!(unknown.contains("there is no argument named character"), "{unknown}");
}

#[test]
fn json_is_written_as_python_writes_it() {
    assert_prints(&[
        ("{'b': 1, 'a': [true, none, 1.5]} | tojson", r#"{"b": 1, "a": [true, null, 1.5]}"#),
        ("{'b': 1, 'a': 2} | tojson(sort_keys=true)", r#"{"a": 2, "b": 1}"#),
        ("[1, {'a': 2}] | tojson(separators=(',', ':'))", r#"[1,{"a":2}]"#),
        ("'é🦀<' | tojson", "\"é🦀<\""),
        ("'é🦀<' | tojson(ensure_ascii=true)", r#""\u00e9\ud83e\udd80<""#),
        ("[1e20, {1: 2}] | tojson", r#"[1e+20, {"1": 2}]"#),
        ("[1, {}] | tojson(indent=1)", "[\n 1,\n {}\n]"),
        ("[1] | tojson(false, '\\t')", "[\n\t1\n]"),
    ]);
}

#[test]
fn a_template_finds_the_variables_that_it_is_given() {
    let source = "{{ enable_thinking is defined }}{{ enable_thinking is false }}{{ tools | tojson }}{{ bos_token }}";
    let template = ChatTemplate::new(ORIGIN, source, BTreeMap::new()).unwrap();
    assert_eq!(template.render(&[], true).unwrap(), "FalseFalsenull");
    assert!(template.mentions("enable_thinking") && !template.mentions("enable_thinkin_"));
    let variables = [("enable_thinking", json!(false)), ("tools", json!([{"name": "f"}])), ("bos_token", json!("<b>"))];
    let template = template.with_variables(variables.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(template.render(&[], true).unwrap(), r#"TrueTrue[{"name": "f"}]<b>"#);
}

// ---- hostile templates ----

/// What a rendering came to, which is what matters here: that it came to anything.
fn outcome(source: &str) -> &'static str {
    match rendered(source) {
        Ok(text) => {
            assert!(text.len() <= 2 << 20, "{} bytes", text.len());
            "rendered"
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("m/chat_template.jinja: ") && message.len() < 2_000, "{message}");
            assert!(!message.contains("bug in diffuscope"), "{message}");
            match error {
                TemplateError::Syntax { .. } => "syntax",
                TemplateError::Oversized { .. } => "oversized",
                TemplateError::Render { .. } => "render",
                TemplateError::Endless { .. } => "endless",
                TemplateError::Costly { .. } => "costly",
                TemplateError::TooLong { .. } => "too long",
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_smallest_templates_that_broke_the_program_are_refused() {
    let twelve = "{% set s = s | replace('a', 'aaaaaaaaaa') %}".repeat(12);
    let ten = "{% set x = x | tojson %}".repeat(40);
    let cases = [
        ("{%}", "syntax"),
        ("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "render"),
        ("{% set ns = namespace() %}{% set ns.a = [{'b': ns}] %}{{ ns == ns }}", "render"),
        ("{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a }}", "render"),
        ("{% set n = namespace() %}{% for x in [1] %}{% set n.l = loop %}{{ loop.changed(n) }}{% endfor %}", "render"),
        ("{% set n = namespace() %}{% set n.c = cycler(n) %}", "render"),
        (r#"{{ "a"|indent(10000000000000) }}"#, "costly"),
        (r#"{{ "a\nb"|indent(width=10000000000000) }}"#, "costly"),
        ("{{ '%*d'|slice(1000000000)|min }}", "costly"),
        ("{{ [1]|batch(1000000000,0) }}", "costly"),
        (r#"{% set n = 100000 %}{{ range(100000)|join("a"*n) }}"#, "costly"),
        (&format!("{{% set s = 'a' %}}{twelve}{{{{ s | length }}}}"), "costly"),
        ("{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}", "costly"),
        ("{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}", "costly"),
        (
            "{% set ns = namespace(s=[1,2,3,4]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}\
             {{ ns.s|length }}",
            "costly",
        ),
        ("{% set ns = namespace(s=(1,2)) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "costly"),
        (
            "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}\
             {{ ns.s == ns.s }}",
            "costly",
        ),
        (
            "{% set ns = namespace(s=1) %}{% for i in range(99) %}{% set ns.s = {'a': ns.s} %}{% endfor %}{{ ns.s }}",
            "render",
        ),
        (&format!(r#"{{% set x = "ab"|batch(1)|tojson %}}{ten}"#), "costly"),
        ("{{ 1 is divisibleby(0) }}", "render"),
        ("{{ (-170141183460469231731687303715884105728) is divisibleby(-1) }}", "render"),
        ("{% for i in [1] %}{{ loop.cycle() }}{% endfor %}", "render"),
        ("{{ 'a' * 99999999999 }}", "syntax"),
        ("{{ ('a' * 9999 * 9999) ~ x }}", "syntax"),
        ("{{ [1] * 10 ** 8 == 1 }}", "syntax"),
        ("{% set n = 99999999999 %}{{ 'a' * n }}{{ (1,) * n }}", "costly"),
        ("{% set n = 99999999999 %}{{ (1,) * n }}", "costly"),
        ("{{ '%999999999999d' % 1 }}", "costly"),
        ("{{ '%*d' | format(999999999999, 1) }}", "costly"),
        ("{{ '{:>999999999}'.format(1) }}", "costly"),
        ("{{ 'a'.ljust(99999999999) }}", "costly"),
        ("{{ '\\t'.expandtabs(99999999999) }}", "costly"),
        ("{{ [1] | tojson(indent=99999999999) }}", "costly"),
        ("{{ 'a' | center(99999999999) }}", "costly"),
        ("{{ strftime_now('%99999999999d') }}", "costly"),
        ("{% set s = 'ab' * 99999 %}{{ (s ~ 'c') | trim(s) }}", "costly"),
        ("{% set s = 'ab' * 9999 %}{% for i in range(99999) %}{{ s in s }}{% endfor %}", "costly"),
        ("{% set l = range(9999) | list %}{{ l | select('in', l) | list | length }}", "costly"),
        ("{% set l = range(99999) | list %}{% for i in l %}{{ l == i }}{% endfor %}", "costly"),
        ("{% set s = 'ab' * 9999 %}{% for i in range(99999) %}{{ s[0] }}{{ s[1:2] }}{% endfor %}", "costly"),
        ("{% set s = 'ab' * 9999 %}{% for i in range(99999) %}{{ loop.changed(s) }}{% endfor %}", "costly"),
        (
            "{% set s = 'ab' * 9999 %}{% for i in range(99999) %}{% for c in s %}{% break %}{% endfor %}{% endfor %}",
            "costly",
        ),
        ("{% include 'template' %}", "render"),
        ("{% include range(9) | map('string') | list ignore missing %}", "render"),
        ("{% block a %}{{ self.a() }}{% endblock %}", "render"),
        ("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", "render"),
        ("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "render"),
        ("{{ debug() }}", "render"),
        (
            "{% set x %}{% for i in range(99999) %}ababababababababababababababababababababababababababab{% endfor %}{% endset %}",
            "too long",
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(outcome(source), expected, "{:.200}: {:?}", source, rendered(source));
    }
}

/// Nesting of every kind, as deep as is permitted and far deeper: what is refused is refused before the stack ends.
#[test]
fn no_nesting_ends_the_stack() {
    let chains: [(&str, &str, &str); 12] = [
        ("", "-", "1"),
        ("1", "+1", ""),
        ("1", "~1", ""),
        ("x", "~1", ""),
        ("", "not ", "1"),
        ("a", ".a", ""),
        ("a", "()", ""),
        ("a", "[0]", ""),
        ("a", "|e", ""),
        ("a", " is none", ""),
        ("1", "<1", ""),
        ("", "1 if 1 else ", "1"),
    ];
    for (before, link, behind) in chains {
        for links in [600, 1_000, 1_900, 4_833, 20_000] {
            outcome(&format!("{{{{ {before}{}{behind} }}}}", link.repeat(links)));
        }
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("f(", ")")] {
        for depth in [60, 140, 900, 9_999] {
            outcome(&format!("{{{{ {}1{} }}}}", open.repeat(depth), close.repeat(depth)));
        }
    }
    let elif = format!("{{% if x %}}{}{{% endif %}}", "{% elif x %}".repeat(5_300));
    assert_eq!(outcome(&elif), "rendered");
    for (open, close) in [
        ("{%if 1%}", "{%endif%}"),
        ("{%for x in[1]%}", "{%endfor%}"),
        ("{%set x%}", "{%endset%}"),
        ("{%macro m()%}", "{%endmacro%}"),
        ("{%with%}", "{%endwith%}"),
        ("{%filter e%}", "{%endfilter%}"),
        ("{%autoescape 1%}", "{%endautoescape%}"),
        ("{%call m()%}", "{%endcall%}"),
    ] {
        for depth in [100, 140, 2_000] {
            outcome(&format!("{}{}", open.repeat(depth), close.repeat(depth)));
        }
    }
    let macros: Vec<String> =
        (0..900).map(|n| format!("{{%macro m{n}()%}}{{{{m{}()}}}}{{%endmacro%}}", n + 1)).collect();
    assert_eq!(outcome(&format!("{}{{{{ m0() }}}}", macros.concat())), "render");
    let wide = "{% set x = x ~ x %}".repeat(3_000);
    assert_eq!(outcome(&format!("{{% set x = 'a' %}}{wide}")), "costly");
    assert_eq!(outcome(&"x".repeat((1 << 16) + 1)), "oversized");
}

/// Every filter, test and method, with everything that could make it large or slow.
#[test]
fn no_filter_test_or_method_is_without_measure() {
    let filters = "abs attr batch capitalize center count d default dictsort e escape filesizeformat first float format \
                   groupby indent int items join last length list lower map max min pprint reject rejectattr replace \
                   reverse round safe select selectattr slice sort string striptags sum title tojson trim truncate \
                   unique upper urlencode wordcount";
    let methods = "capitalize casefold center count endswith expandtabs find format get index isalnum isalpha isascii \
                   isdecimal isdigit islower isnumeric isspace isupper items join keys ljust lower lstrip partition \
                   removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines \
                   startswith strip swapcase title upper values zfill";
    let receivers = ["s", "'\\t%s{}<&'", "l", "{'a': l, 'b': s}", "n", "none", "'%*.*f{:{}}%(a)s{0}{0}'"];
    let arguments = ["", "n", "s", "l", "n, s", "s, n", "'', s", "n, n, n", "width=n", "'map', 'indent', n"];
    let given = "{% set n = 9007199254740991 %}{% set s = 'ab\\n' * 500 %}{% set l = range(900) | list %}";
    for receiver in receivers {
        for arguments in arguments {
            for filter in filters.split_whitespace() {
                outcome(&format!("{given}{{{{ ({receiver}) | {filter}({arguments}) | string | length }}}}"));
            }
            for method in methods.split_whitespace() {
                outcome(&format!("{given}{{{{ ({receiver}).{method}({arguments}) | string | length }}}}"));
            }
        }
    }
}
