//! What the supervisor does beside its children: scripts of the start and the end, reloads, dumps, random numbers.

use std::path::PathBuf;
use std::time::Duration;

use lvsd_model::{JsonVersion, MomentScript, ReloadMark, ReloadTimes, Script};

use super::Lowering;
use super::common::{unsigned, whole_seconds};
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::include;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// How long a script of the start or the end may take unless written.
const LIMIT: Duration = Duration::from_secs(10);

/// What several statements decide together.
#[derive(Clone, Debug, Default)]
pub(super) struct DaemonDraft {
    startup: MomentDraft,
    shutdown: MomentDraft,
    times: Option<PathBuf>,
    /// `reload_repeat`.
    daily: Option<Span>,
}

#[derive(Clone, Debug, Default)]
struct MomentDraft {
    script: Option<Script>,
    limit: Option<(Duration, Span)>,
}

impl<'a> Lowering<'a> {
    pub(super) fn global_daemon(&mut self, statement: &'a Statement) -> bool {
        let first = self.word(statement, 0);
        match statement.row.name {
            "startup_script" => self.daemon.startup.script = self.script(statement),
            "shutdown_script" => self.daemon.shutdown.script = self.script(statement),
            "startup_script_timeout" => self.daemon.startup.limit = self.script_limit(statement),
            "shutdown_script_timeout" => self.daemon.shutdown.limit = self.script_limit(statement),
            "reload_time_file" => {
                self.daemon.times =
                    first.and_then(|word| self.absolute_path(word)).or_else(|| self.daemon.times.take());
            }
            "reload_repeat" => self.daemon.daily = Some(statement.keyword),
            "reload_file" => {
                let mark = match first {
                    None => Some(ReloadMark::RuntimeDirectory),
                    Some(word) => self.absolute_path(word).map(ReloadMark::Path),
                };
                self.config.globals.reload_mark = mark.or_else(|| self.config.globals.reload_mark.take());
            }
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
                self.config.globals.dumps.data = path.or_else(|| self.config.globals.dumps.data.take());
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

    fn script_limit(&mut self, statement: &Statement) -> Option<(Duration, Span)> {
        let seconds = self.integer(statement, 0, 1..=1000)?;
        Some((whole_seconds(seconds), statement.keyword))
    }

    /// Puts together what several statements say.
    pub(super) fn finish_daemon(&mut self) {
        let DaemonDraft { startup, shutdown, times, daily } = std::mem::take(&mut self.daemon);
        self.config.globals.startup_script = self.moment(startup, "startup_script");
        self.config.globals.shutdown_script = self.moment(shutdown, "shutdown_script");
        if let (None, Some(span)) = (&times, daily) {
            self.lacks_companion(span, "reload_time_file");
        }
        self.config.globals.reload_times = times.map(|file| ReloadTimes { file, daily: daily.is_some() });
    }

    fn moment(&mut self, draft: MomentDraft, keyword: &str) -> Option<MomentScript> {
        if let (None, Some((_, span))) = (&draft.script, draft.limit) {
            self.lacks_companion(span, keyword);
        }
        let limit = draft.limit.map_or(LIMIT, |(limit, _)| limit);
        draft.script.map(|script| MomentScript { script, limit })
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
