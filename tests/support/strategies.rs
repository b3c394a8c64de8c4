//! Strategies of property tests.

use std::fmt::Debug;

use proptest::{prelude::*, sample::select};
use serde::de::DeserializeOwned;

/// Any value of an enumeration. Its own error message lists them, so that new ones take part without being named here.
pub fn any_of<T: DeserializeOwned + Clone + Debug + 'static>() -> impl Strategy<Value = T> {
    let message = serde_json::from_value::<T>("?".into()).unwrap_err().to_string();
    let values = message.split('`').skip(3).step_by(2).map(|word| serde_json::from_value(word.into()).unwrap());
    select(values.collect::<Vec<T>>())
}
