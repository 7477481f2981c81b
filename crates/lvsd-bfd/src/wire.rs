//! The control packet (RFC 5880 §4.1).
//!
//! ```text
//! octet
//!   0    version (3 bits), diagnostic (5 bits)
//!   1    state (2 bits), P F C A D M
//!   2    detection multiplier
//!   3    length, at least 24
//!   4    my discriminator
//!   8    your discriminator
//!  12    desired min TX interval, in microseconds
//!  16    required min RX interval, in microseconds
//!  20    required min echo RX interval, in microseconds
//!  24    authentication, if A is set
//! ```
//!
//! Reading never panics and never trusts the length; it makes those checks of RFC 5880 §6.8.6 that need no session, in the order of
//! the RFC. Writing cannot fail.

use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};

use nom::number::complete::{be_u32, u8};
use nom::{IResult, Parser};
use serde::{Deserialize, Serialize};

/// Octets of a packet without authentication.
pub const LEN: usize = 24;
/// Octets of the shortest packet with authentication.
const AUTH_LEN: usize = 26;
/// The only version (RFC 5880).
const VERSION: u8 = 1;

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
const AUTHENTICATION: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// Why a control packet is not believed. One variant for each counter of [`RejectCounters`](crate::RejectCounters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Reject {
    /// Not version 1.
    #[error("not version 1")]
    Version,
    /// Shorter than it has to be, or than it says.
    #[error("length does not fit")]
    Length,
    /// A detection multiplier of 0.
    #[error("detection multiplier 0")]
    Multiplier,
    /// The M bit is set.
    #[error("multipoint")]
    Multipoint,
    /// The sender has no discriminator.
    #[error("sender without discriminator")]
    MyDiscriminator,
    /// For no session of ours: a discriminator that we have not given out, or none and a sender that is no neighbour.
    #[error("for no session of ours")]
    NoSession,
    /// No discriminator of ours, though the sender's state says that it knows it.
    #[error("state Init or Up without our discriminator")]
    YourDiscriminator,
    /// Authenticated; no session of ours is.
    #[error("authenticated, which no session is")]
    Authentication,
    /// TTL or hop limit below what the session believes (RFC 5881 §5).
    #[error("TTL or hop limit too small: sent from farther away than max_hops allows")]
    Ttl,
}

/// The state of a session (RFC 5880 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// 0: held down by an operator.
    AdminDown,
    /// 1: nothing is heard, or this side is not.
    Down,
    /// 2: the neighbour is heard and does not know yet.
    Init,
    /// 3: both hear each other.
    Up,
}

impl State {
    /// Every state, by number.
    pub const ALL: [Self; 4] = [Self::AdminDown, Self::Down, Self::Init, Self::Up];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }

    /// From the upper two bits of the second octet.
    const fn from_flags(octet: u8) -> Self {
        match octet >> 6 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// Why a session was last taken out of Up (RFC 5880 §4.1); 5 bits, of which 9 values have a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic(u8);

impl Diagnostic {
    /// Nothing has happened yet.
    pub const NONE: Self = Self(0);
    /// Nothing was heard for the detection time.
    pub const DETECTION_TIME_EXPIRED: Self = Self(1);
    /// The neighbour said that the session is down.
    pub const NEIGHBOR_SIGNALED: Self = Self(3);
    /// An operator took it down.
    pub const ADMINISTRATIVELY_DOWN: Self = Self(7);

    /// The number, 0 to 31.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    const fn from_octet(octet: u8) -> Self {
        Self(octet & 0x1f)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "no diagnostic",
            1 => "control detection time expired",
            2 => "echo function failed",
            3 => "neighbor signaled session down",
            4 => "forwarding plane reset",
            5 => "path down",
            6 => "concatenated path down",
            7 => "administratively down",
            8 => "reverse concatenated path down",
            other => return write!(f, "diagnostic {other}"),
        })
    }
}

/// What one side calls the session; never 0, which on the wire means "not known".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Discriminator(NonZeroU32);

impl Discriminator {
    /// `None` for 0.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// Whether a packet asks, answers, or neither (RFC 5880 §6.5). On the wire both bits may be set, which the RFC forbids to senders; it is
/// read as an answer that also asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// P: the sender wants an answer.
    pub poll: bool,
    /// F: this is the answer.
    pub answer: bool,
}

/// A control packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Why the sender's session is not Up.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// Question or answer.
    pub sequence: Sequence,
    /// C: the sender's BFD survives its control plane. Nothing here depends on it.
    pub independent: bool,
    /// D: the sender wants no periodic packets while both are Up.
    pub demand: bool,
    /// The sender's detection multiplier.
    pub multiplier: NonZeroU8,
    /// What the sender calls the session.
    pub my_discriminator: Discriminator,
    /// What it knows that the receiver calls it.
    pub your_discriminator: Option<Discriminator>,
    /// The sender would like to send that often, in microseconds.
    pub desired_min_tx: u32,
    /// It can receive that often, in microseconds; 0: it wants no periodic packets.
    pub required_min_rx: u32,
    /// It can receive echo packets that often, in microseconds; 0: none at all.
    pub required_min_echo_rx: u32,
}

impl Control {
    /// Reads a UDP payload.
    ///
    /// # Errors
    /// The first check of RFC 5880 §6.8.6 that fails, of those that need no session.
    pub fn parse(payload: &[u8]) -> Result<Self, Reject> {
        let (_, fixed) = Fixed::read(payload).map_err(|_| Reject::Length)?;
        require(fixed.version_diagnostic >> 5 == VERSION, Reject::Version)?;
        let has = |bit| fixed.state_flags & bit != 0;
        let least = if has(AUTHENTICATION) { AUTH_LEN } else { LEN };
        let length = usize::from(fixed.length);
        require(length >= least && length <= payload.len(), Reject::Length)?;
        let multiplier = NonZeroU8::new(fixed.multiplier).ok_or(Reject::Multiplier)?;
        require(!has(MULTIPOINT), Reject::Multipoint)?;
        let my_discriminator = Discriminator::new(fixed.my_discriminator).ok_or(Reject::MyDiscriminator)?;
        let your_discriminator = Discriminator::new(fixed.your_discriminator);
        let state = State::from_flags(fixed.state_flags);
        let may_be_unknown = matches!(state, State::Down | State::AdminDown);
        require(your_discriminator.is_some() || may_be_unknown, Reject::YourDiscriminator)?;
        require(!has(AUTHENTICATION), Reject::Authentication)?;
        Ok(Self {
            diagnostic: Diagnostic::from_octet(fixed.version_diagnostic),
            state,
            sequence: Sequence { poll: has(POLL), answer: has(FINAL) },
            independent: has(CONTROL_PLANE_INDEPENDENT),
            demand: has(DEMAND),
            multiplier,
            my_discriminator,
            your_discriminator,
            desired_min_tx: fixed.desired_min_tx,
            required_min_rx: fixed.required_min_rx,
            required_min_echo_rx: fixed.required_min_echo_rx,
        })
    }

    /// The packet as it is sent.
    #[must_use]
    pub fn emit(&self) -> [u8; LEN] {
        let mut flags = self.state.number() << 6;
        for (set, bit) in [
            (self.sequence.poll, POLL),
            (self.sequence.answer, FINAL),
            (self.independent, CONTROL_PLANE_INDEPENDENT),
            (self.demand, DEMAND),
        ] {
            flags |= if set { bit } else { 0 };
        }
        let [m0, m1, m2, m3] = self.my_discriminator.get().to_be_bytes();
        let [y0, y1, y2, y3] = self.your_discriminator.map_or(0, Discriminator::get).to_be_bytes();
        let [t0, t1, t2, t3] = self.desired_min_tx.to_be_bytes();
        let [r0, r1, r2, r3] = self.required_min_rx.to_be_bytes();
        let [e0, e1, e2, e3] = self.required_min_echo_rx.to_be_bytes();
        [
            VERSION << 5 | self.diagnostic.number(),
            flags,
            self.multiplier.get(),
            LEN as u8,
            m0,
            m1,
            m2,
            m3,
            y0,
            y1,
            y2,
            y3,
            t0,
            t1,
            t2,
            t3,
            r0,
            r1,
            r2,
            r3,
            e0,
            e1,
            e2,
            e3,
        ]
    }
}

const fn require(holds: bool, reject: Reject) -> Result<(), Reject> {
    if holds { Ok(()) } else { Err(reject) }
}

/// The 24 octets that every packet has, as they stand there.
struct Fixed {
    version_diagnostic: u8,
    state_flags: u8,
    multiplier: u8,
    length: u8,
    my_discriminator: u32,
    your_discriminator: u32,
    desired_min_tx: u32,
    required_min_rx: u32,
    required_min_echo_rx: u32,
}

impl Fixed {
    fn read(input: &[u8]) -> IResult<&[u8], Self> {
        let mut octets = (u8, u8, u8, u8);
        let mut words = (be_u32, be_u32, be_u32, be_u32, be_u32);
        let (input, (version_diagnostic, state_flags, multiplier, length)) = octets.parse(input)?;
        let (
            input,
            (my_discriminator, your_discriminator, desired_min_tx, required_min_rx, required_min_echo_rx),
        ) = words.parse(input)?;
        let fixed = Self {
            version_diagnostic,
            state_flags,
            multiplier,
            length,
            my_discriminator,
            your_discriminator,
            desired_min_tx,
            required_min_rx,
            required_min_echo_rx,
        };
        Ok((input, fixed))
    }
}
