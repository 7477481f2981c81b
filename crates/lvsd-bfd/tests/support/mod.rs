//! A session of this side and a neighbour played by the test, and a link between two speakers.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU8;
use std::time::Duration;

use lvsd_bfd::wire::{Control, Sequence};
use lvsd_bfd::{Change, Diagnostic, Discriminator, Output, RxMeta, SessionView, Speaker, State, Time};
use lvsd_model::{BfdAudience, BfdConfig, BfdInterval, BfdPath, BfdRole, BfdSession, TrackWeight};

pub(crate) const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(crate) const NEIGHBOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(crate) fn at(count: u64) -> Time {
    Time::after_start(millis(count))
}

pub(crate) fn interval(count: u32) -> BfdInterval {
    BfdInterval::from_millis(count).expect("in range")
}

/// What a configuration file says that says nothing but the neighbour.
pub(crate) fn session(name: &str, neighbor: IpAddr) -> BfdSession {
    BfdSession {
        name: name.to_owned(),
        neighbor,
        source: None,
        path: BfdPath::SingleHop,
        min_rx: interval(10),
        min_tx: interval(10),
        idle_tx: interval(1000),
        multiplier: NonZeroU8::new(5).expect("not 0"),
        role: BfdRole::Active,
        ttl: NonZeroU8::MAX,
        least_ttl: 255,
        audience: BfdAudience::All,
        effect: TrackWeight { weight: 0, reverse: false },
    }
}

pub(crate) fn config(sessions: &[BfdSession]) -> BfdConfig {
    BfdConfig { sessions: sessions.to_vec() }
}

/// One session, and what it has put out since the last look.
pub(crate) struct Host {
    pub(crate) speaker: Speaker,
    pub(crate) now: Time,
    pub(crate) changes: Vec<(Change, bool)>,
    pub(crate) sent: Vec<(Time, Control)>,
}

impl Host {
    pub(crate) fn new(session: &BfdSession) -> Self {
        let mut host =
            Self { speaker: Speaker::new(7), now: Time::ZERO, changes: Vec::new(), sent: Vec::new() };
        host.apply(std::slice::from_ref(session));
        host
    }

    pub(crate) fn apply(&mut self, sessions: &[BfdSession]) {
        self.speaker.apply(self.now, &config(sessions));
        self.collect();
    }

    pub(crate) fn view(&self) -> SessionView<'_> {
        self.speaker.views(self.now).next().expect("a session")
    }

    /// Lets time pass, doing what is due when it is due.
    pub(crate) fn run_until(&mut self, end: Time) {
        while let Some(due) = self.speaker.poll_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.speaker.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    /// A packet of the neighbour, in `state`, that knows us when it can.
    pub(crate) fn hear(&mut self, state: State) {
        let packet = self.packet(state);
        self.hear_packet(&packet);
    }

    pub(crate) fn packet(&self, state: State) -> Control {
        Control {
            diagnostic: Diagnostic::NONE,
            state,
            sequence: Sequence::default(),
            independent: false,
            demand: false,
            multiplier: NonZeroU8::new(3).expect("not 0"),
            my_discriminator: Discriminator::new(99).expect("not 0"),
            your_discriminator: Some(self.view().discriminator),
            desired_min_tx: 20_000,
            required_min_rx: 20_000,
            required_min_echo_rx: 0,
        }
    }

    pub(crate) fn hear_packet(&mut self, packet: &Control) {
        self.speaker.receive(self.now, &meta(255), &packet.emit()).expect("a packet that is believed");
        self.collect();
    }

    /// Takes the session to Up.
    pub(crate) fn up(session: &BfdSession) -> Self {
        let mut host = Self::new(session);
        host.hear(State::Down);
        host.hear(State::Up);
        assert_eq!(host.view().state, State::Up);
        host.changes.clear();
        host.sent.clear();
        host
    }

    fn collect(&mut self) {
        while let Some(output) = self.speaker.poll_output() {
            match output {
                Output::Send { packet, .. } => {
                    self.sent.push((self.now, Control::parse(&packet).expect("our own packet")));
                }
                Output::Changed { change, alive, .. } => self.changes.push((change, alive)),
            }
        }
    }
}

pub(crate) fn meta(ttl: u8) -> RxMeta {
    RxMeta { source: NEIGHBOR, destination: Some(OWN), path: BfdPath::SingleHop, ttl }
}
