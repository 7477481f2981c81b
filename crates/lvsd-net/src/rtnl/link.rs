//! Interfaces that are made, changed and removed: macvlan and ipvlan.

use std::io;

use lvsd_model::{IpvlanFlag, MacAddress};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoIpVlan, InfoKind, InfoMacVlan, IpVlanFlags, IpVlanMode, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage, MacVlanMode,
};

use super::encode::Request;
use super::request::{Rtnl, RtnlError, acknowledgement};

/// What kind of interface it is, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// A macvlan.
    Macvlan {
        /// In mode private.
        private: bool,
    },
    /// An ipvlan.
    Ipvlan {
        /// In mode L2.
        l2: bool,
        /// How it sees its siblings.
        flag: IpvlanFlag,
    },
    /// The master of a VRF.
    Vrf,
    /// Any other.
    #[default]
    Other,
}

/// An interface to make, above another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// Its name.
    pub name: String,
    /// Index of the interface that it sits on.
    pub base: u32,
    /// Its group.
    pub group: u32,
    /// What it is.
    pub kind: NewLinkKind,
}

/// What an interface to make is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewLinkKind {
    /// A macvlan in mode private.
    Macvlan {
        /// Its Ethernet address.
        mac: MacAddress,
    },
    /// An ipvlan in mode L2.
    Ipvlan {
        /// How it sees its siblings.
        flag: IpvlanFlag,
    },
}

/// A change of interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Makes one; it is down. One that has the name already is an error.
    Create(NewLink),
    /// Makes it part of a VRF or bridge, by their indices.
    Enslave {
        /// It.
        link: u32,
        /// The master.
        master: u32,
    },
    /// Sets it up.
    Up(u32),
    /// Removes it.
    Remove(u32),
}

impl Rtnl {
    /// Makes one change.
    ///
    /// # Errors
    /// [`RtnlError`].
    pub fn change_link(&mut self, change: &LinkChange) -> Result<(), RtnlError> {
        let (message, request) = message(change);
        self.begin();
        self.push(message, request);
        let sequence = self.send()?;
        let mut answer = None;
        while answer.is_none() {
            self.receive(|message| {
                if message.sequence == sequence && i32::from(message.kind) == libc::NLMSG_ERROR {
                    answer = Some(acknowledgement(message));
                }
            })
            .map_err(RtnlError::Broken)?;
        }
        answer.unwrap_or_else(|| Err(RtnlError::Broken(io::ErrorKind::TimedOut.into())))
    }
}

fn message(change: &LinkChange) -> (RouteNetlinkMessage, Request) {
    let mut message = LinkMessage::default();
    match change {
        LinkChange::Create(link) => {
            message.attributes = create(link);
            (RouteNetlinkMessage::NewLink(message), Request::Create)
        }
        LinkChange::Enslave { link, master } => {
            message.header.index = *link;
            message.attributes.push(LinkAttribute::Controller(*master));
            (RouteNetlinkMessage::SetLink(message), Request::Change)
        }
        LinkChange::Up(link) => {
            message.header.index = *link;
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
            (RouteNetlinkMessage::SetLink(message), Request::Change)
        }
        LinkChange::Remove(link) => {
            message.header.index = *link;
            (RouteNetlinkMessage::DelLink(message), Request::Change)
        }
    }
}

fn create(link: &NewLink) -> Vec<LinkAttribute> {
    let mut attributes = vec![
        LinkAttribute::IfName(link.name.clone()),
        LinkAttribute::Link(link.base),
        LinkAttribute::Group(link.group),
    ];
    let info = match link.kind {
        NewLinkKind::Macvlan { mac } => {
            attributes.push(LinkAttribute::Address(mac.0.to_vec()));
            let data = InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Private)]);
            vec![LinkInfo::Kind(InfoKind::MacVlan), LinkInfo::Data(data)]
        }
        NewLinkKind::Ipvlan { flag } => {
            let flags = match flag {
                IpvlanFlag::Bridge => IpVlanFlags::empty(),
                IpvlanFlag::Private => IpVlanFlags::Private,
                IpvlanFlag::Vepa => IpVlanFlags::Vepa,
            };
            let data = InfoData::IpVlan(vec![InfoIpVlan::Mode(IpVlanMode::L2), InfoIpVlan::Flags(flags)]);
            vec![LinkInfo::Kind(InfoKind::IpVlan), LinkInfo::Data(data)]
        }
    };
    attributes.push(LinkAttribute::LinkInfo(info));
    attributes
}

/// IFLA_LINKINFO.
pub(super) fn kind<'a>(info: impl Iterator<Item = (u16, &'a [u8])>, nested: NestedOf) -> LinkKind {
    const IFLA_INFO_KIND: u16 = 1;
    const IFLA_INFO_DATA: u16 = 2;
    const MODE: u16 = 1;
    const IPVLAN_FLAGS: u16 = 2;
    const MACVLAN_MODE_PRIVATE: u32 = 1;
    let (mut name, mut data): (&[u8], &[u8]) = (&[], &[]);
    for (kind, value) in info {
        match kind {
            IFLA_INFO_KIND => name = value.strip_suffix(&[0]).unwrap_or(value),
            IFLA_INFO_DATA => data = value,
            _ => {}
        }
    }
    let of = |wanted: u16| nested(data, wanted);
    let short =
        |wanted: u16| of(wanted).and_then(|value| value.first_chunk().map(|b| u16::from_ne_bytes(*b)));
    match name {
        b"macvlan" => {
            let mode = of(MODE).and_then(|value| value.first_chunk().map(|b| u32::from_ne_bytes(*b)));
            LinkKind::Macvlan { private: mode == Some(MACVLAN_MODE_PRIVATE) }
        }
        b"ipvlan" => {
            let flag = match short(IPVLAN_FLAGS).unwrap_or(0) & 3 {
                0 => IpvlanFlag::Bridge,
                1 => IpvlanFlag::Private,
                _ => IpvlanFlag::Vepa,
            };
            LinkKind::Ipvlan { l2: short(MODE) == Some(0), flag }
        }
        b"vrf" => LinkKind::Vrf,
        _ => LinkKind::Other,
    }
}

/// Finds an attribute within a nested one.
type NestedOf = fn(&[u8], u16) -> Option<&[u8]>;

#[cfg(test)]
mod tests {
    use super::super::encode::append;
    use super::*;

    fn hex(change: &LinkChange) -> String {
        let (message, request) = message(change);
        let mut bytes = Vec::new();
        append(&mut bytes, message, request, 7);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_vmac_is_asked_for_as_ip_link_does() {
        let link = NewLink {
            name: "vrrp.51".to_owned(),
            base: 2,
            group: 7,
            kind: NewLinkKind::Macvlan { mac: MacAddress([0, 0, 0x5e, 0, 1, 51]) },
        };
        // ip link add vrrp.51 link eth0 group 7 address 00:00:5e:00:01:33 type macvlan mode private
        let asked = hex(&LinkChange::Create(link));
        for part in [
            "0c000300767272702e353100",
            "0800050002000000",
            "08001b0007000000",
            "0a00010000005e0001330000",
            "0c0001006d6163766c616e00",
            "0800010001000000",
        ] {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
        // RTM_NEWLINK; request, acknowledge, exclusive, create.
        assert_eq!(&asked[8..16], "10000506");
    }
}
