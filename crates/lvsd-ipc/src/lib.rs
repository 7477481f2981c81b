//! Messages and frames between the supervisor and its children.
//!
//! Each child has one end of a socketpair as its standard input, to begin with. Both ends are the same executable, so the
//! encoding (postcard) needs no compatibility across versions; what it must survive is a peer that dies in the middle of a
//! frame or sends rubbish: [`FrameReader`] checks a frame's length before it allocates, and a frame that does not decode is
//! an error that ends the connection, never a panic.
//!
//! This crate must never open a socket itself. Start reading at [`ToChild`] and [`FromChild`].

mod amend;
mod bfd;
mod checker;
mod event;
mod frame;
mod message;
mod notice;
mod radar;
mod vrrp;

pub use amend::{Amendment, Run};
pub use bfd::{BfdNeighborSnapshot, BfdPlan, BfdSessionSnapshot, BfdSnapshot, SessionState};
pub use checker::{
    CheckSnapshot, CheckerPlan, CheckerSnapshot, Counters, IpvsHealth, RealServerSnapshot, ServiceSnapshot,
};
pub use event::{ChildEvent, QuorumState, ServiceChange};
pub use frame::{Frame, FrameError, FrameReader, FrameWriter, MAX_FRAME, decode, encode};
pub use lvsd_vrrp::radar::{AuthSeen, Finding, MacAddress, What};
pub use message::{Applied, FromChild, Generation, Role, StopManner, ToChild};
pub use notice::{FifoSnapshot, MailSnapshot, NoticeSnapshot};
pub use radar::{Advice, FindingSnapshot, NeighbourSnapshot, Neighbourhood, RadarSnapshot, SegmentSnapshot};
pub use vrrp::{
    Adjustment, AdvertCounters, FileSnapshot, GroupSnapshot, InstanceSnapshot, InstanceState, JournalEntry,
    ProcessSnapshot, RejectCounters, ScriptSnapshot, VrrpPlan, VrrpSnapshot,
};
