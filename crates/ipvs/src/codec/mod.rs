//! Bytes: what goes to the kernel and comes back, in two layers.
//!
//! [`attrs`] mirrors `linux/ip_vs.h`, one enum per kind of attribute; [`Request`] and [`Reply`] are whole messages of them.
//! The functions beside them turn the typed tables of [`types`](crate::types) into requests and replies into them.
//!
//! Nothing here panics whatever the bytes: an unknown attribute is kept, a malformed one is a [`DecodeError`].

pub mod attrs;
#[cfg(feature = "client")]
pub(crate) mod ctrl;
mod daemon;
mod dest;
mod info;
mod message;
mod ops;
mod service;
mod stats;
mod wire;

pub use daemon::{decode_daemon, new_daemon, stop_daemon};
pub use dest::decode_dest;
pub use info::{decode_info, decode_timeouts, set_timeouts};
pub use message::{Command, Message, Reply, Request};
pub use ops::{dump_daemons, dump_dests, dump_services, flush, info, op, timeouts, zero};
pub use service::decode_service;
pub use wire::{Be, Flags, Nested};

/// A reply that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A value is too short for its type.
    #[error("{attr}: {needed} bytes needed, {got} there")]
    Length {
        /// The kernel's name of the attribute.
        attr: &'static str,
        /// Bytes the type takes.
        needed: usize,
        /// Bytes there were.
        got: usize,
    },
    /// A value means nothing to us.
    #[error("{attr}: {value} has no known meaning")]
    Value {
        /// The kernel's name of the attribute.
        attr: &'static str,
        /// The value, as text.
        value: String,
    },
    /// An attribute that must be there is not.
    #[error("{attr} is missing")]
    Missing {
        /// The kernel's name of the attribute.
        attr: &'static str,
    },
    /// The attributes do not fit the space they are in.
    #[error("attributes of {attr} are malformed: {why}")]
    Framing {
        /// What they are in.
        attr: &'static str,
        /// What is wrong with them.
        why: String,
    },
    /// The message is not of the kind asked for.
    #[error("unexpected reply, command {command}")]
    Unexpected {
        /// Its generic netlink command.
        command: u8,
    },
}

impl DecodeError {
    fn value(attr: &'static str, value: impl ToString) -> Self {
        Self::Value { attr, value: value.to_string() }
    }
}

/// The value, or an error that says which attribute is not there.
fn required<T>(attr: &'static str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing { attr })
}
