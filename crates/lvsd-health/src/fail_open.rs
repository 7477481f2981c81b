//! `min_up`: when too many servers fail, it is more likely the checks, or the way to the servers, than all of them. Then those
//! that had the traffic keep it.
//!
//! Checks do not run at the same moment: of servers that fail at once the first ones are taken out before the last one shows
//! what is going on. So those that were lost within a round of checks before that get the traffic back.

use std::time::Duration;

use lvsd_model::{Check, CheckKind, VirtualServer};

use crate::pool::{Server, ServerState, Standing};
use crate::time::Time;

/// Marks the servers that are down and keep the traffic, from what they were before. Gives whether there are any.
pub(crate) fn keep(
    now: Time,
    config: &VirtualServer,
    servers: &[Server],
    states: &mut [ServerState],
    before: &[Option<ServerState>],
) -> bool {
    let Some(min_up) = config.turnover.min_up else { return false };
    let up = states.iter().filter(|state| state.standing == Standing::Up).count();
    if up >= min_up.of(states.len()) {
        return false;
    }
    let round = config.real_servers.iter().flat_map(|server| &server.checks).map(round).max();
    let mut any = false;
    for ((state, server), before) in states.iter_mut().zip(servers).zip(before) {
        let had_traffic = before.as_ref().is_some_and(ServerState::has_traffic);
        let just_lost = server.lost_at.zip(round).is_some_and(|(at, round)| now.since(at) <= round);
        state.kept = state.standing == Standing::Down && (had_traffic || just_lost);
        any |= state.kept;
    }
    any
}

/// How long a check may take to find out.
fn round(check: &Check) -> Duration {
    let timing = check.timing;
    let run = match &check.kind {
        CheckKind::Misc(misc) => misc.timeout,
        // For the connection, and again for the answer.
        kind => kind.target().map_or(Duration::ZERO, |target| target.timeout.saturating_mul(2)),
    };
    let retries = timing.retry_delay.saturating_add(run).saturating_mul(timing.retry);
    timing.interval.saturating_add(run).saturating_add(retries)
}
