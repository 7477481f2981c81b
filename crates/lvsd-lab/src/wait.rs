//! Waiting for an event with a deadline: the only kind of waiting a test does.

use crate::{LabError, Result};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How often a condition is looked at. Short, for the tests' sake; not zero, for the other core's.
const POLL: Duration = Duration::from_millis(5);

/// Waits until `condition` holds, looking every few milliseconds.
///
/// # Errors
/// [`LabError::Deadline`] naming `what` when it does not hold `within` that time.
pub fn until(within: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
    until_some(within, what, || condition().then_some(()))
}

/// Waits until `attempt` gives a value, and returns it.
///
/// # Errors
/// [`LabError::Deadline`] naming `what` when there is none `within` that time.
pub fn until_some<T>(within: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = attempt() {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err(LabError::Deadline { what: what.to_owned(), within });
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_ends_the_wait() {
        let mut looks = 0;
        let looked = until(Duration::from_secs(5), "the third look", || {
            looks += 1;
            looks == 3
        });
        assert!(looked.is_ok());
        assert_eq!(looks, 3);
    }

    #[test]
    fn a_deadline_names_what_was_waited_for() {
        let error = until(Duration::ZERO, "pigs to fly", || false).unwrap_err();
        assert_eq!(error.to_string(), "pigs to fly: not within 0ns");
    }

    #[test]
    fn the_condition_is_looked_at_even_when_no_time_is_left() {
        assert!(until(Duration::ZERO, "now", || true).is_ok());
    }
}
