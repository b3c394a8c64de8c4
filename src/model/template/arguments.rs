//! Arguments by place and by name: in Python most can be given in either way, in the template engine in one.

use minijinja::{Error, ErrorKind, Value, value::Kwargs};

/// How a function of the library takes what Python takes under these names, in this order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parameters {
    /// In whatever way it is given.
    AsGiven,
    /// By place.
    Placed(&'static [&'static str]),
    /// By name.
    Named(&'static [&'static str]),
}

impl Parameters {
    /// The arguments in that way; the first `own` are the value that it is about.
    pub fn arranged(self, mut given: Vec<Value>, own: usize) -> Result<Vec<Value>, Error> {
        let named = given.last().is_some_and(Value::is_kwargs);
        match self {
            Self::Placed(names) if named => {
                let by_name = given.pop().unwrap_or_default();
                for name in by_name.try_iter()? {
                    let place =
                        names.iter().position(|known| name.as_str() == Some(known)).ok_or_else(|| unknown(&name))?;
                    let place = own + place;
                    given.resize(given.len().max(place + 1), Value::UNDEFINED);
                    given[place] = by_name.get_item(&name)?;
                }
                Ok(given)
            }
            Self::Named(names) if given.len() > own + usize::from(named) => {
                let by_name = if named { given.pop() } else { None };
                if given.len() > own + names.len() {
                    return Err(Error::from(ErrorKind::TooManyArguments));
                }
                let placed = names.iter().zip(given.drain(own..)).map(|(name, value)| ((*name).to_owned(), value));
                let mut all: Vec<(String, Value)> = placed.collect();
                if let Some(by_name) = by_name {
                    for name in by_name.try_iter()? {
                        all.push((name.to_string(), by_name.get_item(&name)?));
                    }
                }
                given.push(Value::from(all.into_iter().collect::<Kwargs>()));
                Ok(given)
            }
            _ => Ok(given),
        }
    }
}

fn unknown(name: &Value) -> Error {
    Error::new(ErrorKind::TooManyArguments, format!("there is no argument named {name}"))
}

/// All arguments, those given by name too.
pub(super) fn flattened(given: &[Value]) -> impl Iterator<Item = Value> {
    given.iter().flat_map(|value| {
        if !value.is_kwargs() {
            return vec![value.clone()];
        }
        let names = value.try_iter().into_iter().flatten();
        names.filter_map(|name| value.get_item(&name).ok()).collect()
    })
}
