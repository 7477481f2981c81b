//! FIFOs and mail of `global_defs`, and what objects say about them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lvsd_model::{Deletion, Fifo, MailAddress, MailPolicy, Notify, RunAs, Script};

use super::Lowering;
use super::common::whole_seconds;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// Where mail goes when nothing else is written.
const SMTP: u16 = 25;

/// A FIFO as far as written.
#[derive(Clone, Debug, Default)]
struct FifoDraft {
    path: Option<(PathBuf, Span)>,
    owner: Option<RunAs>,
    reader: Option<(Script, Span)>,
}

/// What is written about telling, until everything is read.
#[derive(Clone, Debug, Default)]
pub(super) struct NoticeDraft {
    both: FifoDraft,
    vrrp: FifoDraft,
    lvs: FifoDraft,
    server: Option<(String, u16)>,
    helo: Option<String>,
    timeout: Option<Duration>,
    from: Option<MailAddress>,
    to: Vec<MailAddress>,
    /// `no_email_faults`.
    no_faults: bool,
    alert: Option<bool>,
    alert_vrrp: Option<bool>,
    alert_checker: Option<bool>,
    /// The first place that wants mail.
    wanted: Option<Span>,
    priority_changes: bool,
}

impl NoticeDraft {
    /// What an instance or group starts from.
    pub(super) fn of_vrrp(&self) -> Notify {
        let mail = self.alert_vrrp.or(self.alert).unwrap_or(false);
        Notify { mail, priority_changes: self.priority_changes, ..Notify::default() }
    }

    /// What a virtual server starts from.
    pub(super) fn of_services(&self) -> bool {
        self.alert_checker.or(self.alert).unwrap_or(false)
    }

    /// What a real server starts from: mail, unless somebody says no.
    pub(super) fn of_servers(&self) -> bool {
        self.alert_checker.or(self.alert).unwrap_or(true)
    }
}

impl<'a> Lowering<'a> {
    /// Keywords of `global_defs`.
    pub(super) fn global_notices(&mut self, statement: &'a Statement) -> bool {
        let mut draft = std::mem::take(&mut self.notices);
        let known = self.fifo_words(statement, &mut draft) || self.mail_words(statement, &mut draft);
        self.notices = draft;
        known
    }

    fn fifo_words(&mut self, statement: &'a Statement, draft: &mut NoticeDraft) -> bool {
        match statement.row.name {
            "notify_fifo" => self.fifo(statement, &mut draft.both),
            "vrrp_notify_fifo" => self.fifo(statement, &mut draft.vrrp),
            "lvs_notify_fifo" => self.fifo(statement, &mut draft.lvs),
            "notify_fifo_script" => self.fifo_reader(statement, &mut draft.both),
            "vrrp_notify_fifo_script" => self.fifo_reader(statement, &mut draft.vrrp),
            "lvs_notify_fifo_script" => self.fifo_reader(statement, &mut draft.lvs),
            "vrrp_notify_priority_changes" => {
                draft.priority_changes = self.boolean(statement).unwrap_or(draft.priority_changes);
            }
            "fifo_write_vrrp_states_on_reload" => self.config.globals.notices.states_on_reload = true,
            "rs_init_notifies" => self.config.lvs.init_notifies = self.boolean(statement).unwrap_or(false),
            _ => return false,
        }
        true
    }

    fn mail_words(&mut self, statement: &'a Statement, draft: &mut NoticeDraft) -> bool {
        match statement.row.name {
            "smtp_server" => draft.server = self.mail_server(statement).or_else(|| draft.server.take()),
            "smtp_helo_name" => draft.helo = self.word(statement, 0).map(|word| word.text.to_owned()),
            "smtp_connect_timeout" => {
                let seconds = self.integer(statement, 0, 0..=i64::from(u32::MAX)).map(whole_seconds);
                draft.timeout = seconds.map(|timeout| timeout.max(Duration::from_secs(1)));
            }
            "notification_email_from" => {
                draft.from = self.word(statement, 0).and_then(|word| self.mail_address(word));
            }
            "notification_email" => {
                for entry in statement.entries() {
                    let words = self.all_words(&entry.words);
                    draft.to.extend(words.into_iter().filter_map(|word| self.mail_address(word)));
                }
            }
            "no_email_faults" => draft.no_faults = true,
            "smtp_alert" => draft.alert = self.alert(statement, &mut draft.wanted),
            "smtp_alert_vrrp" => draft.alert_vrrp = self.alert(statement, &mut draft.wanted),
            "smtp_alert_checker" => draft.alert_checker = self.alert(statement, &mut draft.wanted),
            _ => return false,
        }
        true
    }

    fn alert(&mut self, statement: &Statement, wanted: &mut Option<Span>) -> Option<bool> {
        let alert = self.boolean(statement)?;
        if alert {
            wanted.get_or_insert(statement.keyword);
        }
        Some(alert)
    }

    /// `smtp_alert` of an object.
    pub(super) fn smtp_alert(&mut self, statement: &Statement, before: bool) -> bool {
        let mut wanted = self.notices.wanted;
        let alert = self.alert(statement, &mut wanted);
        self.notices.wanted = wanted;
        alert.unwrap_or(before)
    }

    /// `notify_deleted`.
    pub(super) fn deletion(&mut self, statement: &Statement) -> Deletion {
        let bare = self.text(statement.rest()).trim().is_empty();
        Deletion::AsDeleted(if bare { None } else { self.script(statement) })
    }

    fn fifo(&mut self, statement: &Statement, draft: &mut FifoDraft) {
        let Some(word) = self.word(statement, 0) else { return };
        if !Path::new(word.text).is_absolute() {
            let message = format!("`{}` is no absolute path; there will be no such FIFO", word.text);
            self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).label("ignored"));
            return;
        }
        draft.path = Some((PathBuf::from(word.text), word.span));
        draft.owner = self.word(statement, 1).map(|user| {
            self.places.add(Item::User(user.text.to_owned()), user.span);
            let group = self.word(statement, 2);
            if let Some(group) = group {
                self.places.add(Item::Group(group.text.to_owned()), group.span);
            }
            RunAs { user: user.text.to_owned(), group: group.map(|word| word.text.to_owned()) }
        });
    }

    fn fifo_reader(&mut self, statement: &Statement, draft: &mut FifoDraft) {
        draft.reader = self.script(statement).map(|script| (script, statement.keyword));
    }

    fn mail_server(&mut self, statement: &Statement) -> Option<(String, u16)> {
        let host = self.word(statement, 0)?;
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
        if host.text.is_empty() || !host.text.chars().all(part) {
            let message = format!("`{}` is neither an address nor a host name; no mail is sent", host.text);
            self.report(Diagnostic::tolerated(Rule::BadAddress, host.span, message));
            return None;
        }
        let port = match self.word(statement, 1) {
            None => Some(SMTP),
            Some(_) => self.integer(statement, 1, 1..=65_535).and_then(|port| u16::try_from(port).ok()),
        };
        Some((host.text.to_owned(), port.unwrap_or(SMTP)))
    }

    fn mail_address(&mut self, word: Word<'_>) -> Option<MailAddress> {
        let address = MailAddress::new(word.text);
        if address.is_none() {
            let message = format!("`{}` is no mail address; it is ignored", word.text);
            let help = "an address such as admin@example.com, one per line, without a name or brackets";
            self.report(Diagnostic::tolerated(Rule::BadMailAddress, word.span, message).help(help));
        }
        address
    }

    /// Puts together what all the file said.
    pub(super) fn finish_notices(&mut self) {
        let draft = std::mem::take(&mut self.notices);
        let both = self.finish_fifo(draft.both, None);
        let taken = both.as_ref().map(|fifo| fifo.path.clone());
        let vrrp = self.finish_fifo(draft.vrrp, taken.as_deref());
        let lvs = self.finish_fifo(draft.lvs, taken.as_deref());
        let notices = &mut self.config.globals.notices;
        (notices.fifo, notices.vrrp_fifo, notices.lvs_fifo) = (both, vrrp, lvs);
        let router_id = self.config.globals.router_id.clone();
        let missing = match (&draft.server, draft.to.is_empty()) {
            (None, true) => Some("smtp_server and notification_email are"),
            (None, false) => Some("smtp_server is"),
            (Some(_), true) => Some("notification_email is"),
            (Some(_), false) => None,
        };
        if let (Some(missing), Some(wanted)) = (missing, draft.wanted) {
            let message = format!("no mail will be sent: {missing} missing in `global_defs`");
            self.report(Diagnostic::tolerated(Rule::MailIncomplete, wanted, message).label("wants mail"));
        }
        let complete = draft.server.filter(|_| missing.is_none());
        self.config.globals.notices.mail = complete.map(|(server, port)| MailPolicy {
            server,
            port,
            helo: draft.helo,
            timeout: draft.timeout.unwrap_or(Duration::from_secs(30)),
            from: draft.from,
            to: draft.to,
            router_id,
            faults: !draft.no_faults,
        });
    }

    fn finish_fifo(&mut self, draft: FifoDraft, taken: Option<&Path>) -> Option<Fifo> {
        let FifoDraft { path, owner, reader } = draft;
        let Some((path, span)) = path else {
            if let Some((_, at)) = reader {
                let message = "there is no FIFO for this script to read; it is not run";
                self.report(
                    Diagnostic::tolerated(Rule::FifoWithoutPath, at, message)
                        .help("name one by the keyword without `_script`"),
                );
            }
            return None;
        };
        if taken == Some(&*path) {
            let message =
                format!("{} is the path of notify_fifo already; this line is ignored", path.display());
            self.report(Diagnostic::tolerated(Rule::DuplicateName, span, message).label("ignored"));
            return None;
        }
        Some(Fifo { path, owner, reader: reader.map(|(script, _)| script) })
    }
}
