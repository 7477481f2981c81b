//! Metrics of the BFD process.

use lvsd_bfd::State;
use lvsd_ipc::{BfdSessionSnapshot, BfdSnapshot};

use super::table::{self as m, Metric};
use super::text::{Page, Value};

pub(super) fn write(page: &mut Page, snapshot: &BfdSnapshot) {
    let sessions = &snapshot.sessions;
    page.metric(&m::BFD_STATE, |series| {
        for one in sessions {
            for state in State::ALL {
                series.add(&[&one.name, &one.neighbor.to_string(), &state.to_string()], one.state == state);
            }
        }
    });
    each(page, &m::BFD_UP, sessions, |one| one.up);
    each(page, &m::BFD_STATE_AGE, sessions, |one| one.in_state_for);
    page.metric(&m::BFD_DETECTION, |series| {
        for one in sessions {
            if let Some(remote) = &one.remote {
                series.add(&[&one.name, &one.neighbor.to_string()], remote.detection_time);
            }
        }
    });
    page.metric(&m::BFD_INTERVAL, |series| {
        for one in sessions {
            if let Some(interval) = one.interval {
                series.add(&[&one.name, &one.neighbor.to_string()], interval);
            }
        }
    });
    each(page, &m::BFD_SENT, sessions, |one| one.sent);
    each(page, &m::BFD_RECEIVED, sessions, |one| one.received);
    each(page, &m::BFD_UPS, sessions, |one| one.ups);
    each(page, &m::BFD_DOWNS, sessions, |one| one.downs);
    each(page, &m::BFD_SEND_FAILS, sessions, |one| one.send_error.is_some());
    page.metric(&m::BFD_REJECTED, |series| {
        snapshot.rejected.iter().for_each(|(cause, count)| series.add(&[cause], *count));
    });
    page.single(&m::BFD_DEAF, snapshot.deaf.len());
    page.single(&m::BFD_LATENESS, snapshot.worst_lateness);
}

/// One series for each session.
fn each<V: Into<Value>>(
    page: &mut Page,
    metric: &'static Metric,
    sessions: &[BfdSessionSnapshot],
    value: impl Fn(&BfdSessionSnapshot) -> V,
) {
    page.metric(metric, |series| {
        sessions.iter().for_each(|one| series.add(&[&one.name, &one.neighbor.to_string()], value(one)));
    });
}
