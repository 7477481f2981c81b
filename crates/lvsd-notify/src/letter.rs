//! Mails: what they say, and how they look on the wire.

use std::fmt::Write as _;
use std::time::SystemTime;

use lvsd_model::{MailAddress, MailPolicy};

use crate::line::{Bearing, Subject, Word};

/// The longest word that RFC 2047 §2 allows.
const ENCODED_WORD: usize = 75;
/// The longest subject: a line has at most 998 bytes (RFC 5322 §2.1.1), and nobody reads more.
const SUBJECT: usize = 500;

/// One mail, without what all mails have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Without the router's name in brackets.
    pub subject: String,
    /// Lines, the last one without its end.
    pub body: String,
}

impl Letter {
    /// About an instance or group; `None` for what is no change of state.
    #[must_use]
    pub fn state(subject: Subject<'_>, word: Word) -> Option<Self> {
        let entering = match word {
            Word::Master | Word::Backup | Word::Fault => format!("Entering {} state", word.as_str()),
            Word::Deleted => "Deleted".to_owned(),
            Word::Stop | Word::MasterRxLowerPriority | Word::MasterPriority | Word::BackupPriority => {
                return None;
            }
        };
        let (kind, body) = match (subject, word) {
            (_, Word::Deleted) => ("Instance", "=> VRRP Deleted at reload <=".to_owned()),
            (Subject::Instance(_), Word::Master) => {
                ("Instance", "=> VRRP Instance is now owning VRRP VIPs <=".to_owned())
            }
            (Subject::Instance(_), _) => {
                ("Instance", "=> VRRP Instance is no longer owning VRRP VIPs <=".to_owned())
            }
            (Subject::Group(_), _) => {
                ("Group", format!("=> All VRRP group instances are now in {} state <=", word.as_str()))
            }
        };
        Some(Self { subject: format!("VRRP {kind} {} - {entering}", subject.name()), body })
    }

    /// About a real server. `check` is the keyword of the check that decided, `cause` what it found.
    #[must_use]
    pub fn server(
        server: &str,
        service: &str,
        bearing: Bearing,
        check: Option<&str>,
        cause: Option<&str>,
    ) -> Self {
        // TCP_CHECK and HTTP_GET are a "TCP CHECK" and an "HTTP CHECK" to those who read mails.
        let check = check.map_or("CHECK", |keyword| keyword.split('_').next().unwrap_or(keyword));
        let check = if check == "CHECK" { check.to_owned() } else { format!("{check} CHECK") };
        let verdict = match bearing {
            Bearing::Up => "succeeded",
            Bearing::Down => "failed",
        };
        let mut body = format!("=> {check} {verdict} on service <=");
        if let Some(cause) = cause {
            let _ = write!(body, "\n\n{cause}");
        }
        Self { subject: format!("Realserver {server} of virtual server {service} - {bearing}"), body }
    }

    /// About a quorum.
    #[must_use]
    pub fn quorum(service: &str, bearing: Bearing, quorum: u32, hysteresis: u32, alive: u64) -> Self {
        let (quorum, hysteresis) = (u64::from(quorum), u64::from(hysteresis));
        let body = match bearing {
            Bearing::Up => {
                let bound = quorum.saturating_add(hysteresis);
                format!("=> Gained quorum {quorum}+{hysteresis}={bound} <= {alive} <=")
            }
            Bearing::Down => {
                let bound = quorum.saturating_sub(hysteresis);
                format!("=> Lost quorum {quorum}-{hysteresis}={bound} > {alive} <=")
            }
        };
        Self { subject: format!("Virtualserver {service} - {bearing}"), body }
    }

    /// About whether it is believed that servers are down: not with so many up where more are needed; `None`: it is again.
    #[must_use]
    pub fn trust(service: &str, up_and_needed: Option<(usize, usize)>) -> Self {
        let (word, body) = match up_and_needed {
            Some((up, needed)) => {
                let body =
                    format!("=> {up} servers up < min_up {needed}: those that had the traffic keep it <=");
                ("FAIL OPEN", body)
            }
            None => ("FAIL OPEN ended", "=> Enough servers are up <=".to_owned()),
        };
        Self { subject: format!("Virtualserver {service} - {word}"), body }
    }

    /// The whole mail, ready for the server.
    #[must_use]
    pub(crate) fn compose(&self, sender: &Sender, date: SystemTime) -> Vec<u8> {
        // HTTP's date is RFC 5322's but for the name of the zone.
        let date = httpdate::fmt_http_date(date).replace("GMT", "+0000");
        let subject = header_text(&format!("[{}] {}", sender.router_id, self.subject));
        let to: Vec<&str> = sender.to.iter().map(MailAddress::as_str).collect();
        let mut text = format!(
            "Date: {date}\r\nFrom: {}\r\nSubject: {subject}\r\nX-Mailer: lvsd\r\nTo: {}\r\n",
            sender.from,
            to.join(",\r\n ")
        );
        let body: Vec<String> = self.body.lines().map(|line| line.replace(char::is_control, "?")).collect();
        if !body.iter().all(|line| line.is_ascii()) {
            text.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n");
        }
        text.push_str("\r\n");
        text.push_str(&body.join("\r\n"));
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// Who sends mails, to whom: a policy with its defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub(crate) router_id: String,
    pub(crate) from: String,
    pub(crate) to: Vec<MailAddress>,
    pub(crate) helo: String,
}

impl Sender {
    /// With what the policy leaves out taken from this host: its name, and who the process is.
    #[must_use]
    pub fn new(policy: &MailPolicy, host: &str, user: &str) -> Self {
        let host = clean(host);
        let from = policy.from.clone().or_else(|| MailAddress::new(&format!("{}@{host}", clean(user))));
        Self {
            router_id: policy.router_id.clone().unwrap_or_else(|| host.clone()),
            // RFC 5321 §4.5.5: without any name of ours, the null path.
            from: from.map(|from| from.as_str().to_owned()).unwrap_or_default(),
            to: policy.to.clone(),
            helo: policy.helo.as_deref().map_or(host, clean),
        }
    }
}

/// What can be part of a command of SMTP.
fn clean(name: &str) -> String {
    let fit = |byte: &char| byte.is_ascii_alphanumeric() || ".-_:[]".contains(*byte);
    let name: String = name.chars().filter(fit).take(255).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// Text as the value of a header: on one line; by RFC 2047 when it is not plain ASCII.
fn header_text(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_ascii() {
        return text.chars().take(SUBJECT).collect();
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().take(SUBJECT / 4) {
        let encoded = encode(c);
        // The frame of a word is =?utf-8?Q? and ?=.
        if word.len() + encoded.len() + 12 > ENCODED_WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push_str(&encoded);
    }
    words.push(word);
    let framed: Vec<String> = words.iter().map(|word| format!("=?utf-8?Q?{word}?=")).collect();
    framed.join("\r\n ")
}

/// One character by RFC 2047 §4.2.
fn encode(c: char) -> String {
    if c.is_ascii_alphanumeric() {
        return c.to_string();
    }
    if c == ' ' {
        return "_".to_owned();
    }
    let mut buffer = [0; 4];
    c.encode_utf8(&mut buffer).bytes().map(|byte| format!("={byte:02X}")).collect()
}

#[cfg(test)]
mod tests;
