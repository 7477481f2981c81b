//! Two speakers and a link that loses, delays and is cut, on a virtual clock; every schedule has a seed that replays it.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use lvsd_bfd::wire::Control;
use lvsd_bfd::{Output, RxMeta, Speaker, State, Time};
use lvsd_model::{BfdPath, BfdRole, BfdSession};
use proptest::prelude::*;
use support::{NEIGHBOR, OWN, config, interval, millis, session};

/// Two ends, 0 and 1.
struct Link {
    ends: [Speaker; 2],
    now: Time,
    /// On their way, by time of arrival and number.
    flying: BTreeMap<(Time, u64), (usize, Vec<u8>)>,
    number: u64,
    /// Of a hundred packets in each direction, this many are lost.
    loss: [u64; 2],
    dice: u64,
    changes: [Vec<(Time, State, bool)>; 2],
    sent: [u64; 2],
}

impl Link {
    fn new(sessions: [BfdSession; 2], seed: u64) -> Self {
        let mut link = Self {
            ends: [Speaker::new(seed), Speaker::new(seed ^ 0xffff)],
            now: Time::ZERO,
            flying: BTreeMap::new(),
            number: 0,
            loss: [0; 2],
            dice: seed | 1,
            changes: [Vec::new(), Vec::new()],
            sent: [0; 2],
        };
        for (end, session) in sessions.iter().enumerate() {
            link.ends[end].apply(Time::ZERO, &config(std::slice::from_ref(session)));
            link.collect(end);
        }
        link
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % sides
    }

    fn collect(&mut self, end: usize) {
        while let Some(output) = self.ends[end].poll_output() {
            match output {
                Output::Send { packet, .. } => {
                    Control::parse(&packet).expect("what is sent can be read");
                    self.sent[end] += 1;
                    let lost = self.roll(100) < self.loss[end];
                    let arrival = self.now + Duration::from_micros(50 + self.roll(400));
                    if !lost {
                        self.number += 1;
                        self.flying.insert((arrival, self.number), (1 - end, packet.to_vec()));
                    }
                }
                Output::Changed { change, alive, .. } => {
                    self.changes[end].push((self.now, change.to, alive));
                }
            }
        }
    }

    fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
            let due = self.ends.iter().filter_map(Speaker::poll_timeout).min();
            let Some(next) = arrival.into_iter().chain(due).min().filter(|&at| at <= until) else { break };
            self.now = self.now.max(next);
            while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (end, packet) = entry.remove();
                let source = if end == 0 { NEIGHBOR } else { OWN };
                let meta = RxMeta { source, destination: None, path: BfdPath::SingleHop, ttl: 255 };
                // A packet for a session that is gone meanwhile is refused.
                let _ = self.ends[end].receive(self.now, &meta, &packet);
                self.collect(end);
            }
            for end in 0..2 {
                self.ends[end].handle_timeout(self.now);
                self.collect(end);
            }
        }
        self.now = until;
    }

    fn states(&self) -> [State; 2] {
        let state = |end: usize| self.ends[end].views(self.now).next().expect("a session").state;
        [state(0), state(1)]
    }

    fn alive(&self) -> [bool; 2] {
        let alive = |end: usize| self.ends[end].views(self.now).next().expect("a session").alive;
        [alive(0), alive(1)]
    }
}

fn pair() -> [BfdSession; 2] {
    [session("a", NEIGHBOR), session("b", OWN)]
}

#[test]
fn two_sides_come_up_and_agree() {
    let [a, b] = pair();
    let a = BfdSession { min_tx: interval(30), min_rx: interval(100), ..a };
    let b = BfdSession { min_tx: interval(40), min_rx: interval(20), ..b };
    let mut link = Link::new([a, b], 1);
    link.run_for(Duration::from_secs(5));
    assert_eq!(link.states(), [State::Up; 2]);
    let view = link.ends[0].views(link.now).next().expect("a session");
    assert_eq!(view.interval, Some(millis(30)));
    assert_eq!(view.remote.map(|remote| remote.detection_time), Some(millis(500)));
    let view = link.ends[1].views(link.now).next().expect("a session");
    assert_eq!(view.interval, Some(millis(100)));
    assert_eq!(view.remote.map(|remote| remote.detection_time), Some(millis(150)));
}

#[test]
fn a_cut_is_seen_within_the_detection_time_by_both_and_healed() {
    let mut link = Link::new(pair(), 2);
    link.run_for(Duration::from_secs(5));
    let cut = link.now;
    link.loss = [100; 2];
    link.run_for(Duration::from_secs(10));
    for end in 0..2 {
        let &(when, state, alive) = link.changes[end].last().expect("a change");
        assert_eq!((state, alive), (State::Down, false));
        assert!(when.since(cut) <= millis(51), "{:?}", when.since(cut));
    }
    link.loss = [0; 2];
    link.run_for(Duration::from_secs(5));
    assert_eq!(link.states(), [State::Up; 2]);
}

#[test]
fn a_one_way_cut_ends_both_sides() {
    let mut link = Link::new(pair(), 3);
    link.run_for(Duration::from_secs(5));
    link.loss = [100, 0];
    link.run_for(Duration::from_secs(5));
    assert_eq!(link.alive(), [false; 2]);
    // The one that still hears knows that the other does not.
    assert_eq!(link.states(), [State::Init, State::Down]);
}

#[test]
fn nobody_speaks_between_two_passive_sides() {
    let passive = pair().map(|session| BfdSession { role: BfdRole::Passive, ..session });
    let mut link = Link::new(passive, 4);
    link.run_for(Duration::from_secs(60));
    assert_eq!((link.states(), link.sent), ([State::Down; 2], [0; 2]));
}

#[test]
fn a_restarted_side_is_noticed_and_the_session_comes_back() {
    let mut link = Link::new(pair(), 5);
    link.run_for(Duration::from_secs(5));
    // All that it knew is gone, discriminators too.
    link.ends[1] = Speaker::new(77);
    link.ends[1].apply(link.now, &config(&pair()[1..]));
    link.changes = [Vec::new(), Vec::new()];
    link.run_for(Duration::from_secs(10));
    assert_eq!(link.states(), [State::Up; 2]);
    assert!(link.changes[0].iter().any(|&(_, state, _)| state == State::Down));
}

/// What happens to a link.
#[derive(Clone, Copy, Debug)]
enum Act {
    Run(u64),
    Lose([u64; 2]),
    Renew(usize),
    Reload(usize, u32, u32),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..3_000_u64).prop_map(Act::Run),
        2 => (0..=100_u64, 0..=100_u64).prop_map(|(a, b)| Act::Lose([a, b])),
        1 => (0..2_usize).prop_map(Act::Renew),
        2 => (0..2_usize, 1..400_u32, 1..400_u32).prop_map(|(end, tx, rx)| Act::Reload(end, tx, rx)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever has happened: on a link in order both come up and stay up, at the pace that both want; on a cut one neither stays up.
    #[test]
    fn in_the_end_the_session_is_what_the_link_is(
        seed in any::<u64>(),
        acts in prop::collection::vec(any_act(), 0..20),
        broken in any::<bool>(),
    ) {
        let mut sessions = pair();
        let mut link = Link::new(sessions.clone(), seed);
        for act in acts {
            match act {
                Act::Run(span) => link.run_for(millis(span)),
                Act::Lose(loss) => link.loss = loss,
                Act::Renew(end) => {
                    link.ends[end] = Speaker::new(seed ^ link.number);
                    link.ends[end].apply(link.now, &config(&sessions[end..=end]));
                }
                Act::Reload(end, tx, rx) => {
                    sessions[end].min_tx = interval(tx);
                    sessions[end].min_rx = interval(rx);
                    link.ends[end].apply(link.now, &config(&sessions[end..=end]));
                    link.collect(end);
                }
            }
        }
        link.loss = if broken { [100; 2] } else { [0; 2] };
        // The longest detection time: five times the slow start. Then as many packets as it takes.
        link.run_for(Duration::from_secs(12));
        link.changes = [Vec::new(), Vec::new()];
        let before = link.sent;
        link.run_for(Duration::from_secs(4));
        let expected = if broken { State::Down } else { State::Up };
        prop_assert_eq!(link.states(), [expected; 2]);
        prop_assert_eq!(link.alive(), [!broken; 2]);
        prop_assert!(link.changes.iter().all(Vec::is_empty), "{:?}", link.changes);
        for end in 0..2 {
            let agreed = if broken { 1000 } else {
                let wish = (sessions[end].min_tx, sessions[1 - end].min_rx);
                wish.0.max(wish.1).duration().as_millis() as u64
            };
            let sent = link.sent[end] - before[end];
            let (least, most) = (4000 / agreed, 4000 * 4 / agreed / 3 + 2);
            prop_assert!((least.saturating_sub(1)..=most).contains(&sent), "{} of {}..{}", sent, least, most);
        }
    }
}
