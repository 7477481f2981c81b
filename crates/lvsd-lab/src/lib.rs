//! The test laboratory: hosts on a fake LAN made of network namespaces, real servers and clients, packet captures,
//! the daemon under test, the peer keepalived, and a guest kernel that has IPVS. Development only.
//!
//! Everything here is synchronous, owns what it made and takes it away when dropped, also while a test panics; what a
//! killed test left behind is removed by the next one. Nothing of the product may depend on this crate, and this crate
//! depends on nothing of the product: it sees the daemon only as a program, its packets only as bytes.
//!
//! Start reading at [`Lan`] and [`Host`], then [`Launch`] (a director, ours or the
//! peer's), [`web`] (real servers and
//! clients), [`Capture`] (what a third host saw) and [`Guest`] (the kernel with IPVS). [`require!`] opens every test
//! that needs more than an ordinary user has; [`setup`] installs what it needs.

mod bird;
mod capture;
mod daemon;
mod director;
mod error;
mod frame;
mod guest;
mod keepalived;
mod mail;
mod namespace;
mod need;
mod net;
mod process;
pub mod setup;
mod sweep;
mod wait;
pub mod web;

pub use bird::{Bird, BirdSession};
pub use capture::Capture;
pub use daemon::built;
pub use director::{Director, Launch};
pub use error::{LabError, Result};
pub use frame::{Advert, Announcement, Frame, Seen, Version};
pub use guest::{Guest, has_ipvs, quote};
pub use keepalived::Rival;
pub use mail::{Mail, MailServer, Manner};
pub use namespace::Namespace;
pub use need::{Need, SKIP_LOG, Verdict, missing, skip, skips_are_failures};
pub use net::{Address, Host, Lan, Link};
pub use process::{Output, Process, Program};
pub use sweep::{clean_up_when_interrupted, sweep};
pub use wait::{until, until_some};
