//! What a template may call: the filters, tests and functions of Jinja2 that `transformers` has, each of them paid for.
//!
//! The engine's own are used where it has them. They are listed one by one, so that none is there that was not looked at.

use std::{borrow::Cow, sync::Arc};

use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter, filters, functions,
    functions::Function,
    tests,
    value::{FunctionArgs, FunctionResult, Kwargs, Rest, ValueKind, ValueOrKwargs},
};
use minijinja_contrib::{filters as more, globals};

use super::{
    BUDGET, REFUSAL,
    arguments::{Parameters, flattened},
    budget::{Budget, NODE},
    clock,
    compile::names,
    json::to_json,
    operators::{self, size},
    python,
};

/// How deep calls of macros and loops may be nested; a macro takes five.
const DEEPEST_CALL: usize = 250;

/// An environment in which everything is charged to `budget`.
pub(super) fn environment(budget: &Arc<Budget>) -> Environment<'static> {
    let mut library = Library { environment: Environment::empty(), budget: Arc::clone(budget) };
    library.settings();
    library.operators();
    library.filters();
    library.tests();
    library.functions();
    library.environment
}

struct Library {
    environment: Environment<'static>,
    budget: Arc<Budget>,
}

impl Library {
    fn settings(&mut self) {
        self.environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        self.environment.set_fuel(Some(BUDGET));
        self.environment.set_recursion_limit(DEEPEST_CALL);
        let budget = Arc::clone(&self.budget);
        self.environment.set_formatter(move |out, state, value| print(&budget, out, state, value));
        let budget = Arc::clone(&self.budget);
        self.environment.set_unknown_method_callback(move |state, value, method, arguments| {
            python::method(&budget, state, value, method, arguments)
        });
    }

    /// Filters that stand for instructions.
    fn operators(&mut self) {
        type Binary = fn(&Budget, &Value, &Value) -> Result<Value, Error>;
        type Comparison = fn(&Value, &Value) -> bool;
        let binary: [(&str, Binary); 5] = [
            (names::ADD, operators::add),
            (names::MULTIPLY, operators::multiply),
            (names::REMAINDER, operators::remainder),
            (names::CONCAT, operators::concat),
            (names::ITEM, operators::item),
        ];
        for (name, operator) in binary {
            let budget = Arc::clone(&self.budget);
            self.environment.add_filter(name, move |left: &Value, right: &Value| operator(&budget, left, right));
        }
        let comparisons: [(&str, Comparison); 6] = [
            ("==", |left, right| left == right),
            ("!=", |left, right| left != right),
            ("<", |left, right| left < right),
            ("<=", |left, right| left <= right),
            (">", |left, right| left > right),
            (">=", |left, right| left >= right),
        ];
        for (name, holds) in comparisons {
            let budget = Arc::clone(&self.budget);
            self.environment
                .add_filter(name, move |left: &Value, right: &Value| operators::compare(&budget, left, right, holds));
        }
        let budget = Arc::clone(&self.budget);
        self.environment.add_filter(names::IN, move |state: &State<'_, '_>, item: &Value, container: &Value| {
            operators::contains(&budget, state, item, container)
        });
        let budget = Arc::clone(&self.budget);
        self.environment.add_filter(names::SLICE, move |value: &Value, start: &Value, stop: &Value, step: &Value| {
            operators::slice(&budget, value, [start, stop, step])
        });
        let budget = Arc::clone(&self.budget);
        self.environment.add_filter(names::HELD, move |value: ValueOrKwargs| budget.hold(value.into_value()));
        let budget = Arc::clone(&self.budget);
        self.environment.add_filter(names::KEPT, move |value: Value| kept(&budget, value));
        self.environment.add_filter(names::OTHER, |_: &Value| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, "there are no other templates"))
        });
        let budget = Arc::clone(&self.budget);
        self.environment.add_filter(
            names::CHANGED,
            move |state: &mut State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>| {
                let arguments = arguments.into_values();
                for argument in &arguments {
                    budget.weigh(argument)?;
                }
                value.call_method(state, "changed", &arguments)
            },
        );
    }

    fn filters(&mut self) {
        self.filter("abs", filters::abs);
        self.filter("attr", attribute);
        let padded = Parameters::Placed(&["linecount", "fill_with"]);
        self.filter_with("batch", filters::batch, padded, |given| NODE.saturating_mul(sizes(given)));
        self.filter("capitalize", filters::capitalize);
        self.filter_with("center", center, Parameters::Placed(&["width"]), sizes);
        self.filter("count", filters::length);
        for name in ["d", "default"] {
            self.arranged_filter(name, filters::default, Parameters::Placed(&["default_value", "boolean"]));
        }
        self.arranged_filter("dictsort", filters::dictsort, Parameters::Named(&["case_sensitive", "by", "reverse"]));
        self.filter("e", filters::escape);
        self.filter("escape", filters::escape);
        self.filter("filesizeformat", more::filesizeformat);
        self.filter("first", filters::first);
        self.arranged_filter("float", float, Parameters::Placed(&["default"]));
        self.filter_with("format", filters::format, Parameters::AsGiven, |given| match given {
            [pattern, values @ ..] => {
                operators::format_price(pattern.as_str().unwrap_or_default(), values).unwrap_or(u64::MAX)
            }
            [] => 0,
        });
        self.filter("groupby", filters::groupby);
        self.filter_with("indent", filters::indent, Parameters::AsGiven, |given| {
            (1 + python::occurrences(text(given, 0), Some(&Value::from("\n")))).saturating_mul(sizes(given))
        });
        self.arranged_filter("int", int, Parameters::Placed(&["default", "base"]));
        self.filter("items", filters::items);
        self.filter_with("join", filters::join, Parameters::AsGiven, |given| {
            let items = given.first().and_then(Value::len).unwrap_or(0) as u64;
            items.saturating_mul(lengths(given))
        });
        self.filter("last", filters::last);
        self.filter("length", filters::length);
        self.filter("list", filters::list);
        self.filter("lower", filters::lower);
        self.filter("map", filters::map);
        self.filter("max", filters::max);
        self.filter("min", filters::min);
        self.filter("pprint", filters::pprint);
        self.filter("reject", filters::reject);
        self.filter("rejectattr", filters::rejectattr);
        self.filter_with("replace", replace, Parameters::Placed(&["old", "new", "count"]), |given| {
            python::occurrences(text(given, 0), given.get(1)).saturating_mul(lengths(given))
        });
        self.filter("reverse", filters::reverse);
        self.filter("round", filters::round);
        self.filter("safe", filters::safe);
        self.filter("select", filters::select);
        self.filter("selectattr", filters::selectattr);
        let padded = Parameters::Placed(&["slices", "fill_with"]);
        self.filter_with("slice", filters::slice, padded, |given| (2 * NODE).saturating_mul(sizes(given)));
        self.arranged_filter("sort", filters::sort, Parameters::Named(&["reverse", "case_sensitive", "attribute"]));
        self.filter("string", |value: &Value| match value.kind() {
            ValueKind::String => Ok(value.clone()),
            _ => operators::text(value).map(Value::from),
        });
        self.filter("striptags", more::striptags);
        let budget = Arc::clone(&self.budget);
        self.filter("sum", move |values: Value, attribute: Option<&str>, start: Option<Value>, named: Kwargs| {
            let attribute = attribute.map_or_else(|| named.get("attribute"), |name| Ok(Some(name)))?;
            let start = start.map_or_else(|| named.get("start"), |start| Ok(Some(start)))?;
            named.assert_all_used()?;
            sum(&budget, &values, attribute, start)
        });
        self.filter("title", filters::title);
        let budget = Arc::clone(&self.budget);
        self.filter("tojson", move |value: &Value, options: Rest<ValueOrKwargs>| to_json(&budget, value, options));
        self.filter_with("trim", trim, Parameters::Placed(&["chars"]), |given| {
            (text(given, 0).len() as u64).saturating_mul(lengths(given))
        });
        let cut = Parameters::Named(&["length", "killwords", "end", "leeway"]);
        self.arranged_filter("truncate", more::truncate, cut);
        self.filter("unique", filters::unique);
        self.filter("upper", filters::upper);
        self.filter("urlencode", filters::urlencode);
        self.filter("wordcount", more::wordcount);
    }

    fn tests(&mut self) {
        self.test("boolean", tests::is_boolean);
        self.test("callable", |value: &Value| is_of(value, &["BoxedFunction", "Macro", "Joiner"]));
        self.test("defined", tests::is_defined);
        self.test("divisibleby", |value: i128, by: i128| match value.checked_rem(by) {
            Some(rest) => Ok(rest == 0),
            None => Err(Error::new(ErrorKind::InvalidOperation, format!("{value} cannot be divided by {by}"))),
        });
        self.test("escaped", tests::is_safe);
        self.test("even", tests::is_even);
        self.test("false", tests::is_false);
        self.test("filter", tests::is_filter);
        self.test("float", tests::is_float);
        self.test("in", tests::is_in);
        self.test("integer", tests::is_integer);
        // A text is a sequence and so is a mapping, as in Jinja2; nothing is neither.
        for name in ["iterable", "sequence"] {
            self.test(name, |value: &Value| {
                let kinds = [ValueKind::Seq, ValueKind::Map, ValueKind::Iterable, ValueKind::String];
                value.is_undefined() || kinds.contains(&value.kind())
            });
        }
        self.test("lower", tests::is_lower);
        self.test("mapping", tests::is_mapping);
        self.test("none", tests::is_none);
        self.test("number", tests::is_number);
        self.test("odd", tests::is_odd);
        self.test("sameas", tests::is_sameas);
        self.test("string", tests::is_string);
        self.test("test", tests::is_test);
        self.test("true", tests::is_true);
        self.test("undefined", tests::is_undefined);
        self.test("upper", tests::is_upper);
        for name in ["eq", "equalto", "=="] {
            self.test(name, tests::is_eq);
        }
        for name in ["ne", "!="] {
            self.test(name, tests::is_ne);
        }
        for name in ["lt", "lessthan", "<"] {
            self.test(name, tests::is_lt);
        }
        for name in ["le", "<="] {
            self.test(name, tests::is_le);
        }
        for name in ["gt", "greaterthan", ">"] {
            self.test(name, tests::is_gt);
        }
        for name in ["ge", ">="] {
            self.test(name, tests::is_ge);
        }
    }

    fn functions(&mut self) {
        self.function("cycler", |items: Rest<Value>| globals::cycler(items.0));
        self.function("dict", functions::dict);
        self.function("joiner", globals::joiner);
        self.function("namespace", functions::namespace);
        self.function("raise_exception", |reason: &Value| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, format!("{REFUSAL}{}", operators::text(reason)?)))
        });
        self.function("range", functions::range);
        let budget = Arc::clone(&self.budget);
        self.function("strftime_now", move |format: &str| clock::now(&budget, format));
    }

    fn filter<F, Rv, Args>(&mut self, name: &'static str, filter: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        self.arranged_filter(name, filter, Parameters::AsGiven);
    }

    fn arranged_filter<F, Rv, Args>(&mut self, name: &'static str, filter: F, parameters: Parameters)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        self.filter_with(name, filter, parameters, |_| 0);
    }

    /// A filter that may cost more than a walk through what it is given: `price`, which is paid before.
    fn filter_with<F, Rv, Args>(
        &mut self,
        name: &'static str,
        filter: F,
        parameters: Parameters,
        price: fn(&[Value]) -> u64,
    ) where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let (filter, budget) = (Value::from_function(filter), Arc::clone(&self.budget));
        self.environment.add_filter(name, move |state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>| {
            let given = given.into_values();
            for value in &given {
                budget.weigh(value)?;
            }
            let given = parameters.arranged(given, 1)?;
            budget.spend(price(&given))?;
            budget.hold(filter.call(state, &given)?)
        });
    }

    fn test<F, Rv, Args>(&mut self, name: &'static str, test: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let (test, budget) = (Value::from_function(test), Arc::clone(&self.budget));
        self.environment.add_test(name, move |state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>| {
            budget.call(&test, state, &given.into_values())
        });
    }

    fn function<F, Rv, Args>(&mut self, name: &'static str, function: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let (function, budget) = (Value::from_function(function), Arc::clone(&self.budget));
        self.environment.add_function(name, move |state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>| {
            let given = given.into_values();
            // What these make may keep what they are given.
            if given.iter().any(|value| holds_changing(value, 0)) {
                return Err(changing());
            }
            budget.call(&function, state, &given)
        });
    }
}

/// Prints a value, as long as all that was printed so far, captures included, is within bounds.
fn print(budget: &Budget, out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        budget.print(text.len())?;
        return escape_formatter(out, state, value);
    }
    budget.weigh(value)?;
    let text = Value::from(operators::text(value)?);
    budget.print(text.as_str().unwrap_or_default().len())?;
    escape_formatter(out, state, &text)
}

/// A value that a namespace may keep. One that changes is none: it could come to hold itself.
fn kept(budget: &Budget, value: Value) -> Result<Value, Error> {
    let value = budget.hold(value)?;
    if holds_changing(&value, 0) { Err(changing()) } else { Ok(value) }
}

fn changing() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a namespace cannot be kept in another value")
}

/// Whether a value that changes is anywhere in this one. Such ones nest no deeper than others.
fn holds_changing(value: &Value, depth: usize) -> bool {
    if is_of(value, &["Namespace", "Loop", "Cycler"]) {
        return true;
    }
    let kind = value.kind();
    if !matches!(kind, ValueKind::Map | ValueKind::Seq) || depth > super::budget::DEEPEST {
        return false;
    }
    value.try_iter().is_ok_and(|items| {
        items.into_iter().any(|item| {
            holds_changing(&item, depth + 1)
                || kind == ValueKind::Map && value.get_item(&item).is_ok_and(|field| holds_changing(&field, depth + 1))
        })
    })
}

/// Whether a value is of one of the engine's own types, which have no other mark than their names.
fn is_of(value: &Value, types: &[&str]) -> bool {
    value.as_object().is_some_and(|object| {
        let name = object.type_name();
        types.iter().any(|own| name.rsplit("::").next() == Some(own))
    })
}

/// `value | attr(name)`: attributes, which the fields of a mapping are not.
fn attribute(value: &Value, name: &Value) -> Result<Value, Error> {
    if operators::is_mapping(value) { Ok(Value::UNDEFINED) } else { value.get_item(name) }
}

/// `value | center(width)`.
fn center(value: &Value, width: Option<usize>) -> Result<String, Error> {
    let text = operators::text(value)?;
    let missing = width.unwrap_or(80).saturating_sub(text.chars().count());
    Ok(format!("{}{text}{}", " ".repeat(missing / 2), " ".repeat(missing - missing / 2)))
}

/// `value | float(default)`.
fn float(value: &Value, default: Option<Value>) -> Value {
    let number = match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None if value.kind() == ValueKind::Bool => Some(f64::from(value.is_true())),
        None => f64::try_from(value.clone()).ok(),
    };
    number.map(Value::from).or(default).unwrap_or_else(|| Value::from(0.0))
}

/// `value | int(default, base)`: what is no number is the default.
fn int(state: &State<'_, '_>, value: &Value, default: Option<Value>, base: Option<u32>) -> Result<Value, Error> {
    let none = Kwargs::from_iter::<[(&str, Value); 0]>([]);
    filters::int(state, value, default.or_else(|| Some(Value::from(0))), base, none)
}

/// `value | trim(chars)`.
fn trim(value: &Value, chars: Option<&str>) -> Result<String, Error> {
    operators::text(value).map(|text| python::stripped(&text, "strip", chars).to_owned())
}

/// `value | replace(old, new, count)`.
#[expect(clippy::needless_pass_by_value, reason = "what the template engine makes of any value")]
fn replace(value: &Value, old: Cow<'_, str>, new: Cow<'_, str>, count: Option<usize>) -> Result<String, Error> {
    let text = operators::text(value)?;
    Ok(count.map_or_else(|| text.replace(&*old, &new), |count| text.replacen(&*old, &new, count)))
}

/// `values | sum(attribute, start)`.
fn sum(budget: &Budget, values: &Value, attribute: Option<&str>, start: Option<Value>) -> Result<Value, Error> {
    let mut total = start.unwrap_or_else(|| Value::from(0));
    for mut value in budget.collect(values)? {
        for name in attribute.into_iter().flat_map(|path| path.split('.')) {
            value = value.get_attr(name)?;
        }
        total = operators::add(budget, &total, &value)?;
    }
    Ok(total)
}

/// The text among the values that a filter is given.
fn text(given: &[Value], at: usize) -> &str {
    given.get(at).and_then(Value::as_str).unwrap_or_default()
}

/// What the numbers among the options come to.
fn sizes(given: &[Value]) -> u64 {
    flattened(given.get(1..).unwrap_or_default()).map(|value| size(&value)).fold(0, u64::saturating_add)
}

/// What the texts of the options come to.
fn lengths(given: &[Value]) -> u64 {
    let length = |value: Value| operators::text(&value).map_or(0, |text| text.len() as u64);
    flattened(given.get(1..).unwrap_or_default()).map(length).fold(0, u64::saturating_add)
}
