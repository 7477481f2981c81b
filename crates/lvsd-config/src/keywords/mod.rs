//! The keyword table: every word of the language, where it may stand, what follows it, and what lvsd does with it.
//!
//! The parser, the lowering, "did you mean", the manual page and the completions all read this table and nothing else.

mod checks;
mod globals;
pub mod grammar;
pub mod limits;
mod lines;
mod lvs;
mod removed;
mod root;
mod vrrp;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

pub use removed::{Removed, removed};

/// How much a keyword is used in the field: `One` by nearly everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Most configurations.
    One,
    /// Some configurations.
    Two,
    /// Rare.
    Three,
}

/// What lvsd does with a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what the manual says.
    Works,
    /// Accepted; there is nothing for it to do here, for the reason given.
    NoEffect(&'static str),
    /// Accepted; lvsd does not act on it yet.
    Pending,
}

impl State {
    /// The word for it in the manual.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::NoEffect(_) => "accepted, no effect here",
            Self::Pending => "accepted, no effect here yet",
        }
    }
}

/// What the lines of a list block hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Addresses with their options.
    Addresses,
    /// Virtual server addresses, ranges and marks.
    GroupMembers,
    /// Names, one per line.
    Names,
    /// Lines that only blocks without effect have.
    Other,
    /// Unicast peers with their TTLs.
    Peers,
    /// Routes.
    Routes,
    /// Policy rules.
    Rules,
    /// Names of trackers with weights.
    Trackers,
}

/// What follows a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Words on the same line.
    Words,
    /// A command, by the rules of quoted keywords.
    Script,
    /// A block of statements.
    Block(Context),
    /// A block of lines.
    Lines(Lines),
}

/// A block of the language, as a place where keywords stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the block that `Context::path` names")]
pub enum Context {
    Root,
    Preprocessor,
    GlobalDefs,
    TrackGroup,
    SyncGroup,
    GarpGroup,
    LinkbeatInterfaces,
    InterfaceDelays,
    Instance,
    Authentication,
    AuthHmac,
    VrrpScript,
    TrackProcess,
    TrackFile,
    VrrpTrackFile,
    BfdInstance,
    Ssl,
    VirtualServerGroup,
    VirtualServer,
    RealServer,
    HttpGet,
    HttpUrl,
    SslGet,
    SslUrl,
    TcpCheck,
    PingCheck,
    UdpCheck,
    SmtpCheck,
    SmtpHost,
    DnsCheck,
    MiscCheck,
    FileCheck,
    BfdCheck,
    AddressLine,
    RouteLine,
    RuleLine,
}

impl Context {
    /// The path of the block, as in `virtual_server/real_server`; empty for the root.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Preprocessor => "preprocessor",
            Self::GlobalDefs => "global_defs",
            Self::TrackGroup => "track_group",
            Self::SyncGroup => "vrrp_sync_group",
            Self::GarpGroup => "garp_group",
            Self::LinkbeatInterfaces => "linkbeat_interfaces",
            Self::InterfaceDelays => "interface_up_down_delays",
            Self::Instance => "vrrp_instance",
            Self::Authentication => "vrrp_instance/authentication",
            Self::AuthHmac => "vrrp_instance/auth_hmac",
            Self::VrrpScript => "vrrp_script",
            Self::TrackProcess => "vrrp_track_process",
            Self::TrackFile => "track_file",
            Self::VrrpTrackFile => "vrrp_track_file",
            Self::BfdInstance => "bfd_instance",
            Self::Ssl => "SSL",
            Self::VirtualServerGroup => "virtual_server_group",
            Self::VirtualServer => "virtual_server",
            Self::RealServer => "virtual_server/real_server",
            Self::HttpGet => "virtual_server/real_server/HTTP_GET",
            Self::HttpUrl => "virtual_server/real_server/HTTP_GET/url",
            Self::SslGet => "virtual_server/real_server/SSL_GET",
            Self::SslUrl => "virtual_server/real_server/SSL_GET/url",
            Self::TcpCheck => "virtual_server/real_server/TCP_CHECK",
            Self::PingCheck => "virtual_server/real_server/PING_CHECK",
            Self::UdpCheck => "virtual_server/real_server/UDP_CHECK",
            Self::SmtpCheck => "virtual_server/real_server/SMTP_CHECK",
            Self::SmtpHost => "virtual_server/real_server/SMTP_CHECK/host",
            Self::DnsCheck => "virtual_server/real_server/DNS_CHECK",
            Self::MiscCheck => "virtual_server/real_server/MISC_CHECK",
            Self::FileCheck => "virtual_server/real_server/FILE_CHECK",
            Self::BfdCheck => "virtual_server/real_server/BFD_CHECK",
            Self::AddressLine => {
                "a line of virtual_ipaddress, virtual_ipaddress_excluded or static_ipaddress"
            }
            Self::RouteLine => "a line of virtual_routes or static_routes",
            Self::RuleLine => "a line of virtual_rules or static_rules",
        }
    }

    /// Where that is, for a message: "in virtual_server/real_server".
    #[must_use]
    pub fn place(self) -> String {
        match self {
            Self::Root => "at the root level".to_owned(),
            other => format!("in {}", other.path()),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The keyword, or a placeholder such as `<ip>` on lines that start with a value.
    pub name: &'static str,
    /// What follows it, in the notation of the manual; the limits in it are what [`Row::range`] tells.
    pub args: &'static str,
    /// The default, in words; empty where there can be none.
    pub default: &'static str,
    /// How common it is.
    pub tier: Tier,
    /// What it means, one line.
    pub meaning: &'static str,
    /// A use of it, as it may stand in a file: one line, or as many as are needed to understand it.
    pub example: &'static str,
    /// What follows it.
    pub shape: Shape,
    /// The least number of words that must follow.
    pub min_words: u8,
    /// The greatest number of words that may follow; 255 is any number.
    pub max_words: u8,
    /// What lvsd does with it.
    pub state: State,
    /// What to write instead of a deprecated keyword.
    pub deprecated: Option<&'static str>,
}

const fn row(
    name: &'static str,
    args: &'static str,
    default: &'static str,
    tier: Tier,
    meaning: &'static str,
) -> Row {
    let (shape, state) = (Shape::Words, State::Pending);
    let (example, deprecated) = ("", None);
    Row { name, args, default, tier, meaning, example, shape, min_words: 1, max_words: 1, state, deprecated }
}

impl Row {
    const fn takes(mut self, min: u8, max: u8) -> Self {
        self.min_words = min;
        self.max_words = max;
        self
    }

    const fn script(mut self) -> Self {
        self.shape = Shape::Script;
        self.takes(1, 3)
    }

    const fn optional_script(self) -> Self {
        self.script().takes(0, 3)
    }

    const fn block(mut self, inner: Context, min: u8, max: u8) -> Self {
        self.shape = Shape::Block(inner);
        self.takes(min, max)
    }

    const fn lines(mut self, lines: Lines, min: u8, max: u8) -> Self {
        self.shape = Shape::Lines(lines);
        self.takes(min, max)
    }

    const fn works(mut self) -> Self {
        self.state = State::Works;
        self
    }

    const fn no_effect(mut self, why: &'static str) -> Self {
        self.state = State::NoEffect(why);
        self
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    const fn deprecated(mut self, instead: &'static str) -> Self {
        self.deprecated = Some(instead);
        self
    }

    /// What its words may be, as far as there are limits, such as `1..255` or `one of MASTER, BACKUP`; else empty.
    #[must_use]
    pub fn range(&self) -> String {
        let limits = limits::limits(self.args);
        limits.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Whether a block in braces follows.
    #[must_use]
    pub const fn takes_block(&self) -> bool {
        matches!(self.shape, Shape::Block(_) | Shape::Lines(_))
    }
}

/// The keywords of one block.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The block.
    pub context: Context,
    /// Its keywords, in the order of the manual.
    pub rows: &'static [Row],
}

const fn section(context: Context, rows: &'static [Row]) -> Section {
    Section { context, rows }
}

/// The whole table, in the order of the manual.
pub static SECTIONS: &[Section] = &[
    section(Context::Preprocessor, root::PREPROCESSOR),
    section(Context::Root, root::ROOT),
    section(Context::GlobalDefs, globals::GLOBAL_DEFS),
    section(Context::VrrpScript, vrrp::VRRP_SCRIPT),
    section(Context::TrackFile, vrrp::TRACK_FILE),
    section(Context::VrrpTrackFile, vrrp::VRRP_TRACK_FILE),
    section(Context::TrackProcess, vrrp::TRACK_PROCESS),
    section(Context::BfdInstance, vrrp::BFD_INSTANCE),
    section(Context::Instance, vrrp::INSTANCE),
    section(Context::Authentication, vrrp::AUTHENTICATION),
    section(Context::AuthHmac, vrrp::AUTH_HMAC),
    section(Context::SyncGroup, vrrp::SYNC_GROUP),
    section(Context::TrackGroup, vrrp::TRACK_GROUP),
    section(Context::GarpGroup, vrrp::GARP_GROUP),
    section(Context::InterfaceDelays, vrrp::INTERFACE_DELAYS),
    section(Context::LinkbeatInterfaces, vrrp::LINKBEAT_INTERFACES),
    section(Context::AddressLine, lines::ADDRESS_LINE),
    section(Context::RouteLine, lines::ROUTE_LINE),
    section(Context::RuleLine, lines::RULE_LINE),
    section(Context::VirtualServerGroup, lvs::VIRTUAL_SERVER_GROUP),
    section(Context::VirtualServer, lvs::VIRTUAL_SERVER),
    section(Context::RealServer, lvs::REAL_SERVER),
    section(Context::TcpCheck, checks::TCP_CHECK),
    section(Context::HttpGet, checks::HTTP_GET),
    section(Context::HttpUrl, checks::HTTP_URL),
    section(Context::SslGet, checks::SSL_GET),
    section(Context::SslUrl, checks::SSL_URL),
    section(Context::MiscCheck, checks::MISC_CHECK),
    section(Context::SmtpCheck, checks::SMTP_CHECK),
    section(Context::SmtpHost, checks::SMTP_HOST),
    section(Context::DnsCheck, checks::DNS_CHECK),
    section(Context::UdpCheck, checks::UDP_CHECK),
    section(Context::PingCheck, checks::PING_CHECK),
    section(Context::FileCheck, checks::FILE_CHECK),
    section(Context::BfdCheck, checks::BFD_CHECK),
    section(Context::Ssl, lvs::SSL),
];

/// The rows of each block, by [`Context`]; a block's by the hash of their names.
static INDEX: LazyLock<Vec<Rows>> = LazyLock::new(|| {
    let mut index: Vec<Rows> = Vec::new();
    for section in SECTIONS {
        let place = section.context as usize;
        index.resize_with(index.len().max(place + 1), Rows::default);
        if let Some(rows) = index.get_mut(place) {
            rows.extend(section.rows.iter().map(|row| (row.name, row)));
        }
    }
    index
});

type Rows = HashMap<&'static str, &'static Row, BuildHasherDefault<Fnv>>;

/// Hash FNV-1a. The standard one is proof against keys that somebody chose to collide; these keys are ours, and every
/// statement of every configuration is looked up.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        self.0 =
            bytes.iter().fold(self.0, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The row of a keyword in a block.
#[must_use]
pub fn lookup(context: Context, name: &str) -> Option<&'static Row> {
    INDEX.get(context as usize)?.get(name).copied()
}

/// Every block where a keyword may stand.
pub fn contexts_of(name: &str) -> impl Iterator<Item = Context> {
    SECTIONS
        .iter()
        .filter(move |section| section.rows.iter().any(|row| row.name == name))
        .map(|section| section.context)
}

/// The names of a block's keywords.
pub fn names(context: Context) -> impl Iterator<Item = &'static str> {
    SECTIONS
        .iter()
        .filter(move |section| section.context == context)
        .flat_map(|section| section.rows)
        .map(|row| row.name)
}
