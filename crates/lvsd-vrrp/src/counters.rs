//! What is counted, next to nothing else: plain numbers that only grow.

use crate::engine::{Cause, State};
use crate::wire::Reject;

/// Adverts of one instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AdvertCounters {
    /// Accepted.
    pub received: u64,
    /// Sent; one per destination, so a unicast instance counts each peer.
    pub sent: u64,
    /// Of those received: with priority 0.
    pub priority_zero_received: u64,
    /// Of those sent: with priority 0.
    pub priority_zero_sent: u64,
    /// Times that the instance became MASTER.
    pub become_master: u64,
    /// Times that it left that state.
    pub release_master: u64,
    /// Times that the master's host left the multicast group while we were BACKUP.
    pub departures: u64,
    /// Questions to the master's host whether anybody there speaks VRRP.
    pub inquiries: u64,
    /// Times that it denied that after a missed advert.
    pub denials: u64,
    /// Virtual addresses that somebody else deleted while we were MASTER, and that were ordered back.
    pub addresses_healed: u64,
}

/// Adverts of one instance that were not believed, one field for each [`Reject`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RejectCounters {
    /// [`Reject::Length`].
    pub length: u64,
    /// [`Reject::Ttl`].
    pub ttl: u64,
    /// [`Reject::Version`].
    pub version: u64,
    /// [`Reject::PacketType`].
    pub packet_type: u64,
    /// [`Reject::Checksum`].
    pub checksum: u64,
    /// [`Reject::AdvertInterval`]; in VRRPv3 a difference is counted and the advert accepted.
    pub advert_interval: u64,
    /// [`Reject::AddressList`]; counted, the advert is accepted.
    pub address_list: u64,
    /// [`Reject::AuthTypeInvalid`].
    pub auth_type_invalid: u64,
    /// [`Reject::AuthTypeMismatch`].
    pub auth_type_mismatch: u64,
    /// [`Reject::AuthFailure`].
    pub auth_failure: u64,
    /// [`Reject::AuthReplay`].
    pub auth_replay: u64,
    /// [`Reject::HmacMissing`].
    pub hmac_missing: u64,
    /// [`Reject::HmacMalformed`].
    pub hmac_malformed: u64,
    /// [`Reject::HmacUnknownKey`].
    pub hmac_unknown_key: u64,
    /// [`Reject::HmacInvalid`].
    pub hmac_invalid: u64,
    /// [`Reject::HmacStale`].
    pub hmac_stale: u64,
    /// [`Reject::HmacReplay`].
    pub hmac_replay: u64,
    /// [`Reject::UnknownPeer`].
    pub unknown_peer: u64,
    /// [`Reject::WrongDestination`].
    pub wrong_destination: u64,
    /// [`Reject::OwnPacket`].
    pub own_packet: u64,
    /// [`Reject::OwnerIgnores`].
    pub owner_ignored: u64,
}

impl RejectCounters {
    /// Counts one.
    pub(crate) const fn count(&mut self, reject: Reject) {
        let field = match reject {
            Reject::Length => &mut self.length,
            Reject::Ttl => &mut self.ttl,
            Reject::Version => &mut self.version,
            Reject::PacketType => &mut self.packet_type,
            Reject::Checksum => &mut self.checksum,
            Reject::AdvertInterval => &mut self.advert_interval,
            Reject::AddressList => &mut self.address_list,
            Reject::AuthTypeInvalid => &mut self.auth_type_invalid,
            Reject::AuthTypeMismatch => &mut self.auth_type_mismatch,
            Reject::AuthFailure => &mut self.auth_failure,
            Reject::AuthReplay => &mut self.auth_replay,
            Reject::HmacMissing => &mut self.hmac_missing,
            Reject::HmacMalformed => &mut self.hmac_malformed,
            Reject::HmacUnknownKey => &mut self.hmac_unknown_key,
            Reject::HmacInvalid => &mut self.hmac_invalid,
            Reject::HmacStale => &mut self.hmac_stale,
            Reject::HmacReplay => &mut self.hmac_replay,
            Reject::UnknownPeer => &mut self.unknown_peer,
            Reject::WrongDestination => &mut self.wrong_destination,
            Reject::OwnPacket => &mut self.own_packet,
            Reject::OwnerIgnores => &mut self.owner_ignored,
        };
        *field += 1;
    }
}

/// Packets that belong to no instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RouterCounters {
    /// Adverts for a virtual router that is not ours.
    pub unknown_vrid: u64,
    /// Too short to name a virtual router, or naming number 0.
    pub malformed: u64,
    /// Membership reports of hosts (IGMP, MLD), whatever they were about.
    pub membership_reports: u64,
    /// Membership reports that were not believed.
    pub membership_malformed: u64,
    /// Questions of backups whether anybody here speaks VRRP.
    pub questions: u64,
}

/// A change of state with its cause, and how often it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Edge {
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// How often.
    pub count: u64,
}
