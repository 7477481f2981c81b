//! Messages and the transactions that they make.

use std::net::IpAddr;

use super::attribute;
use super::encode::{Expression, octets, put, put_data, put_nested, put_number, put_text};
use crate::rtnl::decode::Messages;

const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFNL_MSG_BATCH_BEGIN: u16 = 16;
const NFNL_MSG_BATCH_END: u16 = 17;
const NFT_MSG_NEWTABLE: u16 = 0;
const NFT_MSG_DELTABLE: u16 = 2;
const NFT_MSG_NEWCHAIN: u16 = 3;
const NFT_MSG_NEWRULE: u16 = 6;
const NFT_MSG_NEWSET: u16 = 9;
const NFT_MSG_NEWSETELEM: u16 = 12;
const NFT_MSG_DELSETELEM: u16 = 14;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;

/// Elements in one message: the length of an attribute has 16 bits.
const ELEMENTS: usize = 500;

/// The packets that a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableFamily {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
}

impl TableFamily {
    const fn number(self) -> u8 {
        match self {
            Self::Ip => 2,
            Self::Ip6 => 10,
        }
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Its family.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
}

/// Where a chain sees packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// All that come in, before anybody knows for whom.
    Prerouting,
    /// Those for this host.
    Input,
    /// Those of this host.
    Output,
}

/// A chain of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// Where it sees packets and with what priority; `None` for one that others go to.
    pub hook: Option<(Hook, i32)>,
}

/// A set, or a map to indices of interfaces or to marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// IPv6 addresses, each with the index of an interface.
    Ipv6OnInterface,
    /// Indices of interfaces.
    Interface,
    /// From an interface to an interface.
    InterfaceToInterface,
    /// From an IPv4 address, a protocol and a port to a mark.
    Ipv4PortToMark,
    /// From an IPv6 address, a protocol and a port to a mark.
    Ipv6PortToMark,
    /// From an IPv4 address and a protocol to a mark.
    Ipv4ToMark,
    /// From an IPv6 address and a protocol to a mark.
    Ipv6ToMark,
}

/// What a set is made of.
struct Shape {
    /// Type of the key in nft's numbering.
    key: u32,
    key_length: u32,
    /// Byte order of the key, for nft: 1 is the host's, 2 that of the network.
    key_order: u8,
    /// Type of the value of a map; all of them have four bytes in the order of the host.
    value: Option<u32>,
}

impl Set {
    const fn shape(self) -> Shape {
        const IPV4: u32 = 7;
        const IPV6: u32 = 8;
        const PROTOCOL: u32 = 12;
        const PORT: u32 = 13;
        const MARK: u32 = 19;
        const INTERFACE: u32 = 20;
        const WITH_PORT: u32 = PROTOCOL << 6 | PORT;
        let (key, key_length, key_order, value) = match self {
            Self::Ipv4 => (IPV4, 4, 2, None),
            Self::Ipv6 => (IPV6, 16, 2, None),
            Self::Ipv6OnInterface => (IPV6 << 6 | INTERFACE, 20, 2, None),
            Self::Interface => (INTERFACE, 4, 1, None),
            Self::InterfaceToInterface => (INTERFACE, 4, 1, Some(INTERFACE)),
            Self::Ipv4PortToMark => (IPV4 << 12 | WITH_PORT, 12, 2, Some(MARK)),
            Self::Ipv6PortToMark => (IPV6 << 12 | WITH_PORT, 24, 2, Some(MARK)),
            Self::Ipv4ToMark => (IPV4 << 6 | PROTOCOL, 8, 2, Some(MARK)),
            Self::Ipv6ToMark => (IPV6 << 6 | PROTOCOL, 20, 2, Some(MARK)),
        };
        Shape { key, key_length, key_order, value }
    }
}

/// An element of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// An address.
    Address(IpAddr),
    /// An address on an interface.
    AddressOn(IpAddr, u32),
    /// An interface.
    Interface(u32),
    /// From an interface to an interface.
    Pair(u32, u32),
    /// From an address, a protocol and, where the map has ports, a port to a mark.
    Mark {
        /// The address.
        address: IpAddr,
        /// The number of the transport protocol.
        protocol: u8,
        /// The port.
        port: Option<u16>,
        /// The mark.
        mark: u32,
    },
}

impl Element {
    fn key(self) -> Vec<u8> {
        match self {
            Self::Address(address) => octets(address),
            Self::AddressOn(address, interface) => {
                let mut key = octets(address);
                key.extend_from_slice(&interface.to_ne_bytes());
                key
            }
            Self::Interface(interface) | Self::Pair(interface, _) => interface.to_ne_bytes().to_vec(),
            Self::Mark { address, protocol, port, .. } => {
                // Each part fills registers of four bytes.
                let mut key = octets(address);
                key.extend_from_slice(&[protocol, 0, 0, 0]);
                if let Some(port) = port {
                    key.extend_from_slice(&port.to_be_bytes());
                    key.extend_from_slice(&[0; 2]);
                }
                key
            }
        }
    }

    /// In a map.
    const fn value(self) -> Option<u32> {
        match self {
            Self::Pair(_, value) | Self::Mark { mark: value, .. } => Some(value),
            Self::Address(_) | Self::AddressOn(..) | Self::Interface(_) => None,
        }
    }
}

/// One message without its header.
#[derive(Clone, Debug)]
struct Message {
    kind: u16,
    flags: u16,
    family: u8,
    attributes: Vec<u8>,
    /// For who reads of its failure.
    what: String,
}

/// Changes that are made together.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    messages: Vec<Message>,
    sets: u32,
}

impl Transaction {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn push(&mut self, table: &Table, kind: u16, flags: u16, attributes: Vec<u8>, what: String) {
        self.messages.push(Message { kind, flags, family: table.family.number(), attributes, what });
    }

    /// Makes a table, unless it is there.
    pub fn add_table(&mut self, table: &Table) {
        let mut attributes = Vec::new();
        put_text(&mut attributes, 1, &table.name);
        put_number(&mut attributes, 2, 0);
        self.push(table, NFT_MSG_NEWTABLE, NLM_F_CREATE, attributes, format!("add table {}", table.name));
    }

    /// Removes a table with everything in it, whether it is there or not.
    pub fn remove_table(&mut self, table: &Table) {
        self.add_table(table);
        let mut attributes = Vec::new();
        put_text(&mut attributes, 1, &table.name);
        self.push(table, NFT_MSG_DELTABLE, 0, attributes, format!("delete table {}", table.name));
    }

    /// Adds a chain, which lets pass what no rule of it drops.
    pub fn add_chain(&mut self, table: &Table, chain: Chain) {
        let mut attributes = Vec::new();
        put_text(&mut attributes, 1, &table.name);
        put_text(&mut attributes, 3, chain.name);
        if let Some((hook, priority)) = chain.hook {
            let number = match hook {
                Hook::Prerouting => 0,
                Hook::Input => 1,
                Hook::Output => 3,
            };
            put_nested(&mut attributes, 4, |inner| {
                put_number(inner, 1, number);
                put_number(inner, 2, priority.cast_unsigned());
            });
            put_number(&mut attributes, 5, 1);
            put_text(&mut attributes, 7, "filter");
        }
        self.push(table, NFT_MSG_NEWCHAIN, NLM_F_CREATE, attributes, format!("add chain {}", chain.name));
    }

    /// Adds a set and its elements.
    pub fn add_set(&mut self, table: &Table, name: &str, set: Set, elements: &[Element]) {
        const NFT_SET_MAP: u32 = 8;
        let Shape { key, key_length, key_order, value } = set.shape();
        self.sets += 1;
        let mut attributes = Vec::new();
        put_text(&mut attributes, 1, &table.name);
        put_text(&mut attributes, 2, name);
        put_number(&mut attributes, 3, if value.is_some() { NFT_SET_MAP } else { 0 });
        put_number(&mut attributes, 4, key);
        put_number(&mut attributes, 5, key_length);
        if let Some(value) = value {
            put_number(&mut attributes, 6, value);
            put_number(&mut attributes, 7, 4);
        }
        put_number(&mut attributes, 10, self.sets);
        if value.is_some() {
            // For nft, which prints names instead of numbers then: the order of the key, and that of the value, the host's.
            put(&mut attributes, 13, &[0, 4, key_order, 0, 0, 0, 1, 4, 1, 0, 0, 0]);
        }
        self.push(table, NFT_MSG_NEWSET, NLM_F_CREATE, attributes, format!("add set {name}"));
        self.add_elements(table, name, elements);
    }

    /// Adds elements to a set; those that are there already stay.
    pub fn add_elements(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.elements(table, set, elements, NFT_MSG_NEWSETELEM, NLM_F_CREATE, "add to");
    }

    /// Removes elements from a set, which must be there.
    pub fn remove_elements(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.elements(table, set, elements, NFT_MSG_DELSETELEM, 0, "remove from");
    }

    fn elements(
        &mut self,
        table: &Table,
        set: &str,
        elements: &[Element],
        kind: u16,
        flags: u16,
        verb: &str,
    ) {
        for some in elements.chunks(ELEMENTS) {
            let mut attributes = Vec::new();
            put_text(&mut attributes, 1, &table.name);
            put_text(&mut attributes, 2, set);
            put_nested(&mut attributes, 3, |list| {
                for element in some {
                    put_nested(list, 1, |inner| {
                        put_data(inner, 1, &element.key());
                        if let (Some(value), NFT_MSG_NEWSETELEM) = (element.value(), kind) {
                            put_data(inner, 2, &value.to_ne_bytes());
                        }
                    });
                }
            });
            self.push(table, kind, flags, attributes, format!("{verb} set {set}"));
        }
    }

    /// Adds a rule at the end of a chain.
    pub fn add_rule(&mut self, table: &Table, chain: &str, expressions: &[Expression]) {
        let mut attributes = Vec::new();
        put_text(&mut attributes, 1, &table.name);
        put_text(&mut attributes, 2, chain);
        put_nested(&mut attributes, 4, |list| {
            expressions.iter().for_each(|expression| expression.put(list));
        });
        let flags = NLM_F_CREATE | NLM_F_APPEND;
        self.push(table, NFT_MSG_NEWRULE, flags, attributes, format!("add rule to chain {chain}"));
    }

    /// All of it as one datagram, with its frame, numbered from `first`; and the last number.
    pub(super) fn datagram(&self, first: u32) -> (Vec<u8>, u32) {
        let mut buffer = Vec::with_capacity(self.messages.len() * 128);
        frame(&mut buffer, NFNL_MSG_BATCH_BEGIN, first);
        let mut sequence = first;
        let last = self.last_sequence(first);
        for message in &self.messages {
            sequence = sequence.wrapping_add(1);
            let acknowledge = if sequence == last { NLM_F_ACK } else { 0 };
            let flags = message.flags | acknowledge;
            let kind = NFNL_SUBSYS_NFTABLES << 8 | message.kind;
            append(&mut buffer, kind, flags, sequence, message.family, 0, &message.attributes);
        }
        let end = sequence.wrapping_add(1);
        frame(&mut buffer, NFNL_MSG_BATCH_END, end);
        (buffer, end)
    }

    /// The number of the last message within the frame, which is acknowledged.
    pub(super) fn last_sequence(&self, first: u32) -> u32 {
        first.wrapping_add(u32::try_from(self.messages.len()).unwrap_or(u32::MAX))
    }

    /// What the message at a place is for, counted from the frame's first.
    pub(super) fn describe(&self, place: u32) -> String {
        let index = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
        let message = index.and_then(|index| self.messages.get(index));
        message.map_or_else(|| "commit".to_owned(), |message| message.what.clone())
    }
}

fn frame(buffer: &mut Vec<u8>, kind: u16, sequence: u32) {
    append(buffer, kind, 0, sequence, 0, NFNL_SUBSYS_NFTABLES, &[]);
}

fn append(
    buffer: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    family: u8,
    resource: u16,
    attributes: &[u8],
) {
    const HEADERS: usize = 16 + 4;
    let length = u32::try_from(HEADERS + attributes.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(&(flags | NLM_F_REQUEST).to_ne_bytes());
    buffer.extend_from_slice(&sequence.to_ne_bytes());
    buffer.extend_from_slice(&[0; 4]);
    buffer.push(family);
    buffer.push(0);
    buffer.extend_from_slice(&resource.to_be_bytes());
    buffer.extend_from_slice(attributes);
}

/// Names of the tables that a datagram says somebody else than `own` has removed.
pub(super) fn removals(datagram: &[u8], own: u32) -> impl Iterator<Item = &[u8]> {
    let removal = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE;
    Messages(datagram)
        .filter(move |message| message.kind == removal && message.port != own)
        .filter_map(|message| attribute(message.payload, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_framed_numbered_and_acknowledged_once() {
        let table = Table { family: TableFamily::Ip, name: "lvsd".to_owned() };
        let mut transaction = Transaction::new();
        transaction.remove_table(&table);
        transaction.add_set(&table, "vips", Set::Ipv4, &[Element::Address([10, 0, 0, 1].into())]);
        let (datagram, last) = transaction.datagram(40);
        let messages: Vec<_> = Messages(&datagram).collect();
        let kinds: Vec<u16> = messages.iter().map(|message| message.kind).collect();
        assert_eq!(kinds, [16, 0xa00, 0xa02, 0xa09, 0xa0c, 17]);
        let numbers: Vec<u32> = messages.iter().map(|message| message.sequence).collect();
        assert_eq!((numbers, last), ((40..=45).collect(), 45));
        let acknowledged: Vec<bool> = messages.iter().map(|message| message.flags & NLM_F_ACK != 0).collect();
        assert_eq!(acknowledged, [false, false, false, false, true, false]);
        assert_eq!(transaction.describe(3), "add set vips");
    }

    #[test]
    fn many_elements_go_into_several_messages() {
        let table = Table { family: TableFamily::Ip, name: "lvsd".to_owned() };
        let elements: Vec<Element> = (0..1200).map(Element::Interface).collect();
        let mut transaction = Transaction::new();
        transaction.add_elements(&table, "some", &elements);
        let (datagram, _) = transaction.datagram(1);
        assert_eq!(Messages(&datagram).count(), 5);
    }

    #[test]
    fn only_removals_by_others_are_told() {
        let table = Table { family: TableFamily::Ip, name: "lvsd".to_owned() };
        let mut transaction = Transaction::new();
        transaction.remove_table(&table);
        let (mut datagram, _) = transaction.datagram(1);
        assert_eq!(removals(&datagram, 7).collect::<Vec<_>>(), [b"lvsd\0"]);
        assert_eq!(removals(&datagram, 0).count(), 0, "the one who asked is number 0 in a request");
        for at in 0..datagram.len() {
            datagram.truncate(datagram.len() - 1);
            let _ = (at, removals(&datagram, 7).count());
        }
    }
}
