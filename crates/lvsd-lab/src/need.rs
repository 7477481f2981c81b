//! What a test needs beyond an ordinary user's rights, and what happens when it is not there: the test is skipped, and
//! the skip is counted; where everything is required (CI), a skip is a failure.

use crate::{LabError, Rival, bird, guest, setup};
use nix::unistd::geteuid;
use std::{env, fs::OpenOptions, io::Write as _, thread};

/// File that the test runner gives, and that gets one line per skipped test.
pub const SKIP_LOG: &str = "LVSD_SKIP_LOG";

/// Something that not every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Root, who may make network namespaces.
    Root,
    /// A kernel with IPVS: this one, or the guest's when inside it.
    Ipvs,
    /// A version of the peer.
    Rival(Rival),
    /// Prometheus' checker of metrics.
    Promtool,
    /// Another BFD speaker.
    Bird,
}

/// How a test function ends that was skipped; what [`require!`](crate::require) returns.
pub trait Verdict {
    /// The value of "nothing went wrong".
    fn skipped() -> Self;
}

impl Verdict for () {
    fn skipped() -> Self {}
}

impl<E> Verdict for Result<(), E> {
    fn skipped() -> Self {
        Ok(())
    }
}

/// Why a test with these needs cannot run here; `None` when it can.
pub fn missing(needs: &[Need]) -> Option<String> {
    needs.iter().find_map(|need| match need {
        Need::Root => (!geteuid().is_root()).then(|| "needs root".to_owned()),
        Need::Ipvs => (!guest::has_ipvs()).then(|| "needs a kernel with ip_vs".to_owned()),
        Need::Rival(rival) => rival.root().err().as_ref().map(LabError::to_string),
        Need::Bird => bird::installed().err().as_ref().map(LabError::to_string),
        Need::Promtool => setup::promtool().err().as_ref().map(LabError::to_string),
    })
}

/// Is a test that does not run a test that fails? So it is where `LVSD_REQUIRE` or `CI` is set, to anything but the
/// usual words for no.
pub fn skips_are_failures() -> bool {
    let is_yes = |value: &str| !["", "0", "false", "no"].contains(&value);
    ["LVSD_REQUIRE", "CI"].iter().any(|name| env::var(name).is_ok_and(|value| is_yes(&value)))
}

/// Records that the calling test is skipped.
///
/// # Panics
/// Where [skips are failures](skips_are_failures).
pub fn skip(reason: &str) {
    let thread = thread::current();
    let line = format!("{}: {reason}\n", thread.name().unwrap_or("a test"));
    assert!(!skips_are_failures(), "not to be skipped, as LVSD_REQUIRE or CI is set: {line}");
    let written = env::var_os(SKIP_LOG).is_some_and(|path| {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut log| log.write_all(line.as_bytes()))
            .is_ok()
    });
    if !written {
        // Not through the test harness, which keeps the output of passing tests to itself.
        let _ = write!(std::io::stderr(), "skipped: {line}");
    }
}

/// Opens a test that needs more than an ordinary user has: returns from it, having counted it as skipped, when a
/// [`Need`] is not met.
#[macro_export]
macro_rules! require {
    ($($need:expr),+ $(,)?) => {
        if let Some(reason) = $crate::missing(&[$($need),+]) {
            $crate::skip(&reason);
            return $crate::Verdict::skipped();
        }
    };
}
