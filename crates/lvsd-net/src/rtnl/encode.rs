//! Requests: address messages built by hand, with exactly the attributes that were asked for.

use std::net::IpAddr;

use lvsd_model::PreferredLifetime;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST,
    NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeader, AddressHeaderFlags, AddressMessage, CacheInfo,
};
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{AddressKey, AddressSpec, IFA_PROTO_VRRP};

/// A lifetime without end.
const FOREVER: u32 = u32::MAX;

/// RTM_NEWADDR, creating or replacing.
pub(super) fn add_address(spec: &AddressSpec) -> RouteNetlinkMessage {
    let mut message = header(&spec.key);
    message.header.scope = spec.scope.0.into();
    message.attributes = location(&spec.key, spec.peer);
    if let Some(broadcast) = spec.broadcast {
        message.attributes.push(AddressAttribute::Broadcast(broadcast));
    }
    if let Some(label) = &spec.label {
        message.attributes.push(AddressAttribute::Label(label.clone()));
    }
    let flags = flags(spec);
    if !flags.is_empty() {
        // The low eight bits are in the header too, for kernels that look only there.
        let low = u8::try_from(flags.bits() & 0xff).unwrap_or(0);
        message.header.flags = AddressHeaderFlags::from_bits_retain(low);
        message.attributes.push(AddressAttribute::Flags(flags));
    }
    if let PreferredLifetime::Seconds(seconds) = spec.preferred {
        let mut lifetime = CacheInfo::default();
        lifetime.ifa_preferred = seconds;
        lifetime.ifa_valid = FOREVER;
        message.attributes.push(AddressAttribute::CacheInfo(lifetime));
    }
    message.attributes.push(AddressAttribute::Protocol(IFA_PROTO_VRRP.into()));
    RouteNetlinkMessage::NewAddress(message)
}

/// RTM_DELADDR.
pub(super) fn remove_address(key: &AddressKey, peer: Option<IpAddr>) -> RouteNetlinkMessage {
    let mut message = header(key);
    message.attributes = location(key, peer);
    RouteNetlinkMessage::DelAddress(message)
}

/// RTM_GETADDR for both families.
pub(super) fn dump_addresses() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetAddress(AddressMessage::default())
}

/// RTM_GETLINK.
pub(super) fn dump_links() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetLink(LinkMessage::default())
}

fn header(key: &AddressKey) -> AddressMessage {
    let family = match key.address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let mut message = AddressMessage::default();
    message.header = AddressHeader {
        family,
        prefix_len: key.prefix_len,
        index: key.interface,
        ..AddressHeader::default()
    };
    message
}

/// IFA_LOCAL is ours and IFA_ADDRESS the other end's; without another end both are ours.
fn location(key: &AddressKey, peer: Option<IpAddr>) -> Vec<AddressAttribute> {
    vec![AddressAttribute::Local(key.address), AddressAttribute::Address(peer.unwrap_or(key.address))]
}

fn flags(spec: &AddressSpec) -> AddressFlags {
    let mut flags = AddressFlags::empty();
    if spec.no_dad && spec.key.address.is_ipv6() {
        flags |= AddressFlags::Nodad;
    }
    if spec.flags.home {
        flags |= AddressFlags::Homeaddress;
    }
    if spec.flags.manage_temporary {
        flags |= AddressFlags::Managetempaddr;
    }
    if spec.flags.autojoin {
        flags |= AddressFlags::Mcautojoin;
    }
    if spec.no_prefix_route {
        flags |= AddressFlags::Noprefixroute;
    }
    flags
}

/// What is asked of the kernel for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Do it, whether it exists or not, and acknowledge.
    Set,
    /// Do it, unless it exists, and acknowledge.
    Create,
    /// Do it behind what exists, and acknowledge.
    Append,
    /// Do it before what exists, and acknowledge.
    Prepend,
    /// Do it and acknowledge.
    Change,
    /// List all.
    Dump,
}

/// Appends a message to `buffer`.
pub(super) fn append(buffer: &mut Vec<u8>, message: RouteNetlinkMessage, request: Request, sequence: u32) {
    let mut header = NetlinkHeader::default();
    header.sequence_number = sequence;
    header.flags = NLM_F_REQUEST
        | match request {
            Request::Set => NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
            Request::Create => NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
            Request::Append => NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND,
            Request::Prepend => NLM_F_ACK | NLM_F_CREATE,
            Request::Change => NLM_F_ACK,
            Request::Dump => NLM_F_DUMP,
        };
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let start = buffer.len();
    buffer.resize(start + message.buffer_len().next_multiple_of(4), 0);
    if let Some(place) = buffer.get_mut(start..) {
        message.serialize(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lvsd_model::AddressScope;

    fn spec(address: &str, prefix_len: u8) -> AddressSpec {
        AddressSpec {
            key: AddressKey { interface: 3, address: address.parse().expect("an address"), prefix_len },
            peer: None,
            broadcast: None,
            label: None,
            scope: AddressScope::GLOBAL,
            no_prefix_route: false,
            preferred: PreferredLifetime::Forever,
            no_dad: true,
            flags: lvsd_model::AddressFlags::default(),
        }
    }

    fn hex(message: RouteNetlinkMessage, request: Request) -> String {
        let mut bytes = Vec::new();
        append(&mut bytes, message, request, 7);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_plain_ipv4_address_has_no_attribute_that_was_not_asked_for() {
        let expected = concat!(
            "30000000140005050700000000000000", // 48 bytes, RTM_NEWADDR, REQUEST|ACK|REPLACE|CREATE
            "0220000003000000",                 // inet, /32, universe, interface 3
            "080002000a090064",                 // local
            "080001000a090064",                 // address
            "05000b0012000000"                  // protocol 18
        );
        assert_eq!(hex(add_address(&spec("10.9.0.100", 32)), Request::Set), expected);
    }

    #[test]
    fn an_ipv6_address_is_nodad_and_can_be_deprecated_at_once() {
        let mut spec = spec("fd00::100", 128);
        spec.preferred = PreferredLifetime::Seconds(0);
        spec.no_prefix_route = true;
        let expected = concat!(
            "64000000140005050700000000000000",
            "0a80020003000000",
            "14000200fd000000000000000000000000000100",
            "14000100fd000000000000000000000000000100",
            "0800080002020000",                         // nodad, noprefixroute
            "1400060000000000ffffffff0000000000000000", // preferred 0, valid for ever
            "05000b0012000000"
        );
        assert_eq!(hex(add_address(&spec), Request::Set), expected);
    }

    #[test]
    fn removing_names_the_address_and_nothing_else() {
        let expected = concat!(
            "28000000150005000700000000000000",
            "0218000003000000",
            "080002000a090064",
            "080001000a090101"
        );
        let key = AddressKey { prefix_len: 24, ..spec("10.9.0.100", 24).key };
        let peer = "10.9.1.1".parse().ok();
        assert_eq!(hex(remove_address(&key, peer), Request::Change), expected);
    }
}
