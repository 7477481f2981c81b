//! What an instance remembers about adverts: of those that it sent, so that none is like another, and of those that it heard, so that
//! none is believed twice.

use std::net::IpAddr;

use lvsd_model::{Auth, HmacMode, Instance};

use super::ah;
use super::emit::OutgoingAdvert;
use super::hmac::{self, Stamp};
use crate::time::WallTime;

/// What was heard by one instance. A new one has heard nothing.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Guard {
    pub(super) ah: ah::Marks,
    pub(super) hmac: hmac::Marks,
    pub(super) checksums: PeerChecksums,
}

impl Guard {
    /// How the peers of a unicast instance compute checksums.
    #[must_use]
    pub const fn checksums(&self) -> PeerChecksums {
        self.checksums
    }
}

/// Which destination is in the pseudo header of VRRPv3 unicast over IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PeerChecksums {
    /// The peer: as RFC 9568 §5.2.8 has it.
    #[default]
    Standard,
    /// The multicast group, as keepalived had it before 1.3.6.
    Group,
}

/// Signs the adverts of one instance, by whichever authentication it has. Lives as long as the instance, over reloads too: its numbers
/// must never go back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signer {
    stamp: Stamp,
    sequence: Option<u32>,
}

/// Where a packet goes, and what the IP header says of it beside that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// A group or a peer.
    pub destination: IpAddr,
    /// Identification of the IPv4 packet, which `auth_type AH` covers.
    pub identification: u16,
    /// TTL or hop limit.
    pub hops: u8,
}

impl Signer {
    /// Begins an advert. All its packets, one for each unicast peer, bear the same number of `auth_hmac`.
    pub fn begin(&mut self, config: &Instance, wall: WallTime) {
        match &config.auth {
            Some(Auth::Hmac(auth)) => self.stamp = self.stamp.advance(auth, wall),
            Some(Auth::Ah(_)) if self.sequence.is_none() => {
                // So that who starts again does not count from where it counted before.
                let seconds = wall.since_epoch().as_secs() & u64::from(u32::MAX);
                self.sequence = Some(u32::try_from(seconds).unwrap_or_default());
            }
            Some(Auth::Ah(_) | Auth::Pass(_)) | None => {}
        }
    }

    /// Writes the IP payload of one packet into `buffer`, which is cleared first: the advert, signed.
    pub fn emit(
        &mut self,
        advert: &OutgoingAdvert,
        config: &Instance,
        envelope: &Envelope,
        buffer: &mut Vec<u8>,
    ) {
        advert.emit(config, envelope.destination, buffer);
        match (&config.auth, advert.source, envelope.destination) {
            (Some(Auth::Hmac(auth)), source, _) if auth.mode != HmacMode::ReceiveOnly => {
                hmac::sign(auth, config, source, self.stamp, buffer);
            }
            (Some(Auth::Ah(password)), IpAddr::V4(source), IpAddr::V4(destination)) => {
                let sequence = self.sequence.unwrap_or_default().wrapping_add(1);
                self.sequence = Some(sequence);
                let length = ah::HEADER_LEN + buffer.len();
                let Envelope { identification, hops, .. } = *envelope;
                let header = ah::outgoing_header(source, destination, identification, hops, length);
                ah::seal(password, &header, sequence, buffer);
            }
            (Some(Auth::Hmac(_) | Auth::Ah(_) | Auth::Pass(_)) | None, _, _) => {}
        }
    }
}
