//! Whole messages of the family `IPVS`, version 1, as [`GenlMessage`](netlink_packet_generic::GenlMessage) payloads.

use netlink_packet_core::{DecodeError as CoreError, Emitable, ParseableParametrized};
use netlink_packet_generic::{GenlFamily, GenlHeader};

use super::DecodeError;
use super::attrs::{InfoAttr, ReplyAttr, RequestAttr};
use super::wire::{Wire, parse_attrs};

/// Commands (`IPVS_CMD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// Add a service; also the kind of message a service comes in.
    NewService = 1,
    /// Change a service.
    SetService = 2,
    /// Remove a service.
    DelService = 3,
    /// Ask for services.
    GetService = 4,
    /// Add a destination; also the kind of message a destination comes in.
    NewDest = 5,
    /// Change a destination.
    SetDest = 6,
    /// Remove a destination.
    DelDest = 7,
    /// Ask for destinations.
    GetDest = 8,
    /// Start a sync daemon; also the kind of message a daemon comes in.
    NewDaemon = 9,
    /// Stop a sync daemon.
    DelDaemon = 10,
    /// Ask for sync daemons.
    GetDaemon = 11,
    /// Set timeouts; also the reply to `GetConfig`.
    SetConfig = 12,
    /// Ask for timeouts.
    GetConfig = 13,
    /// Only the reply to `GetInfo`.
    SetInfo = 14,
    /// Ask for general information.
    GetInfo = 15,
    /// Set all counters to 0.
    Zero = 16,
    /// Remove everything.
    Flush = 17,
}

/// What we ask of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// With what.
    pub attrs: Vec<RequestAttr>,
}

impl Request {
    pub(super) fn new(command: Command, attrs: impl Into<Vec<RequestAttr>>) -> Self {
        Self { command, attrs: attrs.into() }
    }

    /// Reads the attributes of a request, as the kernel would.
    ///
    /// # Errors
    /// When one is malformed.
    pub fn parse(command: Command, attrs: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { command, attrs: parse_attrs("a request", attrs)? })
    }
}

/// What the kernel answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer to [`Command::GetInfo`], whose attribute numbers are its own.
    Info(Vec<InfoAttr>),
    /// Any other answer.
    Attrs {
        /// The kind of answer: an `IPVS_CMD_*`.
        command: u8,
        /// What it holds.
        attrs: Vec<ReplyAttr>,
    },
    /// An answer that could not be read. It is a value, since the netlink library would otherwise drop it unseen.
    Malformed {
        /// The kind of answer: an `IPVS_CMD_*`.
        command: u8,
        /// What is wrong with it.
        error: DecodeError,
    },
}

impl Reply {
    /// Reads the attributes of an answer.
    pub fn parse(command: u8, attrs: &[u8]) -> Self {
        let parsed = if command == Command::SetInfo as u8 {
            parse_attrs("an info reply", attrs).map(Self::Info)
        } else {
            parse_attrs("a reply", attrs).map(|attrs| Self::Attrs { command, attrs })
        };
        parsed.unwrap_or_else(|error| Self::Malformed { command, error })
    }

    /// The first level of an answer of that kind.
    pub(super) fn expect(&self, wanted: Command) -> Result<&[ReplyAttr], DecodeError> {
        match self {
            Self::Attrs { command, attrs } if *command == wanted as u8 => Ok(attrs),
            Self::Malformed { error, .. } => Err(error.clone()),
            Self::Attrs { command, .. } => Err(DecodeError::Unexpected { command: *command }),
            Self::Info(_) => Err(DecodeError::Unexpected { command: Command::SetInfo as u8 }),
        }
    }
}

/// A message in one of the two directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the kernel.
    Request(Request),
    /// From the kernel.
    Reply(Reply),
}

impl GenlFamily for Message {
    fn family_name() -> &'static str {
        "IPVS"
    }

    fn command(&self) -> u8 {
        match self {
            Self::Request(request) => request.command as u8,
            Self::Reply(Reply::Info(_)) => Command::SetInfo as u8,
            Self::Reply(Reply::Attrs { command, .. } | Reply::Malformed { command, .. }) => *command,
        }
    }

    fn version(&self) -> u8 {
        1
    }
}

impl Emitable for Message {
    fn buffer_len(&self) -> usize {
        match self {
            Self::Request(request) => Wire::len(&request.attrs),
            Self::Reply(Reply::Info(attrs)) => Wire::len(attrs),
            Self::Reply(Reply::Attrs { attrs, .. }) => Wire::len(attrs),
            Self::Reply(Reply::Malformed { .. }) => 0,
        }
    }

    fn emit(&self, out: &mut [u8]) {
        match self {
            Self::Request(request) => Wire::emit(&request.attrs, out),
            Self::Reply(Reply::Info(attrs)) => Wire::emit(attrs, out),
            Self::Reply(Reply::Attrs { attrs, .. }) => Wire::emit(attrs, out),
            Self::Reply(Reply::Malformed { .. }) => {}
        }
    }
}

/// What comes from a socket is an answer.
impl ParseableParametrized<[u8], GenlHeader> for Message {
    fn parse_with_param(attrs: &[u8], header: GenlHeader) -> Result<Self, CoreError> {
        Ok(Self::Reply(Reply::parse(header.cmd, attrs)))
    }
}
