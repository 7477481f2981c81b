//! Sessions of Bidirectional Forwarding Detection (RFC 5880).

use std::net::IpAddr;
use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Family, OutOfRange};
use crate::vrrp::TrackWeight;

/// An interval between packets: whole milliseconds, 1 to 4294967, which is what 32 bits of microseconds can say (RFC 5880 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BfdInterval(u32);

impl BfdInterval {
    /// The greatest number of milliseconds.
    pub const MAX_MILLIS: u32 = u32::MAX / 1000;

    /// 10 ms.
    pub const DEFAULT: Self = Self(10);
    /// One second.
    pub const SECOND: Self = Self(1000);

    /// That many milliseconds.
    ///
    /// # Errors
    /// [`OutOfRange`] outside 1 to 4294967.
    pub const fn from_millis(millis: u32) -> Result<Self, OutOfRange> {
        if millis >= 1 && millis <= Self::MAX_MILLIS {
            Ok(Self(millis))
        } else {
            Err(OutOfRange { min: 1, max: Self::MAX_MILLIS as u64 })
        }
    }

    /// In microseconds, as on the wire.
    #[must_use]
    pub const fn micros(self) -> u32 {
        self.0.saturating_mul(1000)
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

/// How far away the neighbour is, and so which UDP port both use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BfdPath {
    /// On the same link (RFC 5881).
    SingleHop,
    /// Behind routers (RFC 5883).
    Multihop,
}

impl BfdPath {
    /// Both.
    pub const ALL: [Self; 2] = [Self::SingleHop, Self::Multihop];

    /// The UDP port that control packets go to.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::SingleHop => 3784,
            Self::Multihop => 4784,
        }
    }
}

/// Who begins to speak (RFC 5880 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BfdRole {
    /// This side does.
    Active,
    /// `passive`: this side is silent until the neighbour has spoken.
    Passive,
}

/// One `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BfdSession {
    /// Name, unique.
    pub name: String,
    /// The other end.
    pub neighbor: IpAddr,
    /// This end; `None`: whatever address the route to the neighbour gives. Of the neighbour's family.
    pub source: Option<IpAddr>,
    /// One hop, or several.
    pub path: BfdPath,
    /// The shortest interval at which packets are taken.
    pub min_rx: BfdInterval,
    /// The shortest interval at which packets are sent while the session is Up.
    pub min_tx: BfdInterval,
    /// The shortest interval at which they are sent while it is not; at least a second (RFC 5880 §6.8.3).
    pub idle_tx: BfdInterval,
    /// How many packets in a row may be lost before the neighbour takes the session for dead.
    pub multiplier: NonZeroU8,
    /// Who begins.
    pub role: BfdRole,
    /// TTL or hop limit of the packets sent.
    pub ttl: NonZeroU8,
    /// Packets received with a smaller TTL or hop limit are not believed (RFC 5082); 0 believes all.
    pub least_ttl: u8,
    /// Whom a change of state is told.
    pub audience: BfdAudience,
    /// What its failure does to a tracker that says nothing itself.
    pub effect: TrackWeight,
}

impl BfdSession {
    /// Unless configured.
    pub const DEFAULT_MULTIPLIER: NonZeroU8 = NonZeroU8::new(5).expect("5 is not zero");

    /// The family of both ends.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.neighbor)
    }

    /// The least detection time that the neighbour's packets can lead to, as long as nothing else is negotiated: that of a
    /// neighbour configured like this side.
    #[must_use]
    pub fn likely_detection_time(&self) -> Duration {
        self.min_rx.max(self.min_tx).duration().saturating_mul(u32::from(self.multiplier.get()))
    }
}

/// Which processes hear of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BfdAudience {
    /// Both.
    All,
    /// `vrrp`: only trackers.
    Vrrp,
    /// `checker`: only checks of real servers.
    Checker,
}

impl BfdAudience {
    /// Whether trackers hear of it.
    #[must_use]
    pub const fn has_vrrp(self) -> bool {
        matches!(self, Self::All | Self::Vrrp)
    }

    /// Whether checks hear of it.
    #[must_use]
    pub const fn has_checker(self) -> bool {
        matches!(self, Self::All | Self::Checker)
    }
}

/// All sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BfdConfig {
    /// In the order of the file.
    pub sessions: Vec<BfdSession>,
}
