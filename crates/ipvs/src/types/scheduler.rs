//! The names by which the kernel knows its plug-ins: schedulers and persistence engines.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Longest plug-in name in bytes: the kernel's buffers are 16 with the closing NUL (`IP_VS_SCHEDNAME_MAXLEN`,
/// `IP_VS_PENAME_MAXLEN`, both 16).
const NAME_MAX: usize = 15;

/// 1 to 15 printable ASCII bytes: what both kinds of plug-in names are made of.
fn check_name(what: &'static str, name: &str) -> Result<(), Invalid> {
    let rule = match name {
        "" => "must not be empty",
        _ if name.len() > NAME_MAX => "must be at most 15 bytes",
        _ if !name.bytes().all(|b| b.is_ascii_graphic()) => "must be printable ASCII without spaces",
        _ => return Ok(()),
    };
    Err(Invalid::new(what, name, rule))
}

macro_rules! plugin_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// A name of 1 to 15 printable ASCII bytes. Whether the kernel has such a plug-in shows only when it
            /// is used.
            ///
            /// # Errors
            /// When the name could not be one.
            pub fn new(name: impl Into<String>) -> Result<Self, Invalid> {
                let name = name.into();
                check_name($what, &name)?;
                Ok(Self(Cow::Owned(name)))
            }

            /// The name as the kernel spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(name: &str) -> Result<Self, Invalid> {
                Self::new(name)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(name: String) -> Result<Self, Invalid> {
                Self::new(name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into_owned()
            }
        }
    };
}

plugin_name! {
    /// The name of a scheduling method. Modules outside the kernel's tree may bring more than the constants here.
    Scheduler, "scheduler name"
}

plugin_name! {
    /// The name of a persistence engine, which tells clients apart by more than their address.
    Engine, "persistence engine name"
}

impl Scheduler {
    /// Round robin.
    pub const RR: Self = Self(Cow::Borrowed("rr"));
    /// Weighted round robin.
    pub const WRR: Self = Self(Cow::Borrowed("wrr"));
    /// Least connections.
    pub const LC: Self = Self(Cow::Borrowed("lc"));
    /// Weighted least connections.
    pub const WLC: Self = Self(Cow::Borrowed("wlc"));
    /// Locality-based least connections.
    pub const LBLC: Self = Self(Cow::Borrowed("lblc"));
    /// Locality-based least connections with replication.
    pub const LBLCR: Self = Self(Cow::Borrowed("lblcr"));
    /// Source hashing.
    pub const SH: Self = Self(Cow::Borrowed("sh"));
    /// Maglev hashing (Linux 4.18).
    pub const MH: Self = Self(Cow::Borrowed("mh"));
    /// Destination hashing.
    pub const DH: Self = Self(Cow::Borrowed("dh"));
    /// Weighted fail-over.
    pub const FO: Self = Self(Cow::Borrowed("fo"));
    /// Weighted overflow.
    pub const OVF: Self = Self(Cow::Borrowed("ovf"));
    /// Shortest expected delay.
    pub const SED: Self = Self(Cow::Borrowed("sed"));
    /// Never queue.
    pub const NQ: Self = Self(Cow::Borrowed("nq"));
    /// Weighted random, the power of two choices (Linux 6.3).
    pub const TWOS: Self = Self(Cow::Borrowed("twos"));

    /// Every scheduler of the kernel's own tree.
    pub const KNOWN: [Self; 14] = [
        Self::RR,
        Self::WRR,
        Self::LC,
        Self::WLC,
        Self::LBLC,
        Self::LBLCR,
        Self::SH,
        Self::MH,
        Self::DH,
        Self::FO,
        Self::OVF,
        Self::SED,
        Self::NQ,
        Self::TWOS,
    ];
}

impl Engine {
    /// The SIP Call-ID engine, the only one in the kernel's tree.
    pub const SIP: Self = Self(Cow::Borrowed("sip"));
}
