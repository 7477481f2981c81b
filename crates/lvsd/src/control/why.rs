//! `GET /v1/instances/NAME/why`: what made an instance what it is, with the numbers.

use std::time::Duration;

use lvsd_ipc::{InstanceSnapshot, JournalEntry, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::view::{Adjustment, adjustment};
use crate::observation::Observation;

/// An instance, and its latest decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Its name.
    pub name: String,
    /// `INIT`, `BACKUP`, `MASTER`, `FAULT`.
    pub state: String,
    /// For how long, in seconds.
    pub in_state: f64,
    /// As configured.
    pub base_priority: u8,
    /// What trackers add to that, each for itself.
    pub adjustments: Vec<Adjustment>,
    /// The priority in force: the sum, within 1 to 254; 255 for an owner.
    pub priority: u8,
    /// Why it is in FAULT, when it is.
    pub faults: Vec<String>,
    /// Its latest decisions: changes of state, and why there was none. By the time at which they began.
    pub journal: Vec<Decision>,
}

/// A decision, made once or several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When for the first time, in seconds since the epoch.
    pub first: f64,
    /// When for the last time, likewise.
    pub last: f64,
    /// How often.
    pub count: u64,
    /// What was decided and why, for people.
    pub text: String,
    /// The same for programs, with everything that it was made from.
    pub reason: Value,
}

/// Why an instance cannot be told of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Untold {
    /// There is none of that name.
    Unknown(String),
    /// Its process has not answered.
    Silent,
}

impl Why {
    /// `now` is since the epoch, at the time of the observation.
    pub(super) fn new(observation: &Observation, name: &str, now: Duration) -> Result<Self, Untold> {
        let instances = match &observation.vrrp {
            Some(vrrp) => vrrp.instances.as_slice(),
            None if observation.health.children.of(Role::Vrrp).wanted => return Err(Untold::Silent),
            None => &[],
        };
        let found = instances.iter().find(|instance| instance.name == name);
        found.map(|instance| Self::of(instance, now)).ok_or_else(|| Untold::Unknown(unknown(name, instances)))
    }

    fn of(instance: &InstanceSnapshot, now: Duration) -> Self {
        Self {
            name: instance.name.clone(),
            state: instance.state.word().to_owned(),
            in_state: instance.in_state_for.as_secs_f64(),
            base_priority: instance.base_priority,
            adjustments: instance.adjustments.iter().map(adjustment).collect(),
            priority: instance.effective_priority,
            faults: instance.faults.clone(),
            journal: instance.journal.iter().map(|entry| decision(entry, now)).collect(),
        }
    }
}

fn unknown(name: &str, instances: &[InstanceSnapshot]) -> String {
    let names = || instances.iter().map(|instance| instance.name.as_str());
    match lvsd_config::nearest(name, names()) {
        Some(near) => format!("there is no instance {name}; did you mean {near}?"),
        None if instances.is_empty() => {
            format!("there is no instance {name}: the configuration in force has none")
        }
        None => format!("there is no instance {name}; see lvsctl status"),
    }
}

fn decision(entry: &JournalEntry, now: Duration) -> Decision {
    Decision {
        first: now.saturating_sub(entry.first_ago).as_secs_f64(),
        last: now.saturating_sub(entry.last_ago).as_secs_f64(),
        count: entry.count,
        text: entry.reason.to_string(),
        // Strings and numbers always serialise.
        reason: serde_json::to_value(&entry.reason).map(in_seconds).unwrap_or_default(),
    }
}

/// Spans of time as seconds, as they are everywhere at this socket, instead of as seconds and nanoseconds.
fn in_seconds(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(in_seconds).collect(),
        Value::Object(fields) => match span(&fields) {
            Some(span) => span.as_secs_f64().into(),
            None => fields.into_iter().map(|(name, field)| (name, in_seconds(field))).collect(),
        },
        plain => plain,
    }
}

fn span(fields: &serde_json::Map<String, Value>) -> Option<Duration> {
    let (secs, nanos) = (fields.get("secs")?.as_u64()?, fields.get("nanos")?.as_u64()?);
    (fields.len() == 2).then(|| Duration::new(secs, u32::try_from(nanos).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spans_are_seconds_however_deep() {
        let made = json!({"changed": {"because": {"master_silent": {
            "waited": Duration::from_millis(3_609), "last": {"priority": 150, "ago": Duration::from_secs(4)}}},
            "list": [Duration::from_millis(500), "text", null, {"secs": 1}]}});
        let expected = json!({"changed": {"because": {"master_silent": {
            "waited": 3.609, "last": {"priority": 150, "ago": 4.0}}},
            "list": [0.5, "text", null, {"secs": 1}]}});
        assert_eq!(in_seconds(made), expected);
    }

    #[test]
    fn who_is_not_there_is_told_from_who_does_not_answer() {
        let mut observation = Observation::default();
        let why = |observation: &Observation| Why::new(observation, "web", Duration::from_secs(1));
        let none = "there is no instance web: the configuration in force has none".to_owned();
        assert_eq!(why(&observation), Err(Untold::Unknown(none)));
        observation.health.children.of_mut(Role::Vrrp).wanted = true;
        assert_eq!(why(&observation), Err(Untold::Silent));
    }
}
