//! Telling a router what another one was told.

use std::collections::VecDeque;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{DIGEST, Deed, Entry, MAGIC, Mark, NoRecording, Op};
use crate::engine::{Output, Router, State};
use crate::time::Time;

/// What happened at a time, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, on the clock of the machine that recorded it: since it was booted.
    pub at: Time,
    /// What.
    pub told: Told,
}

/// What is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// An instance changed its state.
    Instance {
        /// Its name.
        name: String,
        /// From.
        from: State,
        /// To.
        to: State,
        /// Its priority then.
        priority: u8,
        /// The reason with its numbers.
        why: String,
    },
    /// A sync group did.
    Group {
        /// Its name.
        name: String,
        /// From.
        from: State,
        /// To.
        to: State,
        /// Why.
        why: String,
    },
    /// A configuration was applied, with so many instances.
    Applied(usize),
    /// The process ended.
    Shutdown,
}

/// The first place where the replay ordered something else than the router that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// When.
    pub at: Time,
    /// What was ordered then; `None`: nothing.
    pub recorded: Option<Mark>,
    /// What was ordered now; `None`: nothing.
    pub replayed: Option<Mark>,
}

/// A recording that was replayed.
#[derive(Debug)]
pub struct Replayed {
    /// The version of the program that recorded it.
    pub version: String,
    /// What happened.
    pub lines: Vec<Line>,
    /// Inputs told.
    pub inputs: u64,
    /// Adverts among them.
    pub adverts: u64,
    /// Outputs compared.
    pub outputs: u64,
    /// The time that it spans.
    pub span: Duration,
    /// Where both differ, if they do.
    pub divergence: Option<Divergence>,
    /// The router at the end.
    pub router: Router,
}

/// Replays a recording.
///
/// # Errors
/// What is no recording, or one of another layout.
pub fn replay(bytes: &[u8]) -> Result<Replayed, NoRecording> {
    let (version, digest, body) = heading(bytes).ok_or(NoRecording::Other)?;
    if Sha256::digest(body).as_slice() != digest {
        return Err(NoRecording::Damaged);
    }
    match play(body) {
        Ok(player) => Ok(player.finish(version)),
        Err(source) => Err(NoRecording::Layout { version, source }),
    }
}

fn play(body: &[u8]) -> Result<Player, postcard::Error> {
    let (router, mut rest) = postcard::take_from_bytes::<Router>(body)?;
    let mut player = Player::new(router);
    while !rest.is_empty() {
        let (entry, after) = postcard::take_from_bytes::<Entry<'_>>(rest)?;
        rest = after;
        match entry {
            Entry::Told(op) => player.tell(&op),
            Entry::Ordered(mark) => player.compare(mark),
        }
    }
    Ok(player)
}

/// The version, the digest, and what it is of.
fn heading(bytes: &[u8]) -> Option<(String, &[u8], &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let end = rest.iter().take(64).position(|byte| *byte == b'\n')?;
    let (version, rest) = rest.split_at_checked(end)?;
    let (digest, body) = rest.get(1..)?.split_at_checked(DIGEST)?;
    Some((String::from_utf8(version.to_vec()).ok()?, digest, body))
}

struct Player {
    router: Router,
    ordered: VecDeque<Mark>,
    lines: Vec<Line>,
    first: Option<Time>,
    now: Time,
    inputs: u64,
    adverts: u64,
    outputs: u64,
    divergence: Option<Divergence>,
}

impl Player {
    const fn new(router: Router) -> Self {
        Self {
            router,
            ordered: VecDeque::new(),
            lines: Vec::new(),
            first: None,
            now: Time::ZERO,
            inputs: 0,
            adverts: 0,
            outputs: 0,
            divergence: None,
        }
    }

    fn line(&mut self, told: Told) {
        self.lines.push(Line { at: self.now, told });
    }

    fn tell(&mut self, op: &Op<'_>) {
        if let Some(at) = op.at() {
            self.now = self.now.max(at);
            self.first.get_or_insert(at);
        }
        self.inputs += 1;
        match op {
            Op::Receive { .. } => self.adverts += 1,
            Op::Apply { config, .. } => self.line(Told::Applied(config.instances.len())),
            Op::Shutdown { .. } => self.line(Told::Shutdown),
            _ => {}
        }
        op.tell(&mut self.router);
        while let Some(output) = self.router.poll_output() {
            self.note(&output);
            self.ordered.push_back(Mark::of(&output));
        }
    }

    fn note(&mut self, output: &Output) {
        match (output, Mark::of(output)) {
            (Output::Instance { id, config, .. }, Mark::Instance { deed: Deed::Transition(change), .. }) => {
                let view = self.router.instance(*id);
                let why = view.and_then(|view| view.last_change()?.cause_of_change());
                let why = why.unwrap_or_else(|| change.cause.to_string());
                let (from, to, priority) = (change.from, change.to, change.priority);
                self.line(Told::Instance { name: config.name.clone(), from, to, priority, why });
            }
            (Output::Group { config, transition }, _) => {
                let (from, to, why) = (transition.from, transition.to, transition.cause.to_string());
                self.line(Told::Group { name: config.name.clone(), from, to, why });
            }
            (Output::Instance { .. }, _) => {}
        }
    }

    fn compare(&mut self, recorded: Mark) {
        self.outputs += 1;
        let replayed = self.ordered.pop_front();
        if replayed.as_ref() != Some(&recorded) && self.divergence.is_none() {
            self.divergence = Some(Divergence { at: self.now, recorded: Some(recorded), replayed });
        }
    }

    fn finish(self, version: String) -> Replayed {
        let left = self.ordered.into_iter().next();
        let more = left.map(|mark| Divergence { at: self.now, recorded: None, replayed: Some(mark) });
        Replayed {
            version,
            lines: self.lines,
            inputs: self.inputs,
            adverts: self.adverts,
            outputs: self.outputs,
            span: self.first.map_or(Duration::ZERO, |first| self.now.since(first)),
            divergence: self.divergence.or(more),
            router: self.router,
        }
    }
}
