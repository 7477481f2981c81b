//! `/metrics`: one observation as Prometheus text.
//!
//! [`table`] says what there is; [`text`] knows the format; `process`, `vrrp`, `checker` and `bfd` fill in the values. Series are
//! written from the current state at each scrape, so those of a removed object are gone at once.

mod bfd;
mod checker;
mod man;
mod notice;
mod process;
pub(crate) mod server;
mod table;
mod text;
mod vrrp;

#[cfg(test)]
pub(crate) mod tests;

pub use man::manual_section;

use crate::observation::Observation;
use text::Page;

/// The page.
pub(crate) fn render(observation: &Observation) -> String {
    let mut page = Page::default();
    process::write(&mut page, observation);
    if let Some(snapshot) = &observation.vrrp {
        vrrp::write(&mut page, snapshot);
    }
    if let Some(snapshot) = &observation.checker {
        checker::write(&mut page, snapshot);
    }
    if let Some(snapshot) = &observation.bfd {
        bfd::write(&mut page, snapshot);
    }
    notice::write(&mut page, observation);
    page.finish()
}
