//! Where events are told beside the scripts of their objects: FIFOs and mail.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::script::{RunAs, Script};

/// A mail address, `local@domain`, or a name that the mail server knows: printable ASCII without blanks, commas, quotes
/// and angle brackets, so it can stand in a mail's header and in the dialogue with the server as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MailAddress(String);

impl MailAddress {
    /// RFC 5321 §4.5.3.1.3: 256 bytes with the brackets.
    const LONGEST: usize = 254;

    /// `None` for what cannot be an address.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&byte));
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, "localhost"));
        let parts = !local.is_empty() && !local.contains('@') && !domain.is_empty();
        (printable && parts && text.len() <= Self::LONGEST).then(|| Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for MailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How mail is sent. Without a server or recipients there is no such value, and no mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MailPolicy {
    /// `smtp_server`: name or address.
    pub server: String,
    /// Its port, 25 by default.
    pub port: u16,
    /// `smtp_helo_name`; the host name when `None`.
    pub helo: Option<String>,
    /// `smtp_connect_timeout`: for the connection, and for each answer; at least a second.
    pub timeout: Duration,
    /// `notification_email_from`; `user@hostname` of the process when `None`.
    pub from: Option<MailAddress>,
    /// `notification_email`; at least one.
    pub to: Vec<MailAddress>,
    /// `router_id`, at the head of every subject; the host name when `None`.
    pub router_id: Option<String>,
    /// Mail about FAULT; not with `no_email_faults`.
    pub faults: bool,
}

/// A `*notify_fifo` with its `*notify_fifo_script`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fifo {
    /// Absolute path.
    pub path: PathBuf,
    /// Who owns it; the user that lvsd runs as when `None`.
    pub owner: Option<RunAs>,
    /// Reads it; started with the path as last argument.
    pub reader: Option<Script>,
}

/// Everything of the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notices {
    /// `notify_fifo`: for the lines of both processes.
    pub fifo: Option<Fifo>,
    /// `vrrp_notify_fifo`; its path differs from that of [`Notices::fifo`].
    pub vrrp_fifo: Option<Fifo>,
    /// `lvs_notify_fifo`; its path differs from that of [`Notices::fifo`].
    pub lvs_fifo: Option<Fifo>,
    /// `fifo_write_vrrp_states_on_reload`.
    pub states_on_reload: bool,
    /// `smtp_server` and what belongs to it.
    pub mail: Option<MailPolicy>,
}

/// What a process is told of [`Notices`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoticePlan {
    /// Every line goes to each of them.
    pub fifos: Vec<Fifo>,
    /// States of instances and groups are written to the FIFOs after a reload, too.
    pub states_on_reload: bool,
    /// How mail is sent, if it is.
    pub mail: Option<MailPolicy>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_do_no_harm_in_a_header_or_a_command() {
        for good in ["a@example.com", "root", "x+y.z@localhost", "o'neil@example.com"] {
            assert_eq!(MailAddress::new(good).as_ref().map(MailAddress::as_str), Some(good));
        }
        let long = format!("{}@example.com", "a".repeat(250));
        let bad = [
            "",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b\r\nRCPT TO:<x>",
            "a@b\n",
            "<a@b>",
            "a,b",
            "Ä@b",
            "a@b\0",
            &long,
        ];
        for bad in bad {
            assert_eq!(MailAddress::new(bad), None, "{bad:?}");
        }
    }
}
