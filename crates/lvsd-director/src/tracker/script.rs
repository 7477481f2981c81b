//! Tracked scripts: each runs at once and then every interval, counted from start to start; a run that is still going on when
//! its next start comes is waited for, and that start left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lvsd_model::{Script, ScriptPolicy, TrackScript};
use lvsd_script::{FileProbe, Prepared, Runner};
use lvsd_vrrp::Outcome;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use crate::election;

/// The scripts of the plan in force.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    running: BTreeMap<String, Running>,
    /// Why a script cannot run, by name.
    refused: Refusals,
}

type Refusals = Arc<Mutex<HashMap<String, String>>>;

#[derive(Debug)]
struct Running {
    config: TrackScript,
    policy: ScriptPolicy,
    task: JoinHandle<()>,
}

impl Running {
    /// Whether this is what a configuration would have run.
    fn serves(&self, config: &TrackScript, policy: &ScriptPolicy) -> bool {
        let Self { config: ours, policy: our_policy, .. } = self;
        let same = (&ours.command, ours.interval, ours.timeout)
            == (&config.command, config.interval, config.timeout);
        same && our_policy == policy
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its run, if there is one, is ended with it.
        self.task.abort();
    }
}

impl Scripts {
    /// Ends the scripts that a plan changes or does not have; before the election has the plan, so that it never takes a result
    /// of the old script for one of the new.
    pub(super) fn retire(&mut self, scripts: &[TrackScript], policy: &ScriptPolicy) {
        let configs: HashMap<&str, &TrackScript> =
            scripts.iter().map(|config| (config.name.as_str(), config)).collect();
        self.running.retain(|name, running| {
            configs.get(name.as_str()).is_some_and(|config| running.serves(config, policy))
        });
    }

    /// Moves to the scripts of a plan; those that did not change go on undisturbed.
    pub(super) fn apply(
        &mut self,
        scripts: &[TrackScript],
        policy: &ScriptPolicy,
        election: &election::Handle,
    ) {
        let mut before = std::mem::take(&mut self.running);
        for config in scripts {
            let kept = before.remove(&config.name).filter(|running| running.serves(config, policy));
            let running = kept.unwrap_or_else(|| self.start(config, policy, election));
            self.running.insert(config.name.clone(), running);
        }
        let running = &self.running;
        lock(&self.refused).retain(|name, _| running.contains_key(name));
    }

    /// Why scripts cannot run at all, by name.
    pub(super) fn refused(&self) -> HashMap<String, String> {
        lock(&self.refused).clone()
    }

    /// Ends all runs.
    pub(super) fn stop(&mut self) {
        self.running.clear();
    }

    fn start(&self, config: &TrackScript, policy: &ScriptPolicy, election: &election::Handle) -> Running {
        let run = Run {
            name: config.name.clone(),
            timeout: config.timeout,
            program: Program::new(config, policy),
            refused: Arc::clone(&self.refused),
            election: election.clone(),
        };
        // Said by the answer to the plan.
        if let Program::Refused { why, .. } = &run.program {
            lock(&self.refused).insert(run.name.clone(), why.clone());
        }
        let task = tokio::spawn(run.repeat(config.interval));
        Running { config: config.clone(), policy: policy.clone(), task }
    }
}

fn lock(refused: &Refusals) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
    refused.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is run.
#[derive(Debug)]
enum Program {
    Ready(Prepared),
    /// It may become possible later: a package is installed, a permission corrected.
    Refused {
        script: Script,
        runner: Runner,
        why: String,
    },
    File(FileProbe),
}

impl Program {
    fn new(config: &TrackScript, policy: &ScriptPolicy) -> Self {
        match &config.command {
            Err(file) => Self::File(FileProbe::new(file)),
            Ok(script) => Self::prepare(script.clone(), Runner::new(policy.clone())),
        }
    }

    fn prepare(script: Script, runner: Runner) -> Self {
        match runner.prepare(&script) {
            Ok(prepared) => Self::Ready(prepared),
            Err(why) => Self::Refused { script, runner, why: why.to_string() },
        }
    }
}

struct Run {
    name: String,
    timeout: Duration,
    program: Program,
    refused: Refusals,
    election: election::Handle,
}

impl Run {
    async fn repeat(mut self, period: Duration) {
        let mut ticks = interval(period.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last = None;
        loop {
            ticks.tick().await;
            let outcome = self.once().await;
            if last.replace(outcome) != Some(outcome) {
                info!(script = self.name, ?outcome, "tracked script");
            }
            self.election.send(election::Input::Script { name: self.name.clone(), outcome });
        }
    }

    /// One run. A script that could never run says nothing about this node: the peer leaves it out, for years, on both nodes of a
    /// pair, and a pair of which both nodes are in FAULT serves nobody. It is named, loudly, until it can run. One that could and
    /// is gone fails.
    async fn once(&mut self) -> Outcome {
        if let Program::Refused { script, runner, .. } = &self.program {
            let (script, runner) = (script.clone(), runner.clone());
            let again = tokio::task::spawn_blocking(move || Program::prepare(script, runner));
            if let Ok(program) = again.await {
                self.program = program;
                self.note();
            }
        }
        match &mut self.program {
            Program::Refused { .. } => Outcome::Disabled,
            Program::File(probe) => match probe.is_readable(self.timeout).await {
                true => Outcome::Success,
                false => Outcome::Failure,
            },
            Program::Ready(prepared) => {
                let ended = prepared.run(&[], Some(self.timeout)).await;
                debug!(script = self.name, %ended, "tracked script ended");
                match ended {
                    lvsd_script::Outcome::Exited(0) => Outcome::Success,
                    lvsd_script::Outcome::TimedOut => Outcome::TimedOut,
                    lvsd_script::Outcome::Exited(_)
                    | lvsd_script::Outcome::Signalled(_)
                    | lvsd_script::Outcome::SpawnFailed(_) => Outcome::Failure,
                }
            }
        }
    }

    /// Notes whether the script can run; says so when that changes.
    fn note(&self) {
        let mut refused = lock(&self.refused);
        match &self.program {
            Program::Refused { why, .. } => {
                if refused.insert(self.name.clone(), why.clone()).as_ref() != Some(why) {
                    warn!(
                        script = self.name,
                        why, "a tracked script cannot run; what tracks it goes on without it"
                    );
                }
            }
            Program::Ready(_) | Program::File(_) => {
                if refused.remove(&self.name).is_some() {
                    info!(script = self.name, "a tracked script can run now");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lvsd_model::{Invocation, TrackWeight};

    fn script(command: &str) -> TrackScript {
        let script = Script {
            source: command.to_owned(),
            argv: command.split(' ').map(str::to_owned).collect(),
            invocation: Invocation::Exec,
            run_as: Some(lvsd_model::RunAs { user: "root".to_owned(), group: None }),
        };
        TrackScript {
            name: "check".to_owned(),
            command: Ok(script),
            interval: Duration::from_millis(20),
            timeout: Duration::from_secs(5),
            effect: TrackWeight::default(),
            rise: 1,
            fall: 1,
            init_fail: false,
        }
    }

    #[tokio::test]
    async fn a_script_that_is_not_there_is_left_out_until_it_appears_and_fails_when_it_goes() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("check.sh");
        let (handle, inputs) = election::Handle::for_tests();
        let mut trackers = Scripts::default();
        trackers.apply(&[script(&path.to_string_lossy())], &ScriptPolicy::default(), &handle);
        assert!(trackers.refused().contains_key("check"));
        assert_eq!(next(&inputs).await, Outcome::Disabled);
        std::fs::write(&path, "exit 0\n").expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("set");
        while next(&inputs).await != Outcome::Success {}
        assert!(trackers.refused().is_empty());
        std::fs::remove_file(&path).expect("removed");
        loop {
            match next(&inputs).await {
                Outcome::Success => {}
                outcome => break assert_eq!(outcome, Outcome::Failure),
            }
        }
    }

    #[tokio::test]
    async fn an_unchanged_script_goes_on_over_a_reload_and_a_removed_one_ends() {
        let (handle, inputs) = election::Handle::for_tests();
        let mut trackers = Scripts::default();
        let policy = ScriptPolicy::default();
        let check = script("/bin/true");
        trackers.apply(std::slice::from_ref(&check), &policy, &handle);
        assert_eq!(next(&inputs).await, Outcome::Success);
        let task = trackers.running["check"].task.id();
        let retuned = TrackScript { rise: 3, ..check.clone() };
        trackers.apply(std::slice::from_ref(&retuned), &policy, &handle);
        assert_eq!(trackers.running["check"].task.id(), task);
        let other = TrackScript { interval: Duration::from_secs(9), ..check };
        trackers.apply(std::slice::from_ref(&other), &policy, &handle);
        assert_ne!(trackers.running["check"].task.id(), task);
        trackers.retire(std::slice::from_ref(&other), &policy);
        assert!(trackers.running.contains_key("check"));
        trackers.retire(&[script("/bin/false")], &policy);
        assert!(trackers.running.is_empty(), "another command under the same name");
        trackers.apply(std::slice::from_ref(&other), &policy, &handle);
        trackers.apply(&[], &policy, &handle);
        assert!(trackers.running.is_empty());
    }

    async fn next(inputs: &election::Inputs) -> Outcome {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            match inputs.try_recv() {
                Ok(election::Input::Script { outcome, .. }) => return outcome,
                Ok(other) => panic!("{other:?}"),
                Err(_) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(error) => panic!("no result: {error}"),
            }
        }
    }
}
