//! What the end-to-end suites in `tests/` share: a site (a LAN with its directors), the virtual routers they are given,
//! and the two makes of director that sit in them.
//!
//! The suites know the daemon as an operator does: by its configuration, its command line, its scripts, its packets. So
//! the peer can sit in the seat of the daemon (`LVSD_SUBJECT=2.3.3`), which shows that what a test expects is true of
//! the field and not only of us. Helpers panic where a test would only unwrap: the place of the call is what is shown.

mod farm;
mod make;
mod parallel;
mod router;
mod running;
mod service;
mod site;
mod table;
mod talk;
mod tls;

pub use farm::{Customer, RealServer, shares, wait_only};
pub use make::Make;
pub use parallel::in_parallel;
pub use router::{AuthType, Cast, Perch, Router, Wire};
pub use running::Running;
pub use service::Service;
pub use site::{Node, Site, held};
pub use table::{connections, difference, restarted, table, wait_table, wait_table_within};
pub use talk::{Talk, start_talker};
pub use tls::TlsPage;

use std::{net::IpAddr, time::Duration};

/// The deadline of everything that happens at once, or after a few adverts. Far beyond what it takes, for the machine
/// may be busy with other tests.
pub const SOON: Duration = Duration::from_secs(20);

/// The value of a result that must be good.
///
/// # Panics
/// It is not; with the error's own words, which often span lines.
#[track_caller]
pub fn good<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// An address in a test.
///
/// # Panics
/// It is none.
#[track_caller]
pub fn ip(text: &str) -> IpAddr {
    good(text.parse())
}
