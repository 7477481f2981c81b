//! Believing adverts: the checks of RFC 9568 §7.1 (RFC 3768 §7.1), in the order of the field's implementations.

use std::net::{IpAddr, Ipv4Addr};

use lvsd_model::{AdvertInterval, Auth, Family, Instance, OldUnicastChecksum, Transport, Version, Vrid};

use super::checksum::Sum;
use super::emit::{AUTH_PASS, auth_type, has_pseudo_header};
use super::memory::{Guard, PeerChecksums};
use super::{Advert, IP_PROTOCOL, Reject, TTL, TYPE_ADVERTISEMENT, ah, hmac};
use crate::time::{Time, WallTime};

/// What the IP layer knows about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RxMeta {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit as received.
    pub ttl: u8,
    /// The time of day at which it came; `auth_hmac` compares it with what the packet says.
    pub wall: WallTime,
    /// What it came in.
    pub carrier: Carrier,
}

impl RxMeta {
    /// A packet of protocol 112, come at the beginning of 1970.
    #[must_use]
    pub const fn new(source: IpAddr, destination: IpAddr, ttl: u8) -> Self {
        Self {
            source,
            destination,
            ttl,
            wall: WallTime::after_epoch(std::time::Duration::ZERO),
            carrier: Carrier::Plain,
        }
    }
}

/// What a VRRP packet came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Carrier {
    /// IP, protocol 112.
    Plain,
    /// IPv4, protocol 51: the payload begins with the authentication header.
    Ah {
        /// The IPv4 header, which the authentication covers. `None` when it has options: then nobody of the field sent it.
        header: Option<[u8; 20]>,
    },
}

/// Which virtual router a packet is for; `None` when it names none.
#[must_use]
pub fn peek_vrid(carrier: &Carrier, payload: &[u8]) -> Option<Vrid> {
    let packet = match carrier {
        Carrier::Plain => payload,
        Carrier::Ah { .. } => ah::inside(payload)?,
    };
    packet.get(1).copied().and_then(Vrid::new)
}

/// Whether the virtual addresses of the advert are compared with ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressCheck {
    /// They are.
    Compare,
    /// `skip_check_adv_addr`: the same sender was compared before.
    Skip,
}

/// An advert that may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked<'a> {
    /// The advert.
    pub advert: Advert<'a>,
    /// The sender's interval: in VRRPv3 what the advert says, in VRRPv2 necessarily ours.
    pub interval: AdvertInterval,
    /// VRRPv3: that interval is not the configured one. Counted, not a reason to drop.
    pub interval_differs: bool,
    /// Its addresses are not the configured ones. Counted, not a reason to drop.
    pub addresses_differ: bool,
}

/// Judges a packet that names the VRID of `config`, with what is remembered about earlier ones.
///
/// Order: authentication header, length, TTL of multicast, version, `auth_hmac`, authentication (VRRPv2), interval (VRRPv2: a
/// difference drops), type, interval (VRRPv3: only zero drops), checksum, multicast or unicast as configured, `owner_ignore_adverts`,
/// addresses (never drop), peer and its TTL limits.
///
/// # Errors
/// The first check that fails.
pub fn check<'a>(
    config: &Instance,
    now: Time,
    meta: &RxMeta,
    payload: &'a [u8],
    address_check: AddressCheck,
    guard: &mut Guard,
) -> Result<Checked<'a>, Reject> {
    let payload = open(config, now, meta, payload, guard)?;
    let (advert, trailing) = Advert::split(config.family, payload)?;
    let signed = matches!(config.auth, Some(Auth::Hmac(_))) && trailing.len() == hmac::TRAILER_LEN;
    require(trailing.is_empty() || signed, Reject::Length)?;
    require(!meta.destination.is_multicast() || meta.ttl == TTL, Reject::Ttl)?;
    require(advert.known_version() == Some(config.version), Reject::Version)?;
    if let Some(Auth::Hmac(auth)) = &config.auth {
        hmac::verify(auth, config, meta, advert.pdu, trailing, &mut guard.hmac)?;
    }
    let interval = match config.version {
        Version::V2 => {
            check_auth(config, &advert)?;
            let same = advert.interval_seconds() == config.advert_interval.whole_seconds();
            require(same, Reject::AdvertInterval)?;
            require(advert.packet_type == TYPE_ADVERTISEMENT, Reject::PacketType)?;
            config.advert_interval
        }
        Version::V3 => {
            require(advert.packet_type == TYPE_ADVERTISEMENT, Reject::PacketType)?;
            // An interval of 0 would make every timer of ours 0.
            AdvertInterval::v3(advert.interval_centis()).map_err(|_| Reject::AdvertInterval)?
        }
    };
    check_checksum(config, meta, &advert, guard)?;
    let expected = match config.transport {
        Transport::Multicast { group } => meta.destination == group,
        Transport::Unicast { .. } => !meta.destination.is_multicast(),
    };
    require(expected, Reject::WrongDestination)?;
    require(!config.owner_ignores_adverts || !config.priority.is_owner(), Reject::OwnerIgnores)?;
    let addresses_differ = address_check == AddressCheck::Compare && !same_addresses(config, &advert);
    check_peer(&config.transport, meta)?;
    Ok(Checked { advert, interval, interval_differs: interval != config.advert_interval, addresses_differ })
}

/// Takes off the authentication header, of which there is to be one or none.
fn open<'a>(
    config: &Instance,
    now: Time,
    meta: &RxMeta,
    payload: &'a [u8],
    guard: &mut Guard,
) -> Result<&'a [u8], Reject> {
    match (&config.auth, meta.carrier) {
        (Some(Auth::Ah(password)), Carrier::Ah { header }) => {
            let header = header.ok_or(Reject::AuthFailure)?;
            let patience = config.advert_interval.duration().saturating_mul(2);
            ah::open(password, &header, payload, &mut guard.ah, now, patience)
        }
        (Some(Auth::Ah(_)), Carrier::Plain)
        | (Some(Auth::Pass(_) | Auth::Hmac(_)) | None, Carrier::Ah { .. }) => Err(Reject::AuthTypeMismatch),
        (Some(Auth::Pass(_) | Auth::Hmac(_)) | None, Carrier::Plain) => Ok(payload),
    }
}

const fn require(holds: bool, reject: Reject) -> Result<(), Reject> {
    if holds { Ok(()) } else { Err(reject) }
}

/// RFC 2338 §5.3.6 defines types 0, 1 (password) and 2 (authentication header).
fn check_auth(config: &Instance, advert: &Advert<'_>) -> Result<(), Reject> {
    if config.family == Family::V6 {
        return Ok(());
    }
    require(advert.auth_type() <= 2, Reject::AuthTypeInvalid)?;
    require(advert.auth_type() == auth_type(config), Reject::AuthTypeMismatch)?;
    match &config.auth {
        Some(Auth::Pass(password)) if advert.auth_type() == AUTH_PASS => {
            require(advert.auth_data == Some(password.as_slice()), Reject::AuthFailure)
        }
        Some(Auth::Pass(_) | Auth::Ah(_) | Auth::Hmac(_)) | None => Ok(()),
    }
}

fn check_checksum(
    config: &Instance,
    meta: &RxMeta,
    advert: &Advert<'_>,
    guard: &mut Guard,
) -> Result<(), Reject> {
    let is_v3 = config.version == Version::V3 && config.family == Family::V4;
    let right = |destination| {
        let mut sum = if has_pseudo_header(config) {
            Sum::pseudo_header(meta.source, destination, advert.pdu.len())
        } else {
            Sum::default()
        };
        sum.add(advert.pdu);
        sum.finish() == 0
    };
    if config.v3_checksum_as_v2 && is_v3 || right(meta.destination) {
        return Ok(());
    }
    // Old peers take the group for the destination, and understand only who does so too.
    let old = match &config.transport {
        Transport::Unicast { old_checksum, .. } => is_v3 && *old_checksum != OldUnicastChecksum::Never,
        Transport::Multicast { .. } => false,
    };
    require(old && right(Transport::default_group(config.family)), Reject::Checksum)?;
    guard.checksums = PeerChecksums::Group;
    Ok(())
}

/// The same addresses, in any order.
fn same_addresses(config: &Instance, advert: &Advert<'_>) -> bool {
    let ours = || config.addresses.iter().map(|virtual_ip| virtual_ip.address);
    let in_order = || advert.addresses.iter().eq(ours());
    let in_any_order = || ours().all(|address| advert.addresses.iter().any(|other| other == address));
    advert.addresses.len() == config.addresses.len() && (in_order() || in_any_order())
}

fn check_peer(transport: &Transport, meta: &RxMeta) -> Result<(), Reject> {
    let Transport::Unicast { peers, check_source, .. } = transport else {
        return Ok(());
    };
    match peers.iter().find(|peer| peer.address == meta.source) {
        Some(peer) => {
            let above = peer.min_ttl.is_none_or(|min| meta.ttl >= min);
            let below = peer.max_ttl.is_none_or(|max| meta.ttl <= max);
            require(above && below, Reject::Ttl)
        }
        None => require(!check_source, Reject::UnknownPeer),
    }
}

/// Takes the IPv4 header off a packet as a raw IPv4 socket delivers it, giving what [`check`] needs.
///
/// `None` when it is not an IPv4 packet with protocol 112, or a fragment, or shorter than its header says.
#[must_use]
pub fn split_ipv4(packet: &[u8]) -> Option<(RxMeta, &[u8])> {
    let [version_ihl, _, len_high, len_low, _, _, flags, offset, ttl, protocol, _, _, rest @ ..] = packet
    else {
        return None;
    };
    let header_len = usize::from(version_ihl & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([*len_high, *len_low]));
    let fragment = flags & 0x3f != 0 || *offset != 0;
    if version_ihl >> 4 != 4 || header_len < 20 || *protocol != IP_PROTOCOL || fragment {
        return None;
    }
    let (source, rest) = rest.split_first_chunk::<4>()?;
    let (destination, _) = rest.split_first_chunk::<4>()?;
    let payload = packet.get(header_len..total_len)?;
    let meta = RxMeta::new(Ipv4Addr::from(*source).into(), Ipv4Addr::from(*destination).into(), *ttl);
    Some((meta, payload))
}
