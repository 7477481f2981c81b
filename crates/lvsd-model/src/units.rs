//! Small values with a range, each a type of its own.

use std::fmt;
use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number outside the range of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The smallest allowed value.
    pub min: u64,
    /// The largest allowed value.
    pub max: u64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be {} to {}", self.min, self.max)
    }
}

impl std::error::Error for OutOfRange {}

/// An address family: a virtual router and an IPVS service each belong to exactly one (RFC 9568 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: std::net::IpAddr) -> Self {
        match address {
            std::net::IpAddr::V4(_) => Self::V4,
            std::net::IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A virtual router identifier, 1 to 255 (RFC 9568 §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// `None` for 0, which no virtual router may use.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The identifier as it goes into an advert.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A configured priority, 1 to 255; 255 is the address owner's (RFC 9568 §5.2.4). Priority 0 exists only on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Priority(NonZeroU8);

impl Priority {
    /// The priority of the router that owns the addresses.
    pub const OWNER: Self = Self(NonZeroU8::MAX);
    /// The default of a router that is not the owner.
    pub const DEFAULT: Self = Self(NonZeroU8::new(100).expect("100 is not zero"));

    /// `None` for 0.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number, 1 to 255.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// Whether this is the address owner's priority.
    #[must_use]
    pub const fn is_owner(self) -> bool {
        self.0.get() == u8::MAX
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An advertisement interval in centiseconds: 1 to 4095 in VRRPv3, whole seconds of 1 to 255 in VRRPv2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdvertInterval(u16);

impl AdvertInterval {
    /// One second, the default of both versions.
    pub const SECOND: Self = Self(100);

    /// An interval of VRRPv3: 0.01 s to 40.95 s, what its 12-bit field can say (RFC 9568 §5.2.7).
    ///
    /// # Errors
    /// [`OutOfRange`] outside 1 to 4095 centiseconds.
    pub const fn v3(centis: u16) -> Result<Self, OutOfRange> {
        if centis >= 1 && centis <= 4095 { Ok(Self(centis)) } else { Err(OutOfRange { min: 1, max: 4095 }) }
    }

    /// An interval of VRRPv2: whole seconds (RFC 3768 §5.3.7).
    ///
    /// # Errors
    /// [`OutOfRange`] for 0.
    pub const fn v2(seconds: u8) -> Result<Self, OutOfRange> {
        if seconds >= 1 { Ok(Self(seconds as u16 * 100)) } else { Err(OutOfRange { min: 1, max: 255 }) }
    }

    /// The interval in centiseconds.
    #[must_use]
    pub const fn centis(self) -> u16 {
        self.0
    }

    /// The interval in whole seconds, as VRRPv2 sends it.
    #[must_use]
    pub const fn whole_seconds(self) -> u8 {
        let seconds = self.0 / 100;
        if seconds > 255 { 255 } else { seconds as u8 }
    }

    /// The interval as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 as u64 * 10)
    }
}

/// An IPVS weight, 0 to 2147483647; 0 gets no new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Weight(u32);

impl Weight {
    /// The default weight of a real server.
    pub const ONE: Self = Self(1);
    /// In the table, but without new connections.
    pub const ZERO: Self = Self(0);
    /// The kernel's greatest weight.
    pub const MAX: u32 = i32::MAX as u32;

    /// A weight.
    ///
    /// # Errors
    /// [`OutOfRange`] above 2147483647.
    pub const fn new(value: u32) -> Result<Self, OutOfRange> {
        if value <= Self::MAX { Ok(Self(value)) } else { Err(OutOfRange { min: 0, max: Self::MAX as u64 }) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a network interface: 1 to 15 bytes, no `/`, no blank (the kernel's own rule).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InterfaceName(String);

impl InterfaceName {
    /// `None` when the kernel could never have an interface of that name.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let length_fits = (1..=15).contains(&name.len());
        let characters_fit = !name.contains(|c: char| c == '/' || c.is_whitespace() || c == '\0');
        (length_fits && characters_fit && name != "." && name != "..").then(|| Self(name.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_at_their_ends() {
        assert_eq!(Vrid::new(0), None);
        assert_eq!(Vrid::new(255).map(Vrid::get), Some(255));
        assert_eq!(Priority::new(0), None);
        assert!(Priority::OWNER.is_owner());
        assert!(AdvertInterval::v3(0).is_err() && AdvertInterval::v3(4096).is_err());
        assert_eq!(AdvertInterval::v3(1).map(AdvertInterval::duration), Ok(Duration::from_millis(10)));
        assert_eq!(AdvertInterval::v2(255).map(AdvertInterval::whole_seconds), Ok(255));
        assert!(Weight::new(1 << 31).is_err());
    }

    #[test]
    fn interface_names_follow_the_kernel() {
        assert!(InterfaceName::new("eth0.100").is_some());
        for bad in ["", "sixteen-bytes-xx", "a/b", "a b", ".", ".."] {
            assert_eq!(InterfaceName::new(bad), None, "{bad:?}");
        }
    }
}
