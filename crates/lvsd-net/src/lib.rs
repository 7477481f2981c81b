//! What lvsd needs of the operating system's network and process interfaces, typed: VRRP sockets, announcement frames,
//! rtnetlink, timers, scheduling, namespaces.
//!
//! The one crate of the workspace that may hold `unsafe`; every such block sits in `sys` or `child` with its `SAFETY` comment.
//! It must never decide anything: no VRRP rule, no policy on what address belongs where. What comes from the network or
//! the kernel is decoded without indexing; input that does not parse is skipped, never a panic.
//!
//! Start reading at [`VrrpSocket`], [`Rtnl`] and [`Monitor`].

mod announce;
mod bfd_socket;
mod checksum;
pub mod child;
mod clock;
mod first_to_close;
mod frame;
mod inquiry_socket;
mod membership_socket;
mod namespace;
pub mod nft;
mod process;
mod process_events;
mod rtnl;
mod segment_socket;
#[expect(unsafe_code, reason = "the operating system's interfaces that no crate of ours wraps")]
mod sys;
mod sysctl;
mod testament;
mod tuning;
mod vrrp_socket;
mod wakeup;

pub use announce::AnnounceSocket;
pub use bfd_socket::{BfdListener, BfdReceived, BfdSender, MAX_BFD_DATAGRAM};
pub use clock::{Timer, Zone, civil, since_epoch, time_of_day, uptime};
pub use frame::{ARP_FRAME, Mac, NA_FRAME, NaRole, gratuitous_arp, unsolicited_na};
pub use inquiry_socket::{InquirySocket, hold_protocol};
pub use membership_socket::{MembershipSocket, hold_membership};
pub use namespace::{enter_namespace, in_namespace};
pub use process::{
    adopt_stream, die_with_parent, keep_heap, lock_memory, set_nice, set_realtime, set_thread_name,
    stay_responsive,
};
pub use process_events::{ProcessEvent, ProcessEvents};
pub use rtnl::{
    AddressChange, AddressEntry, AddressKey, AddressSpec, IFA_PROTO_VRRP, Link, LinkChange, LinkKind,
    Monitor, MonitorEvent, NewLink, NewLinkKind, NoInterface, RouteEntry, RouteSpec, RoutingChange,
    RoutingEvent, RoutingMonitor, Rtnl, RtnlError, same_rule,
};
pub use segment_socket::{Heading, Seen, SegmentSocket};
pub use sysctl::{read_sysctl, write_sysctl};
pub use testament::Testament;
pub use tuning::{Tuning, Urgency, set_umask};
pub use vrrp_socket::{Device, IpProtocol, MAX_DATAGRAM, Outgoing, Received, VrrpSocket};
pub use wakeup::Wakeup;
