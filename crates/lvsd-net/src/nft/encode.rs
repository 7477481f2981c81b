//! Attributes and expressions, as bytes.

use std::net::IpAddr;

/// NLA_F_NESTED.
const NESTED: u16 = 0x8000;
/// NFTA_DATA_VALUE.
const VALUE: u16 = 1;

/// Where in a packet something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// That many bytes of the network header, from an offset.
    Network {
        /// The offset.
        offset: u32,
        /// How many.
        length: u32,
    },
    /// The same of the transport header.
    Transport {
        /// The offset.
        offset: u32,
        /// How many.
        length: u32,
    },
}

/// Something about a packet that does not stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    /// Index of the interface that it came in by.
    InputIndex,
    /// Index of the interface that it leaves by.
    OutputIndex,
    /// Its transport protocol, one byte.
    Protocol,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This table lets it pass.
    Accept,
    /// It is dropped.
    Drop,
    /// Another chain decides.
    Goto(&'static str),
}

/// A part of a rule. Registers are 1 to 4, of 16 bytes each; a key longer than that goes on in the next one. The same bytes are
/// registers 8 to 23, of 4 bytes each, for keys of several parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Loads a part of the packet into a register.
    Load(Field, u32),
    /// Loads something about the packet into a register.
    LoadMeta(Meta, u32),
    /// Keeps only these bits of a register.
    Mask(u32, Vec<u8>),
    /// Goes on only if a register has this value.
    Equal(u32, Vec<u8>),
    /// Goes on only if a register (and what follows it) is in a set.
    InSet(u32, &'static str),
    /// Goes on only if the first register is a key of a map, with its value in the second.
    Map(u32, &'static str, u32),
    /// Sends a copy to the address in the first register, out of the interface in the second.
    Duplicate {
        /// Register of the address.
        address: u32,
        /// Register of the interface's index.
        device: u32,
    },
    /// Gives the packet the mark in a register.
    SetMark(u32),
    /// Counts packets and bytes.
    Count,
    /// Ends the rule.
    Finish(Verdict),
}

/// Appends an attribute.
pub(super) fn put(buffer: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(value);
    buffer.resize(buffer.len().next_multiple_of(4), 0);
}

/// Appends a number, in the byte order of nf_tables.
pub(super) fn put_number(buffer: &mut Vec<u8>, kind: u16, value: u32) {
    put(buffer, kind, &value.to_be_bytes());
}

/// Appends a string.
pub(super) fn put_text(buffer: &mut Vec<u8>, kind: u16, value: &str) {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    put(buffer, kind, &bytes);
}

/// Appends an attribute of attributes.
pub(super) fn put_nested(buffer: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    put(buffer, kind | NESTED, &inner);
}

/// Appends data: a value of a register or of an element.
pub(super) fn put_data(buffer: &mut Vec<u8>, kind: u16, value: &[u8]) {
    put_nested(buffer, kind, |data| put(data, VALUE, value));
}

/// The bytes of an address.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

impl Expression {
    const fn name(&self) -> &'static str {
        match self {
            Self::Load(..) => "payload",
            Self::LoadMeta(..) | Self::SetMark(_) => "meta",
            Self::Mask(..) => "bitwise",
            Self::Equal(..) => "cmp",
            Self::InSet(..) | Self::Map(..) => "lookup",
            Self::Duplicate { .. } => "dup",
            Self::Count => "counter",
            Self::Finish(_) => "immediate",
        }
    }

    /// Appends it as an element of a rule's list.
    pub(super) fn put(&self, buffer: &mut Vec<u8>) {
        const NFTA_LIST_ELEM: u16 = 1;
        const NFTA_EXPR_NAME: u16 = 1;
        const NFTA_EXPR_DATA: u16 = 2;
        put_nested(buffer, NFTA_LIST_ELEM, |element| {
            put_text(element, NFTA_EXPR_NAME, self.name());
            put_nested(element, NFTA_EXPR_DATA, |data| self.put_attributes(data));
        });
    }

    fn put_attributes(&self, data: &mut Vec<u8>) {
        match self {
            Self::Load(field, register) => {
                let (base, offset, length) = match *field {
                    Field::Network { offset, length } => (1, offset, length),
                    Field::Transport { offset, length } => (2, offset, length),
                };
                for (kind, value) in [(1, *register), (2, base), (3, offset), (4, length)] {
                    put_number(data, kind, value);
                }
            }
            Self::LoadMeta(meta, register) => {
                put_number(data, 1, *register);
                let key = match meta {
                    Meta::InputIndex => 4,
                    Meta::OutputIndex => 5,
                    Meta::Protocol => 16,
                };
                put_number(data, 2, key);
            }
            Self::Mask(register, mask) => {
                put_number(data, 1, *register);
                put_number(data, 2, *register);
                put_number(data, 3, u32::try_from(mask.len()).unwrap_or(0));
                put_data(data, 4, mask);
                put_data(data, 5, &vec![0; mask.len()]);
            }
            Self::Equal(register, value) => {
                put_number(data, 1, *register);
                put_number(data, 2, 0);
                put_data(data, 3, value);
            }
            Self::InSet(register, set) => {
                put_text(data, 1, set);
                put_number(data, 2, *register);
            }
            Self::Map(register, map, into) => {
                put_text(data, 1, map);
                put_number(data, 2, *register);
                put_number(data, 3, *into);
            }
            Self::Duplicate { address, device } => {
                put_number(data, 1, *address);
                put_number(data, 2, *device);
            }
            Self::SetMark(register) => {
                // NFT_META_MARK, from a register.
                put_number(data, 2, 3);
                put_number(data, 3, *register);
            }
            Self::Count => {}
            Self::Finish(verdict) => put_verdict(data, *verdict),
        }
    }
}

fn put_verdict(data: &mut Vec<u8>, verdict: Verdict) {
    const NFT_GOTO: i32 = -4;
    put_number(data, 1, 0);
    put_nested(data, 2, |value| {
        put_nested(value, 2, |inner| match verdict {
            Verdict::Drop => put_number(inner, 1, 0),
            Verdict::Accept => put_number(inner, 1, 1),
            Verdict::Goto(chain) => {
                put_number(inner, 1, NFT_GOTO.cast_unsigned());
                put_text(inner, 2, chain);
            }
        });
    });
}
