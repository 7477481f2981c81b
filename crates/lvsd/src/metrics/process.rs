//! The supervisor's own metrics.

use lvsd_ipc::Role;

use super::table as m;
use super::text::Page;
use crate::observation::{ChildHealth, Observation};

pub(super) fn write(page: &mut Page, observation: &Observation) {
    let health = &observation.health;
    page.metric(&m::BUILD_INFO, |series| series.add(&[crate::VERSION], true));
    page.single(&m::START_TIME, health.started);
    page.single(&m::GENERATION, health.generation);
    let counts = health.diagnostics;
    page.metric(&m::DIAGNOSTICS, |series| {
        series.add(&["error"], counts.errors);
        series.add(&["tolerated"], counts.tolerated);
        series.add(&["hint"], counts.hints);
    });
    page.single(&m::RELOAD_SUCCESS, !health.reload.last_refused);
    page.single(&m::RELOAD_TIME, health.reload.last_attempt);
    page.metric(&m::RELOADS, |series| {
        series.add(&["success"], health.reload.succeeded);
        series.add(&["refused"], health.reload.refused);
    });
    let children: Vec<(&str, bool, ChildHealth)> = Role::ALL
        .into_iter()
        .map(|role| (role.name(), observation.answered(role), *health.children.of(role)))
        .filter(|(_, _, child)| child.wanted)
        .collect();
    page.metric(&m::CHILD_UP, |series| {
        children.iter().for_each(|(name, up, _)| series.add(&[name], *up));
    });
    page.metric(&m::CHILD_RESTARTS, |series| {
        children.iter().for_each(|(name, _, child)| series.add(&[name], child.restarts));
    });
    page.metric(&m::CHILD_SILENCES, |series| {
        children.iter().for_each(|(name, _, child)| series.add(&[name], child.silences));
    });
    page.metric(&m::CHILD_GENERATION, |series| {
        children.iter().for_each(|(name, _, child)| series.add(&[name], child.generation));
    });
    page.metric(&m::CHILD_DEGRADED, |series| {
        children.iter().for_each(|(name, _, child)| series.add(&[name], child.degraded));
    });
}
