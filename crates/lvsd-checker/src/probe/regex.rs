//! `regex` of a url.
//!
//! A match may take long, however harmless pattern and body look: it is made on a thread of its own, gives up after a number of
//! steps, and the check does not wait for it longer than for anything else.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use fancy_regex::{Regex, RegexBuilder};
use lvsd_health::Cause;
use lvsd_model::{RegexCheck, Wanted};

use super::Problem;

/// How much of a body is searched, in bytes; what follows is not looked at.
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// How often a match may step back before it gives up.
const MAX_BACKTRACKS: usize = 100_000;

/// How many matches of one pattern may be under way at once.
const MAX_AT_ONCE: usize = 16;

/// The patterns of a configuration, each compiled when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Regexes(RefCell<HashMap<String, Arc<Regex>>>);

impl Regexes {
    /// Forgets the patterns of an earlier configuration.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Judges a body.
    pub(super) async fn judge(&self, check: &RegexCheck, body: Vec<u8>) -> Result<(), Problem> {
        let regex = self.compiled(&check.pattern)?;
        // One is in the map, one here, the others belong to matches.
        if Arc::strong_count(&regex) > MAX_AT_ONCE + 2 {
            return Err(Problem::Local("too many matches of this regex are still under way".to_owned()));
        }
        let task = check.clone();
        let found = tokio::task::spawn_blocking(move || find(&regex, &task, &body)).await;
        let found = found.map_err(|error| Problem::Local(format!("regex: {error}")))?;
        let wrong = |detail: String| Err(Problem::server(Cause::Content, detail));
        match (found, check.wanted) {
            (Err(error), _) => wrong(format!("the regex gives up: {error}")),
            (Ok(Some(_)), Wanted::Match) | (Ok(None), Wanted::NoMatch) => Ok(()),
            (Ok(Some(at)), Wanted::NoMatch) => wrong(format!("the regex matches at byte {at}")),
            (Ok(None), Wanted::Match) => wrong("the regex does not match".to_owned()),
        }
    }

    fn compiled(&self, pattern: &str) -> Result<Arc<Regex>, Problem> {
        if let Some(regex) = self.0.borrow().get(pattern) {
            return Ok(Arc::clone(regex));
        }
        let regex = RegexBuilder::new(pattern).backtrack_limit(MAX_BACKTRACKS).build();
        let regex = Arc::new(regex.map_err(|error| Problem::Local(format!("regex: {error}")))?);
        self.0.borrow_mut().insert(pattern.to_owned(), Arc::clone(&regex));
        Ok(regex)
    }
}

/// Where the first match starts, if it starts where it may. What is not UTF-8 is searched as the replacement character.
fn find(regex: &Regex, check: &RegexCheck, body: &[u8]) -> Result<Option<usize>, String> {
    let text = String::from_utf8_lossy(body);
    let offset = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    let first = offset(check.min_offset);
    if first > text.len() {
        return Ok(None);
    }
    let found =
        regex.find_from_pos(&*text, text.ceil_char_boundary(first)).map_err(|error| error.to_string())?;
    let start = found.map(|found| found.start());
    Ok(start.filter(|&start| check.max_offset.is_none_or(|last| start <= offset(last))))
}
