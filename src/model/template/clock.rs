//! The date, which some templates print: a prompt then depends on the day, and the log holds its ids.
//!
//! The collection beside the template engine has filters that format a date by the same library, and no `strftime_now`.

use jiff::{ZonedDateTime, fmt::strtime};
use minijinja::{Error, ErrorKind};

use super::budget::Budget;

/// `strftime_now(format)`: the local date and time, as `transformers` gives it.
pub(super) fn now(budget: &Budget, format: &str) -> Result<String, Error> {
    // A number between a percent sign and its letter is a width.
    let numbers = format.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    budget.spend(numbers.map(|digits| digits.parse().unwrap_or(u64::MAX)).fold(0, u64::saturating_add))?;
    written(format, &ZonedDateTime::now())
}

fn written(format: &str, time: &ZonedDateTime) -> Result<String, Error> {
    strtime::format(format, time)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("the date format {format:?}: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn dates_are_written_as_in_python() {
        let time = jiff::Timestamp::from_second(1_709_210_096).unwrap();
        let at = |format: &str| written(format, &time.in_tz("UTC").unwrap()).unwrap();
        assert_eq!(at("%d %b %Y"), "29 Feb 2024");
        assert_eq!(at("%A, %-d %B %y %H:%M:%S"), "Thursday, 29 February 24 12:34:56");
        assert_eq!(at("%F %T %D %I%p %e %%"), "2024-02-29 12:34:56 02/29/24 12PM 29 %");
        let east = time.in_tz("Pacific/Kiritimati").unwrap();
        assert_eq!(written("%F %H", &east).unwrap(), "2024-03-01 02");
        let unknown = written("%!", &east).unwrap_err().to_string();
        assert!(unknown.contains("the date format \"%!\""), "{unknown}");
        let budget = Budget::new(0);
        assert!(now(&budget, "%999999999999d").is_err() && budget.is_work_exceeded());
    }
}
