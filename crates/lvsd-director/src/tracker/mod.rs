//! What is tracked beside interfaces: scripts, files, processes. Each tells the election what it finds, and nobody waits for it.

mod census;
mod file;
mod process;
mod script;
mod worker;

use std::collections::HashMap;

use lvsd_model::{ScriptPolicy, TrackProcess, VrrpConfig};

use crate::election;
pub(crate) use census::Count;
use file::Files;
use process::{Counts, Watch};
use script::Scripts;

/// The trackers of the plan in force.
#[derive(Debug, Default)]
pub(crate) struct Trackers {
    scripts: Scripts,
    files: Files,
    processes: Option<Watch>,
    counts: Counts,
    /// What it was told last.
    watched: Vec<TrackProcess>,
}

impl Trackers {
    /// Ends what a plan changes or does not have; before the election has the plan, so that it never takes a result of the old
    /// tracker for one of the new.
    pub(crate) fn retire(&mut self, config: &VrrpConfig, policy: &ScriptPolicy) {
        self.scripts.retire(&config.scripts, policy);
    }

    /// Moves to the trackers of a plan; those that did not change go on undisturbed. Gives what could not be done.
    pub(crate) fn apply(
        &mut self,
        config: &VrrpConfig,
        policy: &ScriptPolicy,
        election: &election::Handle,
    ) -> Vec<String> {
        self.scripts.apply(&config.scripts, policy, election);
        let mut problems = self.files.apply(&config.files, election);
        if self.processes.is_none() && !config.processes.is_empty() {
            match process::watch(election.clone(), self.counts.clone()) {
                Ok(watch) => self.processes = Some(watch),
                Err(error) => problems.push(format!("processes cannot be tracked: {error}")),
            }
        }
        if let Some(watch) = &self.processes
            && self.watched != config.processes
        {
            self.watched.clone_from(&config.processes);
            watch.tell(config.processes.clone());
        }
        problems
    }

    /// How many processes there are of each kind that is tracked.
    pub(crate) fn counts(&self) -> Vec<Count> {
        self.counts.take()
    }

    /// Why scripts cannot run at all, by name.
    pub(crate) fn refused(&self) -> HashMap<String, String> {
        self.scripts.refused()
    }

    /// Ends all runs and looks.
    pub(crate) fn stop(&mut self) {
        self.scripts.stop();
        self.files.stop();
        self.processes = None;
    }
}
