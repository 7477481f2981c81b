//! Values as they lie in netlink attributes, and the macro that makes an attribute enum from a table of them.

use netlink_packet_core::{Emitable, Nla, NlaBuffer, NlasIterator};

use super::DecodeError;

/// How one type of value is written into an attribute.
pub(super) trait Wire: Sized {
    /// Whether attributes of it carry `NLA_F_NESTED`.
    const NESTED: bool = false;
    /// Bytes it takes.
    fn len(&self) -> usize;
    /// Writes it; `out` is [`len`](Self::len) bytes long.
    fn emit(&self, out: &mut [u8]);
    /// Reads it.
    fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// The first N bytes. The kernel's own numbers are exactly as long as their type, but a longer attribute from a newer
/// kernel still begins with what we know.
fn prefix<const N: usize>(attr: &'static str, bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes.first_chunk().copied().ok_or(DecodeError::Length { attr, needed: N, got: bytes.len() })
}

macro_rules! wire_number {
    ($($type:ty),*) => {$(
        /// In host order.
        impl Wire for $type {
            fn len(&self) -> usize {
                size_of::<Self>()
            }
            fn emit(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_ne_bytes());
            }
            fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
                prefix(attr, bytes).map(Self::from_ne_bytes)
            }
        }
    )*};
}
wire_number!(u8, u16, u32, u64);

/// A number in network order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Be<T>(pub T);

impl Wire for Be<u16> {
    fn len(&self) -> usize {
        2
    }
    fn emit(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.to_be_bytes());
    }
    fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
        prefix(attr, bytes).map(|bytes| Self(u16::from_be_bytes(bytes)))
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn len(&self) -> usize {
        N
    }
    fn emit(&self, out: &mut [u8]) {
        out.copy_from_slice(self);
    }
    fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
        prefix(attr, bytes)
    }
}

/// Text, with a closing NUL on the wire.
impl Wire for String {
    fn len(&self) -> usize {
        self.len() + 1
    }
    fn emit(&self, out: &mut [u8]) {
        if let Some((nul, text)) = out.split_last_mut() {
            text.copy_from_slice(self.as_bytes());
            *nul = 0;
        }
    }
    fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        match std::str::from_utf8(text) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(DecodeError::value(attr, text.escape_ascii())),
        }
    }
}

/// `struct ip_vs_flags`: which bits to change, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// The bits.
    pub flags: u32,
    /// Which of them are meant.
    pub mask: u32,
}

impl Wire for Flags {
    fn len(&self) -> usize {
        8
    }
    fn emit(&self, out: &mut [u8]) {
        let (flags, mask) = out.split_at_mut(4);
        self.flags.emit(flags);
        self.mask.emit(mask);
    }
    fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let bytes: [u8; 8] = prefix(attr, bytes)?;
        let (flags, mask) = bytes.split_at(4);
        Ok(Self { flags: u32::parse(attr, flags)?, mask: u32::parse(attr, mask)? })
    }
}

/// An enum of attributes of one kind.
pub(super) trait Attr: Nla + Sized {
    fn parse_attr(nla: &NlaBuffer<&[u8]>) -> Result<Self, DecodeError>;
}

/// The attributes one after the other. `attr` names what they are in, for the error.
pub(super) fn parse_attrs<A: Attr>(attr: &'static str, bytes: &[u8]) -> Result<Vec<A>, DecodeError> {
    NlasIterator::new(bytes)
        .map(|nla| A::parse_attr(&nla.map_err(|e| DecodeError::Framing { attr, why: e.to_string() })?))
        .collect()
}

/// Nested attributes as the kernel writes them: this family never sets `NLA_F_NESTED`.
impl<A: Attr> Wire for Vec<A> {
    fn len(&self) -> usize {
        self.as_slice().buffer_len()
    }
    fn emit(&self, out: &mut [u8]) {
        Emitable::emit(&self.as_slice(), out);
    }
    fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
        parse_attrs(attr, bytes)
    }
}

/// Nested attributes as user space writes them: with `NLA_F_NESTED`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested<A>(pub Vec<A>);

impl<A: Attr> Wire for Nested<A> {
    const NESTED: bool = true;
    fn len(&self) -> usize {
        Wire::len(&self.0)
    }
    fn emit(&self, out: &mut [u8]) {
        Wire::emit(&self.0, out);
    }
    fn parse(attr: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
        parse_attrs(attr, bytes).map(Self)
    }
}

/// Makes an attribute enum with both directions from lines of `Variant(Type) = number, KERNEL_NAME`. A number not listed
/// is kept in `Other` and written back as it came.
macro_rules! attributes {
    ($(#[$doc:meta])* $vis:vis enum $name:ident {
        $($(#[$vdoc:meta])* $variant:ident($type:ty) = $number:literal, $kernel:literal;)*
    }) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$vdoc])* #[doc = concat!(" (`", $kernel, "`, ", stringify!($number), ").")] $variant($type),)*
            /// An attribute this crate does not know.
            Other(netlink_packet_core::DefaultNla),
        }

        impl netlink_packet_core::Nla for $name {
            fn value_len(&self) -> usize {
                match self {
                    $(Self::$variant(value) => $crate::codec::wire::Wire::len(value),)*
                    Self::Other(nla) => nla.value_len(),
                }
            }
            fn kind(&self) -> u16 {
                use $crate::codec::wire::Wire;
                match self {
                    $(Self::$variant(_) if <$type>::NESTED => $number | netlink_packet_core::NLA_F_NESTED,
                      Self::$variant(_) => $number,)*
                    Self::Other(nla) => nla.kind(),
                }
            }
            fn emit_value(&self, out: &mut [u8]) {
                match self {
                    $(Self::$variant(value) => $crate::codec::wire::Wire::emit(value, out),)*
                    Self::Other(nla) => nla.emit_value(out),
                }
            }
        }

        impl $crate::codec::wire::Attr for $name {
            fn parse_attr(
                nla: &netlink_packet_core::NlaBuffer<&[u8]>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                use $crate::codec::wire::Wire;
                Ok(match nla.kind() {
                    $($number => Self::$variant(<$type>::parse($kernel, nla.value())?),)*
                    _ => Self::Other(
                        netlink_packet_core::Parseable::parse(nla)
                            .map_err(|e| $crate::codec::DecodeError::Framing {
                                attr: stringify!($name),
                                why: e.to_string(),
                            })?,
                    ),
                })
            }
        }
    };
}
pub(super) use attributes;
