//! Writing adverts.

use std::net::IpAddr;

use lvsd_model::{Auth, Family, Instance, OldUnicastChecksum, Transport, Version};

use super::checksum::Sum;
use super::memory::PeerChecksums;
use super::{TYPE_ADVERTISEMENT, address_len};

/// `auth_type PASS` on the wire (RFC 2338 §5.3.6).
pub(super) const AUTH_PASS: u8 = 1;
/// `auth_type AH` on the wire.
const AUTH_AH: u8 = 2;

/// An advert that is about to leave: what does not follow from the configuration of its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingAdvert {
    /// Source address that it must leave with; the checksum depends on it.
    pub source: IpAddr,
    /// Priority; 0 resigns.
    pub priority: u8,
    /// What the peers take for the destination in a checksum.
    pub checksums: PeerChecksums,
}

impl OutgoingAdvert {
    /// One for peers that compute checksums by the book.
    #[must_use]
    pub const fn new(source: IpAddr, priority: u8) -> Self {
        Self { source, priority, checksums: PeerChecksums::Standard }
    }

    /// Writes the VRRP packet, not signed yet (see [`Signer`](super::Signer)), for one destination of [`destinations`] into `buffer`, which is cleared first. It cannot
    /// fail, and allocates only until the buffer has grown to the size of the packet once.
    ///
    /// The checksum is filled in for both families, so a socket without `IPV6_CHECKSUM` will do.
    pub fn emit(&self, config: &Instance, destination: IpAddr, buffer: &mut Vec<u8>) {
        buffer.clear();
        let addresses =
            || config.addresses.iter().take(usize::from(u8::MAX)).map(|virtual_ip| virtual_ip.address);
        // At most 255: that is what the iterator was cut to.
        let count = u8::try_from(addresses().count()).unwrap_or(u8::MAX);
        let (version, word) = match config.version {
            Version::V2 => (2, [auth_type(config), config.advert_interval.whole_seconds()]),
            Version::V3 => (3, config.advert_interval.centis().to_be_bytes()),
        };
        buffer.reserve(16 + usize::from(count) * address_len(config.family));
        buffer.extend([version << 4 | TYPE_ADVERTISEMENT, config.vrid.get(), self.priority, count]);
        buffer.extend(word);
        buffer.extend([0, 0]);
        for address in addresses() {
            match address {
                IpAddr::V4(address) => buffer.extend(address.octets()),
                IpAddr::V6(address) => buffer.extend(address.octets()),
            }
        }
        match (config.version, config.family, &config.auth) {
            (Version::V2, Family::V4, Some(Auth::Pass(password))) => buffer.extend(password),
            (Version::V2, Family::V4, Some(Auth::Ah(_) | Auth::Hmac(_)) | None) => buffer.extend([0; 8]),
            (Version::V2, Family::V6, _) | (Version::V3, _, _) => {}
        }
        let checksum = self.checksum(config, destination, buffer).to_be_bytes();
        for (octet, value) in buffer.iter_mut().skip(6).zip(checksum) {
            *octet = value;
        }
    }

    fn checksum(&self, config: &Instance, destination: IpAddr, packet: &[u8]) -> u16 {
        let destination = match &config.transport {
            Transport::Unicast { old_checksum, .. } => {
                let old = *old_checksum == OldUnicastChecksum::Always
                    || *old_checksum == OldUnicastChecksum::Detect && self.checksums == PeerChecksums::Group;
                if old && config.family == Family::V4 {
                    Transport::default_group(config.family)
                } else {
                    destination
                }
            }
            Transport::Multicast { .. } => destination,
        };
        let mut sum = if has_pseudo_header(config) {
            Sum::pseudo_header(self.source, destination, packet.len())
        } else {
            Sum::default()
        };
        sum.add(packet);
        sum.finish()
    }
}

/// Whether the checksum covers the pseudo header: always over IPv6, in VRRPv3 over IPv4 unless `v3_checksum_as_v2`.
pub(super) const fn has_pseudo_header(config: &Instance) -> bool {
    match (config.family, config.version) {
        (Family::V6, _) => true,
        (Family::V4, Version::V3) => !config.v3_checksum_as_v2,
        (Family::V4, Version::V2) => false,
    }
}

/// VRRPv2 carries authentication over IPv4 only.
pub(super) const fn auth_type(config: &Instance) -> u8 {
    match (&config.auth, config.family) {
        (Some(Auth::Pass(_)), Family::V4) => AUTH_PASS,
        (Some(Auth::Ah(_)), Family::V4) => AUTH_AH,
        (Some(Auth::Hmac(_)), _) | (Some(_), Family::V6) | (None, _) => 0,
    }
}

/// Where adverts go: the group, or each peer.
pub fn destinations(transport: &Transport) -> impl ExactSizeIterator<Item = IpAddr> + '_ {
    let (group, peers) = match transport {
        Transport::Multicast { group } => (std::slice::from_ref(group), [].as_slice()),
        Transport::Unicast { peers, .. } => ([].as_slice(), peers.as_slice()),
    };
    Destinations { group: group.iter(), peers: peers.iter() }
}

/// One of the two is empty.
struct Destinations<'a> {
    group: std::slice::Iter<'a, IpAddr>,
    peers: std::slice::Iter<'a, lvsd_model::UnicastPeer>,
}

impl Iterator for Destinations<'_> {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        self.group.next().copied().or_else(|| self.peers.next().map(|peer| peer.address))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.group.len() + self.peers.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Destinations<'_> {}
