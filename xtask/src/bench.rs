//! Measurements side by side with the peer: both makes in one run, round by round in turn, so that what else the machine
//! does hits both. What counts is the ratio; the absolute times are this machine's.

mod config;
mod failover;
mod load;
mod report;
mod stats;

use crate::{
    Failure,
    cargo::{self, Profile},
};
use lvsd_lab::{Host, LabError, Launch, Rival};
use std::{env, fmt, path::PathBuf, process::ExitCode};

/// The version of the peer that is measured against.
const RIVAL: Rival = Rival::V2_3_3;

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum What {
    /// A large configuration, checked: processor time and memory.
    Config(config::Options),
    /// From the end of a master to the gratuitous ARP of the other, as a third host sees it.
    Failover(failover::Options),
    /// A large IPVS table: loaded, one weight changed, stopped.
    Load(load::Options),
}

/// Measures. It fails only if it could not; a target that is missed is told, not more.
pub(crate) fn run(what: &What) -> Result<ExitCode, Failure> {
    match what {
        What::Config(options) => config::run(options),
        What::Failover(options) => failover::run(options),
        What::Load(options) => load::run(options),
    }
}

/// A make of director.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Make {
    Lvsd,
    Keepalived,
}

impl Make {
    const BOTH: [Self; 2] = [Self::Lvsd, Self::Keepalived];

    /// Both, in an order that alternates from round to round.
    fn in_turn(round: usize) -> [Self; 2] {
        let [first, second] = Self::BOTH;
        if round.is_multiple_of(2) { [first, second] } else { [second, first] }
    }
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lvsd => f.write_str("lvsd"),
            Self::Keepalived => write!(f, "keepalived {}", RIVAL.version()),
        }
    }
}

/// The programs to be measured.
#[derive(Debug)]
struct Programs {
    lvsd: PathBuf,
}

impl Programs {
    /// Builds lvsd as it is released, unless the environment names one that is built.
    fn build() -> Result<Self, Failure> {
        let built = env::var_os("LVSD_BIN").map(PathBuf::from);
        let lvsd = built.map_or_else(|| cargo::program("lvsd", Profile::Release), Ok)?;
        Ok(Self { lvsd })
    }

    /// One of a make, about to be started.
    fn launch<'a>(&self, make: Make, host: &'a Host) -> Result<Launch<'a>, LabError> {
        match make {
            Make::Lvsd => Launch::lvsd_at(host, &self.lvsd),
            Make::Keepalived => Launch::keepalived(host, RIVAL),
        }
    }
}
