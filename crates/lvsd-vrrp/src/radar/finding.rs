//! What the radar has to say.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{Auth, Family, InterfaceName};
use serde::{Deserialize, Serialize};

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Whether it is the virtual one of a VRID (RFC 9568 §7.3).
    #[must_use]
    pub const fn is_virtual(self, vrid: u8) -> bool {
        matches!(self.0, [0, 0, 0x5e, 0, 1 | 2, last] if last == vrid)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// How adverts are authenticated, as far as can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthSeen {
    /// Not at all.
    None,
    /// `auth_type PASS`.
    Pass,
    /// `auth_type AH`.
    Ah,
    /// `auth_hmac`.
    Hmac,
    /// A type that no version defines.
    Unknown,
}

impl AuthSeen {
    pub(super) const fn of_type(kind: u8) -> Self {
        match kind {
            0 => Self::None,
            1 => Self::Pass,
            2 => Self::Ah,
            _ => Self::Unknown,
        }
    }

    pub(super) const fn of(auth: Option<&Auth>) -> Self {
        match auth {
            None => Self::None,
            Some(Auth::Pass(_)) => Self::Pass,
            Some(Auth::Ah(_)) => Self::Ah,
            Some(Auth::Hmac(_)) => Self::Hmac,
        }
    }
}

impl fmt::Display for AuthSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no authentication",
            Self::Pass => "auth_type PASS",
            Self::Ah => "auth_type AH",
            Self::Hmac => "auth_hmac",
            Self::Unknown => "an unknown authentication",
        })
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Adverts for us are on the wire and do not reach the election.
    Swallowed {
        /// Where they go.
        destination: IpAddr,
        /// Whether they come in an authentication header.
        ah: bool,
        /// How many in a row.
        missed: u32,
    },
    /// Adverts come in that bear our own source address.
    OwnAddress,
    /// A neighbour of the same virtual router speaks another version.
    OtherVersion {
        /// Its version.
        theirs: u8,
        /// Ours.
        ours: u8,
    },
    /// It is authenticated otherwise.
    OtherAuth {
        /// How it is.
        theirs: AuthSeen,
        /// How we are.
        ours: AuthSeen,
    },
    /// It has the same `auth_type` and another password.
    OtherPassword,
    /// It advertises at another interval.
    OtherInterval {
        /// In centiseconds.
        theirs: u16,
        /// In centiseconds.
        ours: u16,
    },
    /// Its packets have lived too short, or a router has passed them on.
    OtherTtl {
        /// TTL or hop limit.
        ttl: u8,
        /// The least that we believe.
        least: u8,
    },
    /// A neighbour of the same virtual router has another list of virtual addresses.
    AddressDrift {
        /// Those that only we have.
        lacking: Vec<IpAddr>,
        /// Those that only the neighbour has.
        extra: Vec<IpAddr>,
    },
    /// A stranger uses our VRID for other addresses.
    Collision {
        /// Its addresses.
        addresses: Vec<IpAddr>,
        /// A VRID that nobody uses.
        free: Option<u8>,
    },
    /// A neighbour advertises addresses of ours with another VRID.
    OtherVrid {
        /// Our VRID for them.
        ours: u8,
        /// The addresses.
        shared: Vec<IpAddr>,
    },
    /// Two routers are master at the same time.
    TwoMasters {
        /// The other one; `None`: this host.
        other: Option<IpAddr>,
    },
    /// Somebody else answers for a virtual address.
    OtherMac {
        /// The address.
        address: IpAddr,
        /// Who answers.
        mac: MacAddress,
        /// Who should; `None`: this host.
        master: Option<IpAddr>,
    },
    /// Adverts of ours do not leave this host.
    NotLeaving {
        /// What the kernel said; `None` when it said nothing and they are lost all the same.
        error: Option<String>,
        /// Whether it was a firewall's refusal (EPERM).
        refused: bool,
        /// Where they are to go.
        destination: Option<IpAddr>,
    },
}

impl What {
    /// A word for it: the value of a label, the same for ever.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Swallowed { .. } => "adverts_swallowed",
            Self::OwnAddress => "own_address",
            Self::OtherVersion { .. } => "version",
            Self::OtherAuth { .. } => "authentication",
            Self::OtherPassword => "password",
            Self::OtherInterval { .. } => "interval",
            Self::OtherTtl { .. } => "ttl",
            Self::AddressDrift { .. } => "address_drift",
            Self::Collision { .. } => "vrid_collision",
            Self::OtherVrid { .. } => "other_vrid",
            Self::TwoMasters { .. } => "two_masters",
            Self::OtherMac { .. } => "foreign_mac",
            Self::NotLeaving { .. } => "adverts_not_leaving",
        }
    }
}

/// One thing that does not fit. As text, a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The instance of ours that it is about.
    pub instance: String,
    /// Where.
    pub interface: InterfaceName,
    /// The family of the adverts.
    pub family: Family,
    /// The VRID in them.
    pub vrid: u8,
    /// The neighbour; `None` when it is about ourselves.
    pub source: Option<IpAddr>,
    /// What.
    pub what: What,
}

/// What makes two findings the same one, whatever the numbers in them.
pub type Identity = (&'static str, InterfaceName, Family, u8, Option<IpAddr>, Option<IpAddr>, String);

impl Finding {
    /// What makes it the same one as another, whatever the numbers in it.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let address = match &self.what {
            What::OtherMac { address, .. } => Some(*address),
            What::TwoMasters { other } => *other,
            _ => None,
        };
        let Self { instance, interface, family, vrid, source, what } = self;
        (what.kind(), interface.clone(), *family, *vrid, *source, address, instance.clone())
    }

    fn who(&self) -> String {
        self.source.map_or_else(|| "this host".to_owned(), |source| source.to_string())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (who, vrid, on) = (self.who(), self.vrid, &self.interface);
        match &self.what {
            What::Swallowed { .. } => write!(
                f,
                "adverts of {who} for VRID {vrid} arrive on {on} and are dropped before they reach lvsd; tcpdump shows them \
                 because it looks before the firewall does"
            ),
            What::OwnAddress => write!(
                f,
                "adverts for VRID {vrid} come in on {on} that bear {who}, the address of this host: another host has it too, or \
                 the network has a loop"
            ),
            What::OtherVersion { theirs, ours } => {
                write!(
                    f,
                    "{who} speaks version {theirs} for VRID {vrid} on {on}, and version {ours} is configured here"
                )
            }
            What::OtherAuth { theirs, ours } => {
                write!(f, "{who} uses {theirs} for VRID {vrid} on {on}, and {ours} is configured here")
            }
            What::OtherPassword => {
                write!(
                    f,
                    "{who} uses another password (auth_pass) for VRID {vrid} on {on} than is configured here"
                )
            }
            What::OtherInterval { theirs, ours } => {
                let (theirs, ours) = (centis(*theirs), centis(*ours));
                write!(
                    f,
                    "{who} advertises VRID {vrid} on {on} every {theirs:?}, and {ours:?} is configured here"
                )
            }
            What::OtherTtl { ttl, least } => write!(
                f,
                "adverts of {who} for VRID {vrid} on {on} have a TTL of {ttl}, and less than {least} is not believed: a router \
                 has passed them on, or the sender is no VRRP router"
            ),
            What::AddressDrift { lacking, extra } => {
                write!(f, "{who} advertises other addresses for VRID {vrid} on {on}: ")?;
                list(f, "it lacks ", lacking)?;
                f.write_str(if lacking.is_empty() || extra.is_empty() { "" } else { " and " })?;
                list(f, "it has besides ", extra)
            }
            What::Collision { addresses, free } => {
                write!(f, "{who} uses VRID {vrid} on {on} for other addresses (")?;
                list(f, "", addresses)?;
                f.write_str("): two virtual routers with one number")?;
                free.map_or(Ok(()), |free| write!(f, "; VRID {free} is free"))
            }
            What::OtherVrid { ours, shared } => {
                write!(f, "{who} advertises ")?;
                list(f, "", shared)?;
                write!(f, " with VRID {vrid} on {on}, and VRID {ours} is configured here")
            }
            What::TwoMasters { other } => {
                let other = other.map_or_else(|| "this host".to_owned(), |other| other.to_string());
                write!(f, "two masters of VRID {vrid} on {on}: {who} and {other}")
            }
            What::OtherMac { address, mac, master } => {
                let master = master.map_or_else(|| "this host".to_owned(), |master| master.to_string());
                write!(f, "{mac} answers for {address} on {on}, and {master} is master of VRID {vrid}")
            }
            What::NotLeaving { error: Some(error), .. } => {
                write!(f, "adverts for VRID {vrid} do not leave by {on}: {error}")
            }
            What::NotLeaving { error: None, .. } => {
                write!(
                    f,
                    "adverts for VRID {vrid} are sent and do not leave by {on}: something on this host drops them"
                )
            }
        }
    }
}

fn centis(value: u16) -> Duration {
    Duration::from_millis(u64::from(value) * 10)
}

/// At most eight of them; nothing when there are none.
fn list(f: &mut fmt::Formatter<'_>, before: &str, addresses: &[IpAddr]) -> fmt::Result {
    const SHOWN: usize = 8;
    if addresses.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    write!(f, "{before}{}", shown.join(", "))?;
    match addresses.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}
