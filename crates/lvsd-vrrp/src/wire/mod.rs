//! The VRRP advertisement on the wire: RFC 3768 (version 2) and RFC 9568 (version 3), over IPv4 and IPv6.
//!
//! ```text
//! octet  version 2                     version 3
//!   0    0x21                          0x31                        version and type
//!   1    VRID                          VRID
//!   2    priority                      priority
//!   3    number of addresses           number of addresses
//!   4    authentication type           4 bits zero, then 12 bits of
//!   5    interval in seconds           interval in centiseconds
//!   6    checksum                      checksum
//!   8    addresses                     addresses
//!  end   8 octets of authentication    nothing
//!        (IPv4 only)
//! ```
//!
//! With `auth_type AH` another header stands before that (see `ah.rs`), with `auth_hmac` a trailer behind it (see `hmac.rs`).
//!
//! Reading never panics and never trusts a length; see [`check`] for the order of the checks. Writing cannot fail.

mod ah;
mod checksum;
mod emit;
mod hmac;
mod membership;
mod memory;
mod receive;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvsd_model::{Family, Version};
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, u8};
use nom::{IResult, Parser};

pub use emit::{OutgoingAdvert, destinations};
pub use membership::{Membership, MembershipReject, MembershipReport, parse_membership};
pub use memory::{Envelope, Guard, PeerChecksums, Signer};
pub use receive::{AddressCheck, Carrier, Checked, RxMeta, check, peek_vrid, split_ipv4};

/// What a backup sends to a master's host to learn whether a socket there takes VRRP. Of no version, so no router believes it, and as
/// long as what an ICMP error has to repeat for the sender's kernel to find the socket.
pub const QUESTION: [u8; 8] = [0; 8];

/// IP protocol number of VRRP.
pub const IP_PROTOCOL: u8 = 112;
/// TTL or hop limit of multicast adverts, sent and required (RFC 9568 §5.1.1.3).
pub const TTL: u8 = 255;

/// Octets before the addresses.
const HEADER_LEN: usize = 8;
/// Octets of authentication data behind the addresses of a VRRPv2 packet over IPv4.
const AUTH_LEN: usize = 8;
/// The only packet type (RFC 9568 §5.2.2).
const TYPE_ADVERTISEMENT: u8 = 1;

/// Why an advert is not believed. One variant for each counter of [`RejectCounters`](crate::RejectCounters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Reject {
    /// Shorter or longer than its own address count says.
    #[error("length does not fit the number of addresses")]
    Length,
    /// TTL or hop limit is not 255, or outside the limits of the peer.
    #[error("TTL or hop limit out of bounds")]
    Ttl,
    /// Not the configured version.
    #[error("another version than configured")]
    Version,
    /// Not an advertisement.
    #[error("not an advertisement")]
    PacketType,
    /// The checksum is wrong.
    #[error("wrong checksum")]
    Checksum,
    /// Another interval than ours in VRRPv2; no interval at all in VRRPv3, where a mere difference is accepted.
    #[error("another advertisement interval than configured")]
    AdvertInterval,
    /// Other addresses than ours. Never a reason to drop: only counted.
    #[error("other virtual addresses than configured")]
    AddressList,
    /// An authentication type that no version defines.
    #[error("unknown authentication type")]
    AuthTypeInvalid,
    /// Another authentication type than configured.
    #[error("another authentication type than configured")]
    AuthTypeMismatch,
    /// The wrong password, or a packet changed on its way.
    #[error("wrong password")]
    AuthFailure,
    /// `auth_type AH`: a sequence number that was there before.
    #[error("sequence number seen before: a replay, or two senders with one address")]
    AuthReplay,
    /// `auth_hmac`: not signed.
    #[error("not signed, and mode enforce wants it to be")]
    HmacMissing,
    /// `auth_hmac`: a trailer that is none.
    #[error("malformed signature")]
    HmacMalformed,
    /// `auth_hmac`: a key that is not configured here.
    #[error("signed with a key id that is not configured here")]
    HmacUnknownKey,
    /// `auth_hmac`: the wrong key, or a packet changed on its way.
    #[error("wrong signature")]
    HmacInvalid,
    /// `auth_hmac`: signed too long ago, or in the future.
    #[error("signed outside the time window: a replay, or the clocks of the routers differ")]
    HmacStale,
    /// `auth_hmac`: a number that was there before.
    #[error("signature seen before: a replay")]
    HmacReplay,
    /// Unicast from a sender that is no peer.
    #[error("sender is no configured peer")]
    UnknownPeer,
    /// Multicast where unicast is configured, or the reverse, or to another group.
    #[error("multicast where unicast is configured, or the reverse, or another multicast group")]
    WrongDestination,
    /// Our own packet came back.
    #[error("our own packet came back")]
    OwnPacket,
    /// `owner_ignore_adverts`.
    #[error("this router owns the addresses and ignores adverts")]
    OwnerIgnores,
}

impl<I> nom::error::ParseError<I> for Reject {
    /// The parsers here fail for one reason only: the packet ends too early.
    fn from_error_kind(_: I, _: nom::error::ErrorKind) -> Self {
        Self::Length
    }

    fn append(_: I, _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// A VRRP packet taken apart, nothing judged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert<'a> {
    /// Version nibble as sent.
    pub version: u8,
    /// Type nibble as sent.
    pub packet_type: u8,
    /// Virtual router, as sent.
    pub vrid: u8,
    /// Priority as sent; 0 says that the sender resigns.
    pub priority: u8,
    /// Octets 4 and 5: authentication type and seconds in VRRPv2, centiseconds in VRRPv3.
    interval_word: u16,
    /// Checksum as sent.
    pub checksum: u16,
    /// The virtual addresses.
    pub addresses: Addresses<'a>,
    /// VRRPv2 over IPv4: the eight octets behind the addresses.
    pub auth_data: Option<&'a [u8]>,
    /// All octets that belong to the packet, link padding excluded.
    pdu: &'a [u8],
}

impl<'a> Advert<'a> {
    /// Takes a packet apart, by its own version and address count. A packet of an unknown version has no addresses.
    ///
    /// # Errors
    /// [`Reject::Length`] when the packet is shorter or longer than it says. IPv4 packets of the smallest Ethernet payload
    /// (46 octets with a 20-octet header) may carry padding.
    pub fn parse(family: Family, payload: &'a [u8]) -> Result<Self, Reject> {
        let (advert, trailing) = Self::split(family, payload)?;
        if trailing.is_empty() { Ok(advert) } else { Err(Reject::Length) }
    }

    /// As [`parse`](Self::parse), with whatever stands behind the packet and is no padding.
    fn split(family: Family, payload: &'a [u8]) -> Result<(Self, &'a [u8]), Reject> {
        let (trailing, advert) = layout(family, payload).map_err(|error| match error {
            nom::Err::Error(reject) | nom::Err::Failure(reject) => reject,
            nom::Err::Incomplete(_) => Reject::Length,
        })?;
        let known_version = advert.known_version().is_some();
        let padded = family == Family::V4 && payload.len() == MIN_ETHERNET_PAYLOAD - MIN_IPV4_HEADER;
        Ok((advert, if known_version && !padded { trailing } else { &[] }))
    }

    /// The version, when it is one that exists.
    #[must_use]
    pub const fn known_version(&self) -> Option<Version> {
        match self.version {
            2 => Some(Version::V2),
            3 => Some(Version::V3),
            _ => None,
        }
    }

    /// VRRPv2: the authentication type. In VRRPv3 these bits mean something else.
    #[must_use]
    pub const fn auth_type(&self) -> u8 {
        self.interval_word.to_be_bytes()[0]
    }

    /// VRRPv2: the interval in seconds. In VRRPv3 these bits mean something else.
    #[must_use]
    pub const fn interval_seconds(&self) -> u8 {
        self.interval_word.to_be_bytes()[1]
    }

    /// VRRPv3: the interval in centiseconds; reserved bits are ignored (RFC 9568 §5.2.6).
    #[must_use]
    pub const fn interval_centis(&self) -> u16 {
        self.interval_word & 0x0fff
    }
}

/// Takes apart what was overheard, perhaps behind an authentication header, and says whether a signature follows it. Nothing is
/// judged; `None` when it is no advert.
pub(crate) fn glance(family: Family, ah: bool, payload: &[u8]) -> Option<(Advert<'_>, bool)> {
    let packet = if ah { ah::inside(payload)? } else { payload };
    let (advert, trailing) = Advert::split(family, packet).ok()?;
    let signed = trailing.len() == hmac::TRAILER_LEN;
    let known = advert.packet_type == TYPE_ADVERTISEMENT && (trailing.is_empty() || signed);
    (known && advert.vrid != 0).then_some((advert, signed))
}

/// Smallest payload of an Ethernet frame; shorter ones are padded by the sender.
const MIN_ETHERNET_PAYLOAD: usize = 46;
/// IPv4 header without options.
const MIN_IPV4_HEADER: usize = 20;

fn layout(family: Family, input: &[u8]) -> IResult<&[u8], Advert<'_>, Reject> {
    let (rest, (version_type, vrid, priority, count, interval_word, checksum)) =
        (u8, u8, u8, u8, be_u16, be_u16).parse(input)?;
    let version = version_type >> 4;
    let (address_octets, auth_octets) = match (version, family) {
        (2, Family::V4) => (usize::from(count) * address_len(family), AUTH_LEN),
        (2 | 3, _) => (usize::from(count) * address_len(family), 0),
        _ => (0, 0),
    };
    let (rest, octets) = take(address_octets).parse(rest)?;
    let (rest, auth) = take(auth_octets).parse(rest)?;
    let (_, pdu) = take(HEADER_LEN + address_octets + auth_octets).parse(input)?;
    let advert = Advert {
        version,
        packet_type: version_type & 0x0f,
        vrid,
        priority,
        interval_word,
        checksum,
        addresses: Addresses { family, octets },
        auth_data: (auth_octets > 0).then_some(auth),
        pdu,
    };
    Ok((rest, advert))
}

const fn address_len(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

/// The address list of an advert, still in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    family: Family,
    octets: &'a [u8],
}

impl Addresses<'_> {
    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.octets.len() / address_len(self.family)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The addresses in the order of the packet.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.octets.chunks_exact(address_len(self.family)).filter_map(|chunk| match self.family {
            Family::V4 => <[u8; 4]>::try_from(chunk).ok().map(|octets| Ipv4Addr::from(octets).into()),
            Family::V6 => <[u8; 16]>::try_from(chunk).ok().map(|octets| Ipv6Addr::from(octets).into()),
        })
    }
}
