//! What the supervisor does beside its children: dumps, and where random numbers begin.

use std::path::PathBuf;

use lvsd_model::JsonVersion;

use super::Lowering;
use super::common::unsigned;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::include;
use crate::rules::Rule;
use crate::tree::Statement;

impl<'a> Lowering<'a> {
    pub(super) fn global_daemon(&mut self, statement: &'a Statement) -> bool {
        let first = self.word(statement, 0);
        match statement.row.name {
            "json_version" => {
                let choices = [("1", JsonVersion::One), ("2", JsonVersion::Two)];
                let version = first.and_then(|word| self.choice(word, &choices));
                self.config.globals.dumps.json = version.unwrap_or(self.config.globals.dumps.json);
            }
            "data_use_instance" => {
                self.config.globals.dumps.named_by_instance = self.boolean(statement).unwrap_or(false);
            }
            "state_dump_file" => {
                let path = first.and_then(|word| self.absolute_path(word));
                self.config.globals.dumps.data = path.or(self.config.globals.dumps.data.take());
            }
            "random_seed" => {
                let seed = self.integer(statement, 0, 0..=i64::from(u32::MAX)).map(unsigned);
                self.config.globals.random_seed = seed.or(self.config.globals.random_seed);
            }
            // The reader has acted on it; what it could not make sense of is told here.
            "include_check" => {
                for word in self.all_words(&statement.words) {
                    if include::check_word(word.text).is_none() {
                        let message =
                            format!("`{}` is no kind of mistake in an include; it is ignored", word.text);
                        let help =
                            "read, match, wildcard_match or brace_match, perhaps with + or - before it";
                        self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// A path that means the same wherever the daemon is started.
    pub(super) fn absolute_path(&mut self, word: Word<'_>) -> Option<PathBuf> {
        if word.text.starts_with('/') {
            return Some(word.text.into());
        }
        let message = format!("`{}` is no absolute path; it is ignored", word.text);
        let help = "the daemon has no directory of its own: begin with a slash";
        self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
        None
    }
}
