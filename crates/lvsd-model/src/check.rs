//! What the checks of datagrams and dialogues ask for, and what they take for an answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lvs::Target;
use crate::units::Weight;

/// `BFD_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BfdCheck {
    /// Name of a [`BfdSession`](crate::BfdSession) of the same configuration.
    pub session: String,
}

/// `UDP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UdpCheck {
    /// Where.
    pub target: Target,
    /// `payload`; a text of 32 bytes when absent.
    pub payload: Option<Vec<u8>>,
    /// `require_reply`: what must come back. Without it silence is as good as an answer; only an ICMP error is none.
    pub reply: Option<ReplyCheck>,
}

/// `require_reply`, `min_reply_length`, `max_reply_length`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplyCheck {
    /// Compared with the reply as far as the shorter of the two goes; empty: anything will do.
    pub pattern: Vec<PatternByte>,
    /// Shortest reply, in bytes.
    pub min_length: u16,
    /// Longest reply, in bytes.
    pub max_length: u16,
}

impl ReplyCheck {
    /// The length of a reply when none is configured, in bytes.
    pub const DEFAULT_MAX_LENGTH: u16 = 255;

    /// Where a reply departs from the pattern, if it does.
    #[must_use]
    pub fn mismatch(&self, reply: &[u8]) -> Option<usize> {
        self.pattern.iter().zip(reply).position(|(pattern, &byte)| !pattern.matches(byte))
    }
}

/// A byte of a pattern, in which each half may be left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PatternByte {
    /// The value; zero where it is left open.
    pub value: u8,
    /// The bits that count.
    pub mask: u8,
}

impl PatternByte {
    /// Whether a byte is as it should be.
    #[must_use]
    pub const fn matches(self, byte: u8) -> bool {
        byte & self.mask == self.value & self.mask
    }
}

/// `SMTP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SmtpCheck {
    /// Where.
    pub target: Target,
    /// `helo_name`: one line's worth of printable ASCII.
    pub helo_name: String,
}

/// `DNS_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DnsCheck {
    /// Where.
    pub target: Target,
    /// `type`.
    pub kind: DnsType,
    /// `name`.
    pub name: DomainName,
}

/// `type` of a `DNS_CHECK`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are those of the IANA registry")]
pub enum DnsType {
    A,
    Ns,
    Cname,
    #[default]
    Soa,
    Mx,
    Txt,
    Aaaa,
    Rrsig,
    Dnskey,
}

impl DnsType {
    /// All of them, as the configuration calls them.
    pub const ALL: [(&'static str, Self); 9] = [
        ("A", Self::A),
        ("NS", Self::Ns),
        ("CNAME", Self::Cname),
        ("SOA", Self::Soa),
        ("MX", Self::Mx),
        ("TXT", Self::Txt),
        ("AAAA", Self::Aaaa),
        ("RRSIG", Self::Rrsig),
        ("DNSKEY", Self::Dnskey),
    ];

    /// The number in a question (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 4034 §2.1 and §3.1).
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Ns => 2,
            Self::Cname => 5,
            Self::Soa => 6,
            Self::Mx => 15,
            Self::Txt => 16,
            Self::Aaaa => 28,
            Self::Rrsig => 46,
            Self::Dnskey => 48,
        }
    }
}

/// A name of the DNS that can be asked for: labels of 1 to 63 bytes of printable ASCII, in all at most 253 (RFC 1035
/// §2.3.4), or the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DomainName(String);

impl DomainName {
    /// Takes a name with or without the final dot; `None` for what is none. Escapes are not known.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return (text == ".").then(Self::root);
        }
        let right = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        };
        (name.len() <= 253 && name.split('.').all(right)).then(|| Self(name.to_owned()))
    }

    /// The root.
    #[must_use]
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Its labels, the first one first; the root has none.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').filter(|label| !label.is_empty())
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.0)
    }
}

/// `FILE_CHECK`: what is in a file of a `track_file` block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileCheck {
    /// The name of the `track_file` block.
    pub name: String,
    /// The file; one that is not there holds a zero.
    pub path: String,
    /// The server's own weight.
    pub base: Weight,
    /// What the number in the file is multiplied with before it is added to the server's weight; 0: any number but 0 is a
    /// failure.
    pub factor: i64,
}

/// `regex` of a url, with its options.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegexCheck {
    /// The pattern, its options before it as inline flags; it compiles.
    pub pattern: String,
    /// `regex_no_match`.
    pub wanted: Wanted,
    /// `regex_min_offset`: where in the body a match may start first, in bytes.
    pub min_offset: u32,
    /// `regex_max_offset`: where it may start last; `None`: anywhere.
    pub max_offset: Option<u32>,
}

/// Whether a match is good news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Wanted {
    /// The body must match.
    #[default]
    Match,
    /// It must not.
    NoMatch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_short_labels() {
        let long = "a".repeat(63);
        for right in [".", "example.org", "example.org.", "_sip._udp.example.org", &long] {
            let name = DomainName::new(right).unwrap_or_else(|| panic!("{right} is a name"));
            assert_eq!(name.to_string().trim_end_matches('.'), right.trim_end_matches('.'));
        }
        let too_long = [long.as_str(); 4].join(".");
        for wrong in ["", "..", "a..b", ".a", "é.org", "a b", "a\\.b", &format!("{long}a"), &too_long] {
            assert_eq!(DomainName::new(wrong), None, "{wrong}");
        }
        assert_eq!(DomainName::root().labels().count(), 0);
    }

    #[test]
    fn patterns_are_compared_as_far_as_both_go() {
        let byte = |value, mask| PatternByte { value, mask };
        let pattern = vec![byte(0x10, 0xff), byte(0x0f, 0x0f), byte(0, 0), byte(0xa0, 0xf0)];
        let check = ReplyCheck { pattern, min_length: 0, max_length: 255 };
        for (reply, mismatch) in [
            (&[][..], None),
            (&[0x10], None),
            (&[0x10, 0x3f, 0x77, 0xa7, 0x99], None),
            (&[0x11], Some(0)),
            (&[0x10, 0x3e], Some(1)),
            (&[0x10, 0x3f, 0x77, 0xb7], Some(3)),
        ] {
            assert_eq!(check.mismatch(reply), mismatch, "{reply:x?}");
        }
    }
}
