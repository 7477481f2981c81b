//! `lvsctl record` and `lvsctl replay`: the flight recorder of a daemon, and what an election did by it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use lvsd_vrrp::tape::{Divergence, Line, NoRecording, Replayed, Told, replay};
use serde::Serialize;

use crate::cli::{Format, Record, Replay};
use crate::{Failure, Status, daemon};

/// Fetches a recording and writes it into a new file that only its owner may read: it has keys and passwords in it.
pub(crate) fn record(wanted: &Record, out: &mut impl Write) -> Result<Status, Failure> {
    let bytes = daemon::fetch(&wanted.daemon.socket(), "/v1/recording")?;
    let replayed = replay(&bytes).map_err(|error| unreadable("the daemon's answer", error))?;
    save(&wanted.file, &bytes).map_err(|source| Failure::File { path: shown(&wanted.file), source })?;
    writeln!(out, "{}: {}", wanted.file.display(), summary(&replayed))?;
    Ok(Status::GOOD)
}

fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Replays a recording and tells what happened in it.
pub(crate) fn play(wanted: &Replay, out: &mut impl Write) -> Result<Status, Failure> {
    let bytes =
        fs::read(&wanted.file).map_err(|source| Failure::File { path: shown(&wanted.file), source })?;
    let replayed = replay(&bytes).map_err(|error| unreadable(&shown(&wanted.file), error))?;
    match wanted.format {
        Format::Text => write(&replayed, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &Report::of(&replayed))?;
            writeln!(out)?;
        }
    }
    Ok(if replayed.divergence.is_none() { Status::GOOD } else { Status::OTHERWISE })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn unreadable(what: &str, error: NoRecording) -> Failure {
    Failure::Recording { what: what.to_owned(), source: error }
}

fn summary(replayed: &Replayed) -> String {
    let Replayed { version, inputs, adverts, outputs, span, .. } = replayed;
    let span = crate::status::span(span.as_secs_f64());
    format!("lvsd {version}, {span}: {inputs} inputs, {adverts} of them adverts; {outputs} outputs")
}

fn write(replayed: &Replayed, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", summary(replayed))?;
    for Line { at, told } in &replayed.lines {
        writeln!(out, "{:>14.6} {}", at.since_start().as_secs_f64(), sentence(told))?;
    }
    for view in replayed.router.instances() {
        let (name, state, priority) = (&view.config.name, view.state.word(), view.effective_priority);
        writeln!(out, "at the end: {name} is {state}, priority {priority}")?;
    }
    match &replayed.divergence {
        None => writeln!(out, "the replay ordered the same as the daemon"),
        Some(Divergence { at, recorded, replayed }) => {
            let at = at.since_start().as_secs_f64();
            writeln!(
                out,
                "at {at:.6} the replay differs: the daemon ordered {recorded:?}, the replay {replayed:?}"
            )
        }
    }
}

fn sentence(told: &Told) -> String {
    match told {
        Told::Instance { name, from, to, priority, why } => {
            format!("{name} {} to {}, priority {priority}: {why}", from.word(), to.word())
        }
        Told::Group { name, from, to, why } => {
            format!("group {name} {} to {}: {why}", from.word(), to.word())
        }
        Told::Applied(instances) => format!("a configuration with {instances} instances is applied"),
        Told::Shutdown => "the process ends".to_owned(),
    }
}

/// The same for programs.
#[derive(Debug, Serialize)]
struct Report {
    version: String,
    span: f64,
    inputs: u64,
    adverts: u64,
    outputs: u64,
    same: bool,
    events: Vec<Event>,
    instances: Vec<Instance>,
}

#[derive(Debug, Serialize)]
struct Event {
    at: f64,
    text: String,
}

#[derive(Debug, Serialize)]
struct Instance {
    name: String,
    state: &'static str,
    priority: u8,
}

impl Report {
    fn of(replayed: &Replayed) -> Self {
        let event =
            |line: &Line| Event { at: line.at.since_start().as_secs_f64(), text: sentence(&line.told) };
        let instances = replayed.router.instances().map(|view| Instance {
            name: view.config.name.clone(),
            state: view.state.word(),
            priority: view.effective_priority.get(),
        });
        Self {
            version: replayed.version.clone(),
            span: replayed.span.as_secs_f64(),
            inputs: replayed.inputs,
            adverts: replayed.adverts,
            outputs: replayed.outputs,
            same: replayed.divergence.is_none(),
            events: replayed.lines.iter().map(event).collect(),
            instances: instances.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_recording_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let mut bytes = lvsd_vrrp::tape::Taped::new(lvsd_vrrp::Router::default());
        bytes.clear_counters();
        let good = bytes.recording().to_bytes("9.9").expect("written");
        let damaged = [&good[..good.len() - 1], &[good[good.len() - 1] ^ 1]].concat();
        let play = |name: &str, bytes: &[u8]| {
            let file = home.path().join(name);
            save(&file, bytes).expect("written");
            let mut out = Vec::new();
            let done = play(&Replay { format: Format::Text, file }, &mut out);
            done.map(|_| String::from_utf8(out).expect("text")).map_err(|failure| failure.to_string())
        };
        let said = play("good", &good).expect("a recording");
        assert!(said.starts_with("lvsd 9.9, 0s: 1 inputs, 0 of them adverts; 0 outputs\n"), "{said}");
        assert!(play("damaged", &damaged).expect_err("damaged").contains("damaged"));
        for (name, rubbish) in [("empty", &b""[..]), ("text", b"vrrp_instance {"), ("cut", &good[..20])] {
            assert!(play(name, rubbish).is_err(), "{name}");
        }
        assert!(save(&home.path().join("good"), b"").is_err(), "nothing is written over");
    }
}
