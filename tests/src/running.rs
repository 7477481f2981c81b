//! A director at work.

use crate::{Make, SOON, good};
use lvsd_lab::{Director, Host, Launch, until, until_some};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};

/// In a configuration, the directory of the director it is given to.
const HOME: &str = "%HOME%";
/// A script that writes down what it is told, one line per call: `%HOME%/note WORD...` to `%HOME%/notes`.
const NOTE: &str = "note";
const NOTES: &str = "notes";

/// A director that was started. Its log is shown when a test fails.
#[derive(Debug)]
pub struct Running {
    director: Director,
    make: Make,
    pid: i32,
}

impl Running {
    /// Starts it; in its configuration, `%HOME%` is its directory, and `%HOME%/note` a script whose calls are
    /// [noted](Self::notes).
    pub(crate) fn start(make: Make, launch: Launch<'_>, config: &str) -> Self {
        let home = launch.home().to_owned();
        let text = format!("#!/bin/sh\necho \"$*\" >>{}\n", home.join(NOTES).display());
        good(launch.script(NOTE, &text));
        let mut director = good(launch.start(&at_home(config, &home)));
        let pid = director.process().pid();
        Self { director, make, pid }
    }

    /// Starts ours once more, after one that has ended: it finds what that one left in its directory, the notes too.
    pub fn again(&mut self, host: &Host, options: &[&str], config: &str) -> Self {
        let launch = good(Launch::lvsd_after(&mut self.director, host)).args(options);
        Self::start(Make::Lvsd, launch, config)
    }

    /// What the notes script was told so far.
    pub fn notes(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home().join(NOTES)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits for a note.
    #[track_caller]
    pub fn wait_note(&self, note: &str) {
        self.wait_note_within(note, SOON);
    }

    /// Waits for a note that takes longer than usual.
    #[track_caller]
    pub fn wait_note_within(&self, note: &str, within: Duration) {
        let noted = || self.notes().iter().any(|line| line == note);
        let ended = until(within, note, || noted() || self.has_ended());
        assert!(noted(), "no note {note:?} within {within:?} among {:#?}: {ended:?}", self.notes());
    }

    /// Waits until a note has come at least `times` times.
    #[track_caller]
    pub fn wait_notes(&self, note: &str, times: usize) {
        let noted = || self.notes().iter().filter(|line| *line == note).count() >= times;
        let ended = until(SOON, note, || noted() || self.has_ended());
        assert!(noted(), "not {times} notes {note:?} among {:#?}: {ended:?}", self.notes());
    }

    /// Has its first process ended? Nobody waits for it meanwhile, so it would be a zombie.
    fn has_ended(&self) -> bool {
        let state = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    }

    /// Gives it another configuration, in which `%HOME%` is its directory, and the signal to read it.
    #[track_caller]
    pub fn give(&self, config: &str) {
        good(self.reload(&at_home(config, self.home())));
    }

    /// Makes an empty file in its directory.
    #[track_caller]
    pub fn touch(&self, name: &str) {
        good(fs::write(self.home().join(name), ""));
    }

    /// Removes a file from its directory.
    #[track_caller]
    pub fn remove(&self, name: &str) {
        good(fs::remove_file(self.home().join(name)));
    }

    /// The process in one of its pid files.
    #[track_caller]
    pub fn child(&self, pid_file: &str) -> i32 {
        good(until_some(SOON, pid_file, || self.pid(pid_file).ok()))
    }

    /// Sends a signal to the process in one of its pid files.
    #[track_caller]
    pub fn signal(&self, pid_file: &str, signal: Signal) {
        good(kill(Pid::from_raw(self.child(pid_file)), signal));
    }

    /// Tells it to stop, and waits until it has.
    #[track_caller]
    pub fn finish(&mut self) {
        let status = good(self.stop(SOON));
        assert!(status.success(), "ended with {status}");
    }
}

fn at_home(config: &str, home: &Path) -> String {
    config.replace(HOME, &home.display().to_string())
}

impl Deref for Running {
    type Target = Director;

    fn deref(&self) -> &Director {
        &self.director
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Director {
        &mut self.director
    }
}

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "the harness shows it with the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {} ({}):\n{}", self.name(), self.make, self.log());
        }
    }
}
