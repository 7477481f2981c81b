//! Who runs, with which configuration, and until when: the supervisor's decisions, without any of its doing.
//!
//! A state machine without I/O. Its owner feeds it with [`Policy::handle`] and, when the time of [`Policy::poll_timeout`]
//! has come, [`Policy::handle_timeout`]; after each call it does what [`Policy::poll_action`] hands out, until that is
//! `None`. Time is an argument and never goes back; a spurious timeout changes nothing.
//!
//! ```text
//!            spawn            Ready           Stop
//!  Absent ─────────▶ Starting ─────▶ Running ─────▶ Stopping ──▶ Absent
//!     ▲                 │               │               (killed when late)
//!     │ no longer       └── it died ────┤
//!     │ wanted                          ▼
//!     └───────────────────────────── Waiting ──▶ spawn
//! ```
//!
//! A child that is to end before it has a plan would not know what its predecessor, which died, has left in the kernel. So it
//! is `Clearing`: started if need be, given a plan of nothing when it is ready, and stopped then. The same, once, after a child
//! that died while it was to release everything.

mod backoff;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use lvsd_ipc::{Generation, Role, StopManner};

use self::backoff::Backoff;
use crate::roles::PerRole;

/// A child that has not said `Ready` by then hangs.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// A plan that is not acknowledged by then no longer holds up readiness or the next reload.
const ACKNOWLEDGE_LIMIT: Duration = Duration::from_secs(60);
/// At a stop, addresses go before the table that serves them; but the table does not wait longer than this.
const HEAD_START: Duration = Duration::from_secs(1);
/// A process that SIGKILL has not ended by then hangs in the kernel; the supervisor ends without it.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// Whether a child that died gets a successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Respawn {
    /// Yes.
    WithBackoff,
    /// `-R`: its death ends the daemon.
    Never,
}

/// What the daemon begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Its children.
    Children,
    /// The script of the start, before there is any child.
    Script,
}

/// What stays the same over reloads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) first: First,
    pub(crate) respawn: Respawn,
    /// How each child ends when the daemon ends.
    pub(crate) stop: PerRole<StopManner>,
}

/// The part of a configuration that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) roles: PerRole<bool>,
    /// `child_wait_time`.
    pub(crate) child_wait: Duration,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The script of the start has ended, however.
    Prepared,
    /// Somebody wants the configuration read again.
    ReloadRequested,
    /// It was read, and is to be used.
    Loaded(Wanted),
    /// It was read, and is not to be used.
    LoadRefused,
    /// Somebody wants an end.
    StopRequested,
    /// No process could be made for the role.
    SpawnFailed(Role),
    /// The child awaits its plan.
    Ready(Role),
    /// The child has taken over a plan.
    Applied(Role, Generation),
    /// The child has released everything.
    Stopped(Role),
    /// The child cannot be talked with.
    Broken(Role),
    /// The process has ended.
    Exited(Role),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Run the script of the start, then report `Prepared`.
    Prepare,
    /// Read the configuration, then report `Loaded` or `LoadRefused`.
    Load,
    /// Start a process for the role.
    Spawn(Role),
    /// Nothing but a message: the role stays without a process for so long.
    Postponed(Role, Duration),
    /// Send the role its part of the newest configuration.
    Apply(Role, Generation),
    /// Send the role a plan of nothing, by which it takes away what a predecessor left.
    Clear(Role),
    /// Ask the child to end.
    Stop(Role, StopManner),
    /// End the process by SIGKILL.
    Kill(Role),
    /// Tell the service manager and the log.
    Announce(Announcement),
    /// End, with this exit status.
    Exit(u8),
}

/// A milestone of the daemon's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announcement {
    /// Every child has taken over the first configuration.
    Started,
    /// A reload begins.
    Reloading,
    /// Every child has taken over this configuration.
    Reloaded(Generation),
    /// The configuration was refused; the one in force stays.
    ReloadRefused,
    /// Some child has not acknowledged its plan in time; the daemon carries on.
    Unacknowledged(Generation),
    /// The end begins.
    Stopping,
}

#[derive(Clone, Copy, Debug)]
enum Child {
    Absent,
    Waiting { until: Instant },
    Starting { since: Instant, ready_by: Option<Instant> },
    Running { since: Instant, acknowledged: Generation },
    Clearing { deadline: Instant },
    Stopping { deadline: Option<Instant>, killed: bool },
}

#[derive(Clone, Copy, Debug)]
struct Member {
    child: Child,
    backoff: Backoff,
    /// Whether something of it may be left in the kernel should it die while it ends.
    unreleased: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The script of the start is running.
    Preparing,
    /// A configuration is on its way into the children.
    Applying {
        first: bool,
        give_up_at: Instant,
    },
    Steady,
    /// A configuration is being read.
    Loading,
    /// The checker is told at `checker_at`, or when the VRRP child is done.
    Stopping {
        status: u8,
        checker_at: Option<Instant>,
    },
    Ended,
}

/// The supervisor's decisions.
#[derive(Debug)]
pub(crate) struct Policy {
    settings: Settings,
    wanted: Wanted,
    generation: Generation,
    members: PerRole<Member>,
    phase: Phase,
    reload_queued: bool,
    actions: VecDeque<Action>,
}

impl Policy {
    /// Begins with a configuration that was read already.
    pub(crate) fn new(now: Instant, settings: Settings, wanted: Wanted) -> Self {
        let member = Member { child: Child::Absent, backoff: Backoff::default(), unreleased: false };
        let mut policy = Self {
            settings,
            wanted,
            generation: Generation(1),
            members: PerRole { vrrp: member, checker: member, bfd: member },
            phase: Phase::Preparing,
            reload_queued: false,
            actions: VecDeque::new(),
        };
        match settings.first {
            First::Script => policy.actions.push_back(Action::Prepare),
            First::Children => policy.start(now),
        }
        policy
    }

    fn start(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Preparing) {
            self.phase = Phase::Applying { first: true, give_up_at: now + ACKNOWLEDGE_LIMIT };
            Role::ALL.into_iter().for_each(|role| self.adopt(now, role));
            self.check_applied();
        }
    }

    /// The newest configuration.
    pub(crate) const fn generation(&self) -> Generation {
        self.generation
    }

    /// The next thing to do.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Policy::handle_timeout`] is to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let of_child = |role| match self.members.of(role).child {
            Child::Waiting { until } => Some(until),
            Child::Starting { ready_by, .. } => ready_by,
            Child::Clearing { deadline } => Some(deadline),
            Child::Stopping { deadline, .. } => deadline,
            Child::Absent | Child::Running { .. } => None,
        };
        let of_phase = match self.phase {
            Phase::Applying { give_up_at, .. } => Some(give_up_at),
            Phase::Stopping { checker_at, .. } => checker_at,
            Phase::Preparing | Phase::Steady | Phase::Loading | Phase::Ended => None,
        };
        Role::ALL.into_iter().filter_map(of_child).chain(of_phase).min()
    }

    /// Takes in what has happened.
    pub(crate) fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Prepared => self.start(now),
            Event::ReloadRequested => self.request_reload(),
            Event::Loaded(wanted) => self.loaded(now, wanted),
            Event::LoadRefused => self.load_refused(),
            Event::StopRequested => self.begin_stop(now, 0),
            Event::Ready(role) => self.ready(role),
            Event::Applied(role, generation) => self.applied(role, generation),
            Event::Stopped(role) => self.released(now, role),
            Event::Broken(role) => self.broken(role),
            Event::SpawnFailed(role) | Event::Exited(role) => self.ended(now, role),
        }
    }

    /// Does what is due by `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for role in Role::ALL {
            self.child_timeout(now, role);
        }
        match self.phase {
            Phase::Applying { first, give_up_at } if give_up_at <= now => {
                self.give_up_applying(first);
            }
            Phase::Stopping { checker_at: Some(at), .. } if at <= now => self.release_checker(now),
            _ => {}
        }
    }

    fn child_timeout(&mut self, now: Instant, role: Role) {
        let child = &mut self.members.of_mut(role).child;
        match child {
            Child::Waiting { until } if *until <= now => self.spawn(now, role),
            Child::Starting { ready_by: due @ Some(_), .. } if due.is_some_and(|at| at <= now) => {
                *due = None;
                self.actions.push_back(Action::Kill(role));
            }
            Child::Clearing { deadline: at } | Child::Stopping { deadline: Some(at), killed: false }
                if *at <= now =>
            {
                *child = Child::Stopping { deadline: Some(now + KILL_LIMIT), killed: true };
                self.actions.push_back(Action::Kill(role));
            }
            Child::Stopping { deadline: deadline @ Some(_), killed: true }
                if deadline.is_some_and(|at| at <= now) =>
            {
                *deadline = None;
                if matches!(self.phase, Phase::Stopping { .. }) {
                    self.ended(now, role);
                }
            }
            _ => {}
        }
    }

    fn request_reload(&mut self) {
        match self.phase {
            Phase::Steady => {
                self.phase = Phase::Loading;
                self.announce(Announcement::Reloading);
                self.actions.push_back(Action::Load);
            }
            // Whatever has changed since that one was read must not be lost.
            Phase::Preparing | Phase::Loading => self.reload_queued = true,
            Phase::Applying { .. } => {
                self.reload_queued = true;
                self.hasten();
            }
            Phase::Stopping { .. } | Phase::Ended => {}
        }
    }

    fn loaded(&mut self, now: Instant, wanted: Wanted) {
        if !matches!(self.phase, Phase::Loading) {
            return;
        }
        self.generation = Generation(self.generation.0 + 1);
        self.wanted = wanted;
        self.phase = Phase::Applying { first: false, give_up_at: now + ACKNOWLEDGE_LIMIT };
        Role::ALL.into_iter().for_each(|role| self.adopt(now, role));
        self.check_applied();
    }

    fn load_refused(&mut self) {
        if matches!(self.phase, Phase::Loading) {
            self.phase = Phase::Steady;
            self.announce(Announcement::ReloadRefused);
            self.reload_if_queued();
        }
    }

    /// Brings a role from where it is towards the newest configuration.
    fn adopt(&mut self, now: Instant, role: Role) {
        match (self.members.of(role).child, *self.wanted.roles.of(role)) {
            // The new configuration may be the cure of what killed it.
            (Child::Absent | Child::Waiting { .. }, true) => self.spawn(now, role),
            (Child::Waiting { .. } | Child::Starting { .. }, false) => self.clear(now, role),
            (Child::Running { .. }, true) => self.actions.push_back(Action::Apply(role, self.generation)),
            (Child::Running { .. }, false) => self.stop(now, role, StopManner::Release),
            // Gets the newest plan when it is ready.
            (Child::Starting { .. }, true) => {}
            // What happens at its end depends on what is wanted then.
            (Child::Clearing { .. } | Child::Stopping { .. }, _) | (Child::Absent, false) => {}
        }
    }

    fn spawn(&mut self, now: Instant, role: Role) {
        self.members.of_mut(role).child = Child::Starting { since: now, ready_by: Some(now + READY_LIMIT) };
        self.actions.push_back(Action::Spawn(role));
    }

    fn stop(&mut self, now: Instant, role: Role, manner: StopManner) {
        let member = self.members.of_mut(role);
        member.child = Child::Stopping { deadline: Some(now + self.wanted.child_wait), killed: false };
        // A process without a journal leaves nothing behind.
        member.unreleased = manner == StopManner::Release && !role.journals().is_empty();
        self.actions.push_back(Action::Stop(role, manner));
    }

    /// Has a process, a new one if there is none, take away what its predecessor left, and end.
    fn clear(&mut self, now: Instant, role: Role) {
        let child = &mut self.members.of_mut(role).child;
        if !matches!(child, Child::Starting { .. }) {
            self.actions.push_back(Action::Spawn(role));
        }
        *child = Child::Clearing { deadline: now + self.wanted.child_wait };
        self.members.of_mut(role).unreleased = false;
    }

    fn released(&mut self, now: Instant, role: Role) {
        self.members.of_mut(role).unreleased = false;
        if role == Role::Vrrp {
            self.release_checker(now);
        }
    }

    fn ready(&mut self, role: Role) {
        let child = &mut self.members.of_mut(role).child;
        match *child {
            Child::Starting { since, .. } => {
                *child = Child::Running { since, acknowledged: Generation(0) };
                self.actions.push_back(Action::Apply(role, self.generation));
            }
            Child::Clearing { deadline } => {
                *child = Child::Stopping { deadline: Some(deadline), killed: false };
                self.actions.extend([Action::Clear(role), Action::Stop(role, StopManner::Release)]);
            }
            Child::Absent | Child::Waiting { .. } | Child::Running { .. } | Child::Stopping { .. } => {}
        }
    }

    fn applied(&mut self, role: Role, generation: Generation) {
        if let Child::Running { acknowledged, .. } = &mut self.members.of_mut(role).child {
            *acknowledged = generation;
            self.check_applied();
        }
    }

    fn check_applied(&mut self) {
        let Phase::Applying { first, .. } = self.phase else { return };
        let has_it = |role| match self.members.of(role).child {
            Child::Running { acknowledged, .. } => acknowledged == self.generation,
            Child::Absent
            | Child::Waiting { .. }
            | Child::Starting { .. }
            | Child::Clearing { .. }
            | Child::Stopping { .. } => false,
        };
        if Role::ALL.into_iter().all(|role| !self.wanted.roles.of(role) || has_it(role)) {
            self.finish_applying(first);
        }
    }

    fn finish_applying(&mut self, first: bool) {
        self.phase = Phase::Steady;
        self.announce(if first { Announcement::Started } else { Announcement::Reloaded(self.generation) });
        self.reload_if_queued();
    }

    fn give_up_applying(&mut self, first: bool) {
        self.announce(Announcement::Unacknowledged(self.generation));
        self.finish_applying(first);
    }

    /// A configuration that kills a child is not waited for when the next one, its cure most likely, is there.
    fn hasten(&mut self) {
        let Phase::Applying { first, .. } = self.phase else { return };
        let dies = |role| {
            *self.wanted.roles.of(role) && matches!(self.members.of(role).child, Child::Waiting { .. })
        };
        if self.reload_queued && Role::ALL.into_iter().any(dies) {
            self.give_up_applying(first);
        }
    }

    fn reload_if_queued(&mut self) {
        if std::mem::take(&mut self.reload_queued) {
            self.request_reload();
        }
    }

    fn broken(&mut self, role: Role) {
        match self.members.of(role).child {
            Child::Starting { .. } | Child::Running { .. } | Child::Clearing { .. } => {
                self.actions.push_back(Action::Kill(role));
            }
            // A child that ends closes its socket first.
            Child::Absent | Child::Waiting { .. } | Child::Stopping { .. } => {}
        }
    }

    fn ended(&mut self, now: Instant, role: Role) {
        let was = std::mem::replace(&mut self.members.of_mut(role).child, Child::Absent);
        // One that SIGKILL has not ended (without a deadline) may still be there.
        let died_stopping = matches!(was, Child::Stopping { deadline: Some(_), .. })
            && std::mem::take(&mut self.members.of_mut(role).unreleased);
        let unwanted = !*self.wanted.roles.of(role) || matches!(self.phase, Phase::Stopping { .. });
        if died_stopping && unwanted {
            self.clear(now, role);
            return;
        }
        if matches!(self.phase, Phase::Stopping { .. } | Phase::Ended) {
            if role == Role::Vrrp {
                self.release_checker(now);
            }
            self.check_end();
            return;
        }
        match was {
            Child::Starting { since, .. } | Child::Running { since, .. } => match self.settings.respawn {
                Respawn::Never => self.begin_stop(now, 1),
                Respawn::WithBackoff => self.respawn(now, role, now.saturating_duration_since(since)),
            },
            Child::Clearing { .. } | Child::Stopping { .. } if *self.wanted.roles.of(role) => {
                self.spawn(now, role);
            }
            Child::Clearing { .. } | Child::Stopping { .. } | Child::Absent => {}
            Child::Waiting { .. } => self.members.of_mut(role).child = was,
        }
    }

    fn respawn(&mut self, now: Instant, role: Role, lived: Duration) {
        let member = self.members.of_mut(role);
        let delay = member.backoff.after(lived);
        if delay.is_zero() {
            self.spawn(now, role);
        } else {
            member.child = Child::Waiting { until: now + delay };
            self.actions.push_back(Action::Postponed(role, delay));
            self.hasten();
        }
    }

    fn begin_stop(&mut self, now: Instant, status: u8) {
        if matches!(self.phase, Phase::Stopping { .. } | Phase::Ended) {
            return;
        }
        self.announce(Announcement::Stopping);
        self.phase = Phase::Stopping { status, checker_at: Some(now + HEAD_START) };
        self.stop_role(now, Role::Vrrp);
        self.stop_role(now, Role::Bfd);
        if matches!(self.members.vrrp.child, Child::Absent) {
            self.release_checker(now);
        }
        self.check_end();
    }

    /// At the stop of the daemon: the checker need not wait for the VRRP child any longer.
    fn release_checker(&mut self, now: Instant) {
        if let Phase::Stopping { checker_at: at @ Some(_), .. } = &mut self.phase {
            *at = None;
            self.stop_role(now, Role::Checker);
            self.check_end();
        }
    }

    fn stop_role(&mut self, now: Instant, role: Role) {
        let manner = *self.settings.stop.of(role);
        match (self.members.of(role).child, manner) {
            (Child::Starting { .. } | Child::Waiting { .. }, StopManner::Release) => self.clear(now, role),
            (Child::Starting { .. }, StopManner::Keep) | (Child::Running { .. }, _) => {
                self.stop(now, role, manner);
            }
            (Child::Waiting { .. }, StopManner::Keep) => self.members.of_mut(role).child = Child::Absent,
            // Killed in vain by an earlier reload: it gets one more moment.
            (Child::Stopping { deadline: None, .. }, _) => {
                self.members.of_mut(role).child =
                    Child::Stopping { deadline: Some(now + KILL_LIMIT), killed: true };
            }
            (Child::Absent | Child::Clearing { .. } | Child::Stopping { .. }, _) => {}
        }
    }

    fn check_end(&mut self) {
        let Phase::Stopping { status, checker_at: None } = self.phase else { return };
        if Role::ALL.into_iter().all(|role| matches!(self.members.of(role).child, Child::Absent)) {
            self.phase = Phase::Ended;
            self.actions.push_back(Action::Exit(status));
        }
    }

    fn announce(&mut self, announcement: Announcement) {
        self.actions.push_back(Action::Announce(announcement));
    }
}
