//! Notifications: scripts, FIFOs, mail; what is told when, in which order.
//!
//! An event's scripts are started first, then its line is written to the FIFOs, then mail is sent. Neither of the latter waits
//! for scripts, so their order is that of the events.
//!
//! Each instance and each group has a lane of its own. The scripts of one event start in order, without waiting for one another;
//! the next event of the lane waits until they have ended, so that a script for MASTER never overtakes the one for BACKUP before
//! it. A script that takes longer than [`PATIENCE`] no longer holds up its lane; it goes on running.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use lvsd_ipc::InstanceState;
use lvsd_model::{Deletion, Instance, Notify, Script, ScriptPolicy, SyncGroup};
use lvsd_notify::{Line, Outlets, Subject, Word};
use lvsd_script::{Prepared, Runner};
use lvsd_vrrp::{Cause, State, Transition};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

/// How long a lane waits for a script.
const PATIENCE: Duration = Duration::from_secs(10);
/// Events that wait in one lane; with more, the oldest ones are not worth telling.
const BACKLOG: usize = 64;

/// Whose event it is, and so which lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Lane {
    Instance(String),
    Group(String),
}

/// A script with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    script: Script,
    args: Vec<String>,
}

/// The scripts of one event, in order.
type Calls = Vec<Call>;

/// Tells what happens.
#[derive(Debug)]
pub(crate) struct Notifier {
    /// FIFOs and mail.
    pub(crate) outlets: Outlets,
    runner: Runner,
    prepared: HashMap<Script, Result<Prepared, String>>,
    waiting: BTreeMap<Lane, VecDeque<Calls>>,
    running: JoinSet<Lane>,
}

impl Notifier {
    pub(crate) fn new() -> Self {
        Self {
            outlets: Outlets::new(),
            runner: Runner::new(ScriptPolicy::default()),
            prepared: HashMap::new(),
            waiting: BTreeMap::new(),
            running: JoinSet::new(),
        }
    }

    /// Checks the scripts of a plan; gives what cannot run.
    pub(crate) fn apply<'a>(
        &mut self,
        policy: &ScriptPolicy,
        notifies: impl Iterator<Item = &'a Notify>,
    ) -> Vec<String> {
        self.runner = Runner::new(policy.clone());
        self.prepared.clear();
        for script in notifies.flat_map(Notify::scripts) {
            let runner = &self.runner;
            let prepare = || runner.prepare(script).map_err(|why| why.to_string());
            self.prepared.entry(script.clone()).or_insert_with(prepare);
        }
        let refused = self.prepared.iter().filter_map(|(script, result)| {
            let why = result.as_ref().err()?;
            Some(format!("notification script {}: {why}", script.source))
        });
        refused.collect()
    }

    /// An instance changed its state.
    pub(crate) fn instance(&mut self, config: &Instance, transition: &Transition) {
        if let Some(word) = word(transition, &config.notify.deletion) {
            let subject = Subject::Instance(&config.name);
            let args = arguments(subject, word, transition.priority);
            self.push(Lane::Instance(config.name.clone()), calls(&config.notify, word, args));
            self.outlets.state(subject, word, transition.priority, config.notify.mail);
        }
    }

    /// A group changed its state.
    pub(crate) fn group(&mut self, config: &SyncGroup, transition: &Transition) {
        if let Some(word) = word(transition, &config.notify.deletion) {
            let subject = Subject::Group(&config.name);
            self.push(
                Lane::Group(config.name.clone()),
                calls(&config.notify, word, arguments(subject, word, 0)),
            );
            self.outlets.state(subject, word, 0, config.notify.mail);
        }
    }

    /// The priority of an instance changed, and its state did not.
    pub(crate) fn priority(&mut self, config: &Instance, state: State, priority: u8) {
        let word = match state {
            State::Master => Word::MasterPriority,
            State::Init | State::Backup | State::Fault => Word::BackupPriority,
        };
        self.outlets.state(Subject::Instance(&config.name), word, priority, false);
    }

    /// Writes states to the FIFOs again, as they are after a reload.
    pub(crate) fn repeat<'a>(&mut self, states: impl Iterator<Item = (Subject<'a>, InstanceState, u8)>) {
        for (subject, state, priority) in states {
            let word = match state {
                InstanceState::Master => Word::Master,
                InstanceState::Backup => Word::Backup,
                InstanceState::Fault => Word::Fault,
                InstanceState::Init => continue,
            };
            self.outlets.line(Line::State { subject, word, priority });
        }
    }

    /// A master heard an advert of lower priority. As long as that goes on, it happens with every advert: one that finds the lane
    /// busy is left out, so that it never delays a change of state.
    pub(crate) fn lower_priority(&mut self, config: &Instance, own: u8) {
        let subject = Subject::Instance(&config.name);
        self.outlets.state(subject, Word::MasterRxLowerPriority, own, false);
        let lane = Lane::Instance(config.name.clone());
        if self.waiting.contains_key(&lane) {
            return;
        }
        let script = config.notify.master_rx_lower_priority.iter();
        let calls = script.map(|script| Call { script: script.clone(), args: Vec::new() });
        self.push(lane, calls.collect());
    }

    /// Whether no script is running or waiting.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits until a lane is free and goes on with what waits there; for ever, when nothing is running. Safe to cancel.
    pub(crate) async fn advance(&mut self) {
        match self.running.join_next().await {
            Some(Ok(lane)) => self.next_of(lane),
            Some(Err(error)) => warn!(%error, "a notification was lost"),
            None => std::future::pending().await,
        }
    }

    fn push(&mut self, lane: Lane, calls: Calls) {
        if calls.is_empty() {
            return;
        }
        if let Some(queue) = self.waiting.get_mut(&lane) {
            if queue.len() >= BACKLOG {
                queue.pop_front();
                warn!(?lane, "notification scripts are too slow; the oldest event is left out");
            }
            queue.push_back(calls);
        } else {
            // A lane is here while something of it is running.
            self.waiting.insert(lane.clone(), VecDeque::new());
            self.start(lane, calls);
        }
    }

    fn next_of(&mut self, lane: Lane) {
        match self.waiting.get_mut(&lane).and_then(VecDeque::pop_front) {
            Some(calls) => self.start(lane, calls),
            None => {
                self.waiting.remove(&lane);
            }
        }
    }

    fn start(&mut self, lane: Lane, calls: Calls) {
        let ready: Vec<(Prepared, Vec<String>)> =
            calls.into_iter().filter_map(|call| self.ready(call)).collect();
        self.running.spawn(async move {
            let mut runs = JoinSet::new();
            for (prepared, args) in ready {
                let started = tokio::spawn(async move {
                    let ended = prepared.run(&args, None).await;
                    debug!(script = prepared.source(), ?args, %ended, "notification script ended");
                });
                // Dropping the handle after the wait leaves the script running.
                runs.spawn(async move { timeout(PATIENCE, started).await.is_ok() });
            }
            while let Some(in_time) = runs.join_next().await {
                if matches!(in_time, Ok(false)) {
                    warn!(?lane, "a notification script takes long; later events do not wait for it");
                }
            }
            lane
        });
    }

    /// A script that could not run when the plan came may be able to now.
    fn ready(&mut self, call: Call) -> Option<(Prepared, Vec<String>)> {
        let known = self.prepared.get(&call.script).and_then(|result| result.as_ref().ok()).cloned();
        let prepared = match known {
            Some(prepared) => prepared,
            None => match self.runner.prepare(&call.script) {
                Ok(prepared) => prepared,
                Err(why) => {
                    warn!(script = call.script.source, %why, "a notification script cannot run");
                    return None;
                }
            },
        };
        Some((prepared, call.args))
    }
}

/// The state as scripts are told it; `None` for changes that they are not told.
const fn word(transition: &Transition, deletion: &Deletion) -> Option<Word> {
    match (transition.cause, transition.to) {
        (Cause::Shutdown, _) => Some(Word::Stop),
        (_, State::Master) => Some(Word::Master),
        (_, State::Backup) => Some(Word::Backup),
        (Cause::Removed, State::Fault) if matches!(deletion, Deletion::AsDeleted(_)) => Some(Word::Deleted),
        (_, State::Fault) => Some(Word::Fault),
        (_, State::Init) => None,
    }
}

fn arguments(subject: Subject<'_>, word: Word, priority: u8) -> Vec<String> {
    let words = [subject.kind(), subject.name(), word.as_str(), &priority.to_string()];
    words.map(str::to_owned).to_vec()
}

/// `notify_<state>` without arguments, then `notify` with all of them.
fn calls(notify: &Notify, word: Word, args: Vec<String>) -> Calls {
    let own = match word {
        Word::Master => notify.master.as_ref(),
        Word::Backup => notify.backup.as_ref(),
        Word::Fault => notify.fault.as_ref(),
        Word::Stop => notify.stop.as_ref(),
        Word::Deleted => notify.deletion.script(),
        Word::MasterRxLowerPriority | Word::MasterPriority | Word::BackupPriority => None,
    };
    let own = own.into_iter().map(|script| Call { script: script.clone(), args: Vec::new() });
    let any = notify.any.iter().map(|script| Call { script: script.clone(), args: args.clone() });
    own.chain(any).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lvsd_model::{Invocation, RunAs};

    fn script(argv: &[&str]) -> Script {
        Script {
            source: argv.join(" "),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            invocation: Invocation::Exec,
            run_as: Some(RunAs { user: "root".to_owned(), group: None }),
        }
    }

    fn group(notify: Notify) -> SyncGroup {
        SyncGroup {
            name: "G".to_owned(),
            members: Vec::new(),
            trackers: lvsd_model::Trackers::default(),
            tracking_weight: false,
            notify,
        }
    }

    const fn to(to: State, cause: Cause) -> Transition {
        Transition { from: State::Init, to, cause, priority: 150 }
    }

    #[test]
    fn every_state_has_its_word_and_a_stop_is_one_whatever_the_state() {
        let words = [
            (State::Master, Cause::MasterSilent, Some("MASTER")),
            (State::Backup, Cause::Started, Some("BACKUP")),
            (State::Fault, Cause::Removed, Some("FAULT")),
            (State::Init, Cause::Shutdown, Some("STOP")),
            (State::Init, Cause::Restarted, None),
        ];
        for (state, cause, expected) in words {
            let word = word(&to(state, cause), &Deletion::AsFault).map(Word::as_str);
            assert_eq!(word, expected, "{state:?} {cause:?}");
        }
        let deleted = word(&to(State::Fault, Cause::Removed), &Deletion::AsDeleted(None));
        assert_eq!(deleted, Some(Word::Deleted));
    }

    #[test]
    fn the_states_own_script_comes_before_the_general_one() {
        let notify =
            Notify { master: Some(script(&["/m"])), any: Some(script(&["/any"])), ..Notify::default() };
        let args = arguments(Subject::Instance("VI_1"), Word::Master, 150);
        assert_eq!(args, ["INSTANCE", "VI_1", "MASTER", "150"]);
        let calls = calls(&notify, Word::Master, args.clone());
        let expected =
            [Call { script: script(&["/m"]), args: Vec::new() }, Call { script: script(&["/any"]), args }];
        assert_eq!(calls, expected);
    }

    #[tokio::test]
    async fn events_of_a_lane_run_one_after_the_other_with_the_peers_arguments() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        let program = directory.path().join("notify.sh");
        // The first event takes longer than the second one would.
        let text = "#!/bin/sh\n[ \"$4\" = BACKUP ] && sleep 0.2\necho \"$2 $3 $4 $5\" >> \"$1\"\n";
        std::fs::write(&program, text).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("set");
        let any = script(&[&program.to_string_lossy(), &log.to_string_lossy()]);
        let config = group(Notify { any: Some(any), ..Notify::default() });
        let mut notifier = Notifier::new();
        let refused = notifier.apply(&ScriptPolicy::default(), [&config.notify].into_iter());
        assert!(refused.is_empty(), "{refused:?}");
        for (state, cause) in [
            (State::Backup, Cause::Started),
            (State::Master, Cause::MasterSilent),
            (State::Init, Cause::Shutdown),
        ] {
            notifier.group(&config, &to(state, cause));
        }
        let all = async {
            while !notifier.is_idle() {
                notifier.advance().await;
            }
        };
        timeout(Duration::from_secs(10), all).await.expect("ends");
        let written = std::fs::read_to_string(log).expect("written");
        assert_eq!(written, "GROUP G BACKUP 0\nGROUP G MASTER 0\nGROUP G STOP 0\n");
    }

    #[tokio::test]
    async fn a_script_that_cannot_run_is_named() {
        let notify = Notify { fault: Some(script(&["/nowhere/at/all"])), ..Notify::default() };
        let refused = Notifier::new().apply(&ScriptPolicy::default(), [&notify].into_iter());
        assert_eq!(refused.len(), 1);
        assert!(refused[0].contains("/nowhere/at/all"), "{refused:?}");
    }
}
