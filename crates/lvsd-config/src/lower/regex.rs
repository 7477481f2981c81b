//! `regex` of a url, and what belongs to it.

use lvsd_model::{RegexCheck, Wanted};

use super::Lowering;
use super::common::unsigned;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::tree::Statement;

/// PCRE2's names for compile options, and what does the same before a pattern. Some change nothing here: text is UTF-8,
/// a dollar matches at the very end only, names need not be unique, and nothing has to be optimised by hand.
const OPTIONS: &[(&str, &str)] = &[
    ("caseless", "i"),
    ("multiline", "m"),
    ("dotall", "s"),
    ("extended", "x"),
    ("utf", ""),
    ("ucp", ""),
    ("dollar_endonly", ""),
    ("no_auto_capture", ""),
    ("no_auto_possess", ""),
    ("no_dotstar_anchor", ""),
    ("no_start_optimize", ""),
    ("no_utf_check", ""),
    ("never_backslash_c", ""),
    ("auto_callout", ""),
    ("use_offset_limit", ""),
];

/// What a url says about its regex.
#[derive(Clone, Debug, Default)]
pub(super) struct RegexDraft<'a> {
    pattern: Option<Word<'a>>,
    flags: String,
    wanted: Wanted,
    min: Option<(u32, Word<'a>)>,
    max: Option<(u32, Word<'a>)>,
}

impl<'a> Lowering<'a> {
    /// One of the keywords that belong to a regex.
    pub(super) fn regex_setting(&mut self, statement: &Statement, draft: &mut RegexDraft<'a>) -> bool {
        let offset = |this: &mut Self| {
            let offset = this.integer(statement, 0, 0..=i64::from(u32::MAX)).map(unsigned)?;
            Some((offset, this.word(statement, 0)?))
        };
        match statement.row.name {
            "regex" => draft.pattern = self.word(statement, 0),
            "regex_no_match" => draft.wanted = Wanted::NoMatch,
            "regex_options" => {
                for word in self.all_words(&statement.words) {
                    let flag = self.choice(word, OPTIONS).unwrap_or_default();
                    if !draft.flags.contains(flag) {
                        draft.flags.push_str(flag);
                    }
                }
            }
            "regex_min_offset" => draft.min = offset(self),
            "regex_max_offset" => draft.max = offset(self),
            _ => return false,
        }
        true
    }

    /// The regex, if there is one and it can be compiled.
    pub(super) fn regex_check(&mut self, draft: RegexDraft<'_>) -> Option<RegexCheck> {
        let Some(word) = draft.pattern else {
            for (_, word) in draft.min.into_iter().chain(draft.max) {
                let diagnostic =
                    Diagnostic::hint(Rule::NoEffect, word.span, "without a regex an offset does nothing");
                self.report(diagnostic.help("add `regex <pattern>`"));
            }
            return None;
        };
        let flags = if draft.flags.is_empty() { String::new() } else { format!("(?{})", draft.flags) };
        let pattern = flags + word.text;
        if let Err(error) = fancy_regex::Regex::new(&pattern) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            let message = format!("`{}` is no regular expression: {reason}", word.text);
            self.report(Diagnostic::tolerated(Rule::BadRegex, word.span, message).label("ignored"));
            return None;
        }
        let min_offset = draft.min.map_or(0, |(offset, _)| offset);
        if let Some((max, at)) = draft.max.filter(|&(max, _)| max < min_offset) {
            let message = format!("no match can start between {min_offset} and {max}");
            let help = "regex_max_offset is where the last match may start";
            self.report(Diagnostic::tolerated(Rule::OutOfRange, at.span, message).help(help));
        }
        let max_offset = draft.max.map(|(offset, _)| offset);
        Some(RegexCheck { pattern, wanted: draft.wanted, min_offset, max_offset })
    }
}
