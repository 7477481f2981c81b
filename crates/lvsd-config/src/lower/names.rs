//! Names for the numbers of routing, from iproute2's files: tables, protocols, scopes, realms, types of service, groups.
//!
//! Files are read when a name is first asked for; what every system has is known without them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::files::Files;

/// What is named. The variants are the names of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Table,
    Protocol,
    Scope,
    Realm,
    TypeOfService,
    Group,
}

impl Kind {
    const fn file(self) -> &'static str {
        match self {
            Self::Table => "rt_tables",
            Self::Protocol => "rt_protos",
            Self::Scope => "rt_scopes",
            Self::Realm => "rt_realms",
            Self::TypeOfService => "rt_dsfield",
            Self::Group => "group",
        }
    }

    /// For a message.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Table => "routing table",
            Self::Protocol => "routing protocol",
            Self::Scope => "scope",
            Self::Realm => "realm",
            Self::TypeOfService => "type of service",
            Self::Group => "interface group",
        }
    }

    const fn known(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Table => &[("default", 253), ("main", 254), ("local", 255)],
            Self::Protocol => &[
                ("redirect", 1),
                ("kernel", 2),
                ("boot", 3),
                ("static", 4),
                ("ra", 9),
                ("zebra", 11),
                ("bird", 12),
                ("dhcp", 16),
                ("keepalived", 18),
                ("babel", 42),
                ("bgp", 186),
                ("isis", 187),
                ("ospf", 188),
                ("rip", 189),
                ("eigrp", 192),
            ],
            Self::Scope => &[("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)],
            Self::Realm => &[("cosmos", 0)],
            Self::TypeOfService => &[],
            Self::Group => &[("default", 0)],
        }
    }
}

/// The directories and what was read from them.
pub(super) struct Names<'a> {
    files: &'a dyn Files,
    /// `iproute_etc_dir`: goes before the other.
    pub(super) etc: PathBuf,
    /// `iproute_usr_dir`; the usual places when absent.
    pub(super) vendor: Option<PathBuf>,
    tables: HashMap<Kind, HashMap<String, u32>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self { files, etc: PathBuf::from("/etc/iproute2"), vendor: None, tables: HashMap::new() }
    }

    /// The number of a name, or of a number as it is written: decimal, or hexadecimal behind `0x`.
    pub(super) fn number(&mut self, kind: Kind, word: &str) -> Option<u32> {
        number(word).or_else(|| self.table(kind).get(word).copied())
    }

    /// Every name of a kind.
    pub(super) fn all(&mut self, kind: Kind) -> impl Iterator<Item = &str> {
        self.table(kind).keys().map(String::as_str)
    }

    fn table(&mut self, kind: Kind) -> &HashMap<String, u32> {
        if !self.tables.contains_key(&kind) {
            let table = self.read(kind);
            self.tables.insert(kind, table);
        }
        self.tables.entry(kind).or_default()
    }

    fn read(&self, kind: Kind) -> HashMap<String, u32> {
        let mut table: HashMap<String, u32> =
            kind.known().iter().map(|&(name, number)| (name.to_owned(), number)).collect();
        let usual = ["/usr/lib/iproute2", "/usr/share/iproute2"].map(Path::new);
        let vendor = self.vendor.as_deref().map_or_else(|| usual.to_vec(), |vendor| vec![vendor]);
        for directory in vendor.into_iter().chain([self.etc.as_path()]) {
            let whole = directory.join(kind.file());
            let parts = directory.join(format!("{}.d/*.conf", kind.file()));
            let parts = self.files.glob(&parts.to_string_lossy()).unwrap_or_default();
            for path in std::iter::once(whole).chain(parts) {
                // A host without such a file has just no such names.
                let text = self.files.read(&path).unwrap_or_default();
                table.extend(String::from_utf8_lossy(&text).lines().filter_map(line));
            }
        }
        table
    }
}

fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if word.starts_with(|c: char| c.is_ascii_digit()) => word.parse().ok(),
        None => None,
    }
}

/// `NUMBER NAME`, or a comment.
fn line(text: &str) -> Option<(String, u32)> {
    let text = text.split('#').next().unwrap_or_default();
    let mut words = text.split_ascii_whitespace();
    let value = number(words.next()?)?;
    Some((words.next()?.to_owned(), value))
}

/// The number of an IP protocol by its usual name.
pub(super) fn ip_protocol(word: &str) -> Option<u8> {
    const KNOWN: [(&str, u8); 20] = [
        ("icmp", 1),
        ("igmp", 2),
        ("ipencap", 4),
        ("ipip", 4),
        ("tcp", 6),
        ("udp", 17),
        ("dccp", 33),
        ("ipv6", 41),
        ("gre", 47),
        ("esp", 50),
        ("ah", 51),
        ("icmpv6", 58),
        ("ipv6-icmp", 58),
        ("ospf", 89),
        ("pim", 103),
        ("vrrp", 112),
        ("l2tp", 115),
        ("sctp", 132),
        ("udplite", 136),
        ("mpls-in-ip", 137),
    ];
    let known = KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, number)| number);
    known.or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryFiles;

    #[test]
    fn names_come_from_both_directories_and_their_parts() {
        let files = MemoryFiles::default()
            .with("/usr/share/iproute2/rt_tables", "# here\n255\tlocal\n7 vendor\n8 both\n")
            .with("/etc/iproute2/rt_tables", "9 both # ours\n0x10 hexadecimal\nnonsense\n12\n")
            .with("/etc/iproute2/rt_tables.d/a.conf", "10 part\n");
        let mut names = Names::new(&files);
        for (name, number) in [
            ("main", Some(254)),
            ("vendor", Some(7)),
            ("both", Some(9)),
            ("hexadecimal", Some(16)),
            ("part", Some(10)),
            ("77", Some(77)),
            ("0x20", Some(32)),
            ("nonsense", None),
            ("99999999999", None),
        ] {
            assert_eq!(names.number(Kind::Table, name), number, "{name}");
        }
        assert_eq!(names.number(Kind::Protocol, "bgp"), Some(186));
    }
}
