//! Commands: from the rest of a line to program, arguments and user.

use lvsd_model::{Invocation, ReadableFile, RunAs, Script, TrackScript};

use super::Lowering;
use super::common::{FOREVER, unsigned};
use super::track::Kind;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::script::{self, Escapes, Quoting};
use crate::source::Span;
use crate::tree::Statement;

/// What a `script` may be.
pub(super) enum Command {
    Run(Script),
    Readable(ReadableFile),
}

/// Words that no user can be called.
struct NoUser;

impl<'a> Lowering<'a> {
    /// The command of a script keyword, with the user and group behind it.
    pub(super) fn script(&mut self, statement: &Statement) -> Option<Script> {
        match self.command(statement)? {
            Command::Run(script) => Some(script),
            Command::Readable(file) => {
                let message = format!("`<{}` tests a file; only vrrp_script can do that", file.0);
                self.report(
                    Diagnostic::tolerated(Rule::BadValue, statement.rest(), message).label("ignored"),
                );
                None
            }
        }
    }

    pub(super) fn command(&mut self, statement: &Statement) -> Option<Command> {
        let rest = self.text(statement.rest());
        let words = script::split(rest, Escapes::Kept);
        let (command, others) = words.split_first()?;
        let at = statement.rest().part(command.start, command.end);
        if let Some(path) = command.text.strip_prefix('<') {
            let path = path.trim().to_owned();
            self.places.add(Item::File(path.clone()), at);
            return Some(Command::Readable(ReadableFile(path)));
        }
        let argv = script::split(&command.text, Escapes::Replaced);
        if argv.first().is_none_or(|program| program.text.is_empty()) {
            let message = format!("`{}` names no program", statement.row.name);
            self.report(Diagnostic::tolerated(Rule::MissingScript, at, message).label("ignored"));
            return None;
        }
        let invocation = match script::shell_word(&argv) {
            None => Invocation::Exec,
            Some(word) => {
                let message = format!("`{}` needs a shell, so lvsd runs this command by /bin/sh", word.text);
                let help = "keepalived would pass it to the program as an argument; put such commands into a script file";
                self.report(Diagnostic::hint(Rule::ShellOperator, at, message).help(help));
                Invocation::Shell
            }
        };
        let run_as = self.words_behind(statement, at, command.quoting, others).ok()?;
        let source = command.text.clone();
        self.places.add(Item::Script(source.clone()), at);
        let argv = argv.into_iter().map(|word| word.text).collect();
        Some(Command::Run(Script { source, argv, invocation, run_as }))
    }

    /// `user [group]` behind a command; an error when that cannot be what the words are.
    fn words_behind(
        &mut self,
        statement: &Statement,
        command: Span,
        quoting: Quoting,
        words: &[script::Word],
    ) -> Result<Option<RunAs>, NoUser> {
        let name = statement.row.name;
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return Ok(None) };
        let span = statement.rest().part(first.start, last.end);
        let quoted = self.text(command).trim_matches('"').to_owned();
        let help = format!("arguments belong into the quotes: `{name} \"{quoted} ...\"`");
        if matches!(name, "script" | "misc_path") {
            let message = format!("`{name}` takes one command; the words behind it are ignored");
            self.report(Diagnostic::tolerated(Rule::ExtraWord, span, message).label("ignored").help(help));
            return Ok(None);
        }
        if words.len() > 2 || !words.iter().all(could_be_name) {
            let message =
                format!("the words behind the command of `{name}` are no user and group: it is not run");
            self.report(
                Diagnostic::tolerated(Rule::ScriptUserWords, span, message).label("not run").help(help),
            );
            return Err(NoUser);
        }
        let user = first.text.trim_end_matches(':').to_owned();
        let group = words.get(1).map(|word| word.text.trim_matches(':').to_owned());
        self.places.add(Item::User(user.clone()), span);
        if let Some(group) = &group {
            self.places.add(Item::Group(group.clone()), span);
        }
        let message = format!("the command runs as user `{user}`: words behind it are no arguments");
        let state = matches!(
            user.to_ascii_lowercase().as_str(),
            "master" | "backup" | "fault" | "stop" | "up" | "down"
        );
        if state {
            self.report(Diagnostic::tolerated(Rule::ScriptUserWords, span, message).help(help));
        } else if quoting == Quoting::Bare && user != "root" {
            self.report(Diagnostic::hint(Rule::ScriptUserWords, span, message).help(help));
        }
        Ok(Some(RunAs { user, group }))
    }

    /// `user name [group]` as a statement of its own.
    pub(super) fn run_as(&mut self, statement: &Statement) -> Option<RunAs> {
        let user = self.word(statement, 0)?;
        self.places.add(Item::User(user.text.to_owned()), user.span);
        let group = self.word(statement, 1);
        if let Some(group) = group {
            self.places.add(Item::Group(group.text.to_owned()), group.span);
        }
        Some(RunAs { user: user.text.to_owned(), group: group.map(|word| word.text.to_owned()) })
    }

    /// `vrrp_script`.
    pub(super) fn vrrp_script(&mut self, statement: &'a Statement, order: usize) {
        let Some(name) = self.word(statement, 0) else { return };
        let index = self.config.vrrp.scripts.len();
        if !self.define(Kind::Script, name, order, index) {
            return;
        }
        let Some(script) = self.track_script(name.text, statement) else {
            self.tracked.remove(&(Kind::Script, name.text));
            let message = format!("the script `{}` has no command; it is ignored", name.text);
            self.report(
                Diagnostic::tolerated(Rule::MissingScript, name.span, message)
                    .help("add `script \"/path arguments\"`"),
            );
            return;
        };
        self.places.add(Item::TrackScript(name.text.to_owned()), name.span);
        self.config.vrrp.scripts.push(script);
    }

    fn track_script(&mut self, name: &str, statement: &'a Statement) -> Option<TrackScript> {
        let second = std::time::Duration::from_secs(1);
        let mut command = None;
        let (mut interval, mut timeout) = (second, None);
        let (mut effect, mut rise, mut fall) = (lvsd_model::TrackWeight::default(), 1, 1);
        let (mut run_as, mut init_fail) = (None, false);
        self.check_repeated(statement.block());
        for inner in statement.block() {
            if !self.accept(inner) {
                continue;
            }
            match inner.row.name {
                "script" => command = self.command(inner),
                "interval" => {
                    interval = self.seconds(inner, 0, std::time::Duration::ZERO..=FOREVER).unwrap_or(interval)
                }
                "timeout" => {
                    timeout = self.seconds(inner, 0, std::time::Duration::ZERO..=FOREVER).or(timeout)
                }
                "weight" => effect = self.weight_words(inner, 253).unwrap_or(effect),
                "rise" => rise = self.integer(inner, 0, 1..=i64::from(u32::MAX)).map_or(rise, unsigned),
                "fall" => fall = self.integer(inner, 0, 1..=i64::from(u32::MAX)).map_or(fall, unsigned),
                "user" => run_as = self.run_as(inner),
                "init_fail" => init_fail = true,
                _ => {}
            }
        }
        if interval.is_zero() {
            interval = second;
        }
        self.check_duration(statement, "timeout", timeout, interval);
        let timeout = timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(interval);
        let command = match command? {
            Command::Run(script) => Ok(Script { run_as: script.run_as.or(run_as), ..script }),
            Command::Readable(file) => Err(file),
        };
        Some(TrackScript { name: name.to_owned(), command, interval, timeout, effect, rise, fall, init_fail })
    }
}

/// Whether a word looks like the name of a user or group rather than like an argument.
fn could_be_name(word: &script::Word) -> bool {
    let text = word.text.trim_matches(':');
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    first
        && text.len() <= 64
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'))
}
