//! The rules of RFC 5880 §6.8, one session against a neighbour that the test plays.

mod support;

use std::num::NonZeroU8;

use lvsd_bfd::wire::{Control, Sequence};
use lvsd_bfd::{Cause, Diagnostic, Discriminator, Reject, RxMeta, State};
use lvsd_model::{BfdPath, BfdRole, BfdSession};
use support::{Host, NEIGHBOR, OWN, at, interval, meta, millis, session};

fn plain() -> BfdSession {
    session("a", NEIGHBOR)
}

/// Our side in a state.
fn in_state(state: State) -> Host {
    let mut host = Host::new(&plain());
    match state {
        State::AdminDown => unreachable!("a removed session is gone"),
        State::Down => {}
        State::Init => host.hear(State::Down),
        State::Up => host = Host::up(&plain()),
    }
    assert_eq!(host.view().state, state);
    host
}

#[test]
fn the_state_table_is_that_of_the_rfc() {
    use State::{AdminDown, Down, Init, Up};
    for (own, heard, then) in [
        (Down, AdminDown, Down),
        (Down, Down, Init),
        (Down, Init, Up),
        (Down, Up, Down),
        (Init, AdminDown, Down),
        (Init, Down, Init),
        (Init, Init, Up),
        (Init, Up, Up),
        (Up, AdminDown, Down),
        (Up, Down, Down),
        (Up, Init, Up),
        (Up, Up, Up),
    ] {
        let mut host = in_state(own);
        host.hear(heard);
        assert_eq!(host.view().state, then, "{own} hears {heard}");
        let fell = matches!(own, Init | Up) && then == Down;
        assert_eq!(host.view().diagnostic == Diagnostic::NEIGHBOR_SIGNALED, fell, "{own} hears {heard}");
    }
}

#[test]
fn silence_for_the_detection_time_ends_the_session() {
    let mut host = Host::up(&plain());
    // 3 (its multiplier) times the greater of our min_rx (10 ms) and what it wants to send (20 ms).
    host.run_until(at(59));
    assert_eq!(host.view().state, State::Up);
    host.run_until(at(60));
    let view = host.view();
    assert_eq!((view.state, view.remote), (State::Down, None));
    assert_eq!(view.diagnostic, Diagnostic::DETECTION_TIME_EXPIRED);
    let [(change, alive)] = host.changes[..] else { panic!("{:?}", host.changes) };
    assert_eq!(change.cause, Cause::Silence { detection: millis(60) });
    assert!(!alive);
    // The neighbour is told at once, and that it is not known any more.
    let (when, packet) = *host.sent.last().expect("a packet");
    assert_eq!((when, packet.state, packet.your_discriminator), (at(60), State::Down, None));
    assert_eq!(packet.diagnostic, Diagnostic::DETECTION_TIME_EXPIRED);
}

#[test]
fn our_min_rx_stretches_the_detection_time() {
    let host = Host::up(&BfdSession { min_rx: interval(300), ..plain() });
    assert_eq!(host.view().remote.map(|remote| remote.detection_time), Some(millis(900)));
}

#[test]
fn before_up_packets_leave_once_a_second_and_say_so() {
    let mut host = Host::new(&plain());
    host.run_until(at(20_000));
    assert!((20..=27).contains(&host.sent.len()), "{}", host.sent.len());
    assert!(host.sent.iter().all(|(_, packet)| packet.desired_min_tx == 1_000_000));
    assert!(host.sent.iter().all(|(_, packet)| packet.required_min_rx == 10_000));
    let gaps: Vec<_> = host.sent.windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
    assert!(gaps.iter().all(|gap| (millis(750)..=millis(1000)).contains(gap)), "{gaps:?}");
    assert!(gaps.windows(2).any(|pair| pair[0] != pair[1]), "without jitter: {gaps:?}");
}

#[test]
fn idle_tx_and_the_neighbours_wish_make_it_slower() {
    let mut host = Host::new(&BfdSession { idle_tx: interval(4000), ..plain() });
    host.run_until(at(1));
    assert_eq!(host.view().interval, Some(millis(4000)));
    let mut slow = host.packet(State::Down);
    slow.required_min_rx = 9_000_000;
    host.hear_packet(&slow);
    assert_eq!(host.view().interval, Some(millis(9000)));
}

#[test]
fn a_single_packets_loss_must_not_come_of_jitter() {
    let mut host = Host::new(&BfdSession { multiplier: NonZeroU8::MIN, ..plain() });
    host.run_until(at(60_000));
    let gaps = host.sent.windows(2).map(|pair| pair[1].0.since(pair[0].0));
    assert!(gaps.max().expect("packets") <= millis(900));
}

#[test]
fn up_ends_the_slow_start_by_a_poll_sequence() {
    let mut host = Host::new(&plain());
    host.run_until(at(1));
    host.hear(State::Down);
    host.sent.clear();
    host.hear(State::Up);
    // The new interval is said at once, and holds at once since it is shorter; the question stands until it is answered.
    let (_, first) = host.sent[0];
    assert_eq!((first.state, first.desired_min_tx), (State::Up, 10_000));
    assert_eq!(first.sequence, Sequence { poll: true, answer: false });
    host.run_until(at(50));
    assert!(host.sent.len() > 1 && host.sent.iter().all(|(_, packet)| packet.sequence.poll));
    let mut answer = host.packet(State::Up);
    answer.sequence = Sequence { poll: false, answer: true };
    host.hear_packet(&answer);
    host.sent.clear();
    host.run_until(at(100));
    assert!(host.sent.len() > 1 && host.sent.iter().all(|(_, packet)| !packet.sequence.poll));
}

#[test]
fn a_question_is_answered_at_once_whatever_the_interval() {
    let mut host = Host::up(&plain());
    let mut question = host.packet(State::Up);
    question.sequence = Sequence { poll: true, answer: false };
    host.hear_packet(&question);
    let [(_, answer)] = host.sent[..] else { panic!("{:?}", host.sent) };
    assert_eq!(answer.sequence, Sequence { poll: false, answer: true });
}

/// An Up session whose slow start is over.
fn agreed(config: &BfdSession) -> Host {
    let mut host = Host::up(config);
    let mut answer = host.packet(State::Up);
    answer.sequence.answer = true;
    host.hear_packet(&answer);
    host.sent.clear();
    host
}

#[test]
fn slower_sending_and_shorter_waiting_await_the_answer() {
    let before = BfdSession { min_tx: interval(50), min_rx: interval(50), ..plain() };
    let mut host = agreed(&before);
    host.apply(&[BfdSession { min_tx: interval(200), min_rx: interval(30), ..before.clone() }]);
    assert_eq!(host.view().state, State::Up);
    assert_eq!(host.view().interval, Some(millis(50)));
    assert_eq!(host.view().remote.map(|remote| remote.detection_time), Some(millis(150)));
    host.run_until(at(55));
    let (_, packet) = *host.sent.last().expect("a packet");
    assert_eq!(
        (packet.desired_min_tx, packet.required_min_rx, packet.sequence.poll),
        (200_000, 30_000, true)
    );
    let mut answer = host.packet(State::Up);
    answer.sequence.answer = true;
    host.hear_packet(&answer);
    assert_eq!(host.view().interval, Some(millis(200)));
    assert_eq!(host.view().remote.map(|remote| remote.detection_time), Some(millis(90)));
    assert!(host.changes.is_empty());
}

#[test]
fn faster_sending_and_longer_waiting_hold_at_once() {
    let before = BfdSession { min_tx: interval(50), min_rx: interval(50), ..plain() };
    let mut host = agreed(&before);
    host.apply(&[BfdSession { min_tx: interval(30), min_rx: interval(80), ..before }]);
    assert_eq!(host.view().interval, Some(millis(30)));
    assert_eq!(host.view().remote.map(|remote| remote.detection_time), Some(millis(240)));
}

#[test]
fn a_passive_session_is_silent_until_it_is_spoken_to() {
    let mut host = Host::new(&BfdSession { role: BfdRole::Passive, ..plain() });
    host.run_until(at(10_000));
    assert!(host.sent.is_empty());
    host.hear(State::Down);
    let [(_, packet)] = host.sent[..] else { panic!("{:?}", host.sent) };
    assert_eq!((packet.state, packet.your_discriminator), (State::Init, Discriminator::new(99)));
    // And silent again when the neighbour is.
    host.run_until(at(20_000));
    host.sent.clear();
    host.run_until(at(30_000));
    assert!(host.sent.is_empty());
}

#[test]
fn a_neighbour_that_wants_no_packets_gets_none_but_answers() {
    let mut host = Host::up(&plain());
    let mut quiet = host.packet(State::Up);
    quiet.required_min_rx = 0;
    host.hear_packet(&quiet);
    host.run_until(at(59));
    assert!(host.sent.is_empty());
    quiet.sequence.poll = true;
    host.hear_packet(&quiet);
    assert_eq!(host.sent.len(), 1);
}

#[test]
fn a_neighbour_in_demand_mode_is_sent_nothing_unless_something_is_asked() {
    let mut host = agreed(&plain());
    let mut demanding = host.packet(State::Up);
    demanding.demand = true;
    host.hear_packet(&demanding);
    host.run_until(at(59));
    assert!(host.sent.is_empty(), "{:?}", host.sent);
    host.hear_packet(&demanding);
    host.apply(&[BfdSession { min_rx: interval(11), ..plain() }]);
    host.run_until(at(100));
    assert!(host.sent.iter().all(|(_, packet)| packet.sequence.poll) && !host.sent.is_empty());
}

#[test]
fn an_operator_at_the_other_end_says_nothing_about_the_path() {
    let mut host = Host::up(&plain());
    host.hear(State::AdminDown);
    let [(change, alive)] = host.changes[..] else { panic!("{:?}", host.changes) };
    assert_eq!((change.to, alive), (State::Down, true));
    // Not even when nothing more comes.
    host.run_until(at(5_000));
    assert_eq!(host.changes.len(), 1);
    assert!(host.view().alive);
    // The session is taken up again, and then fails.
    host.hear(State::Down);
    host.run_until(at(10_000));
    assert_eq!(host.changes.last().map(|(change, alive)| (change.to, *alive)), Some((State::Down, false)));
}

#[test]
fn a_removed_session_says_goodbye_once() {
    let mut host = Host::up(&plain());
    host.apply(&[]);
    let [(_, packet)] = host.sent[..] else { panic!("{:?}", host.sent) };
    assert_eq!((packet.state, packet.diagnostic), (State::AdminDown, Diagnostic::ADMINISTRATIVELY_DOWN));
    assert_eq!(
        host.changes.last().map(|(change, alive)| (change.cause, *alive)),
        Some((Cause::Removed, false))
    );
    assert_eq!(host.speaker.poll_timeout(), None);
}

#[test]
fn a_reload_leaves_a_session_alone_and_other_ends_make_another_one() {
    let mut host = agreed(&plain());
    let discriminator = host.view().discriminator;
    host.apply(&[plain()]);
    assert_eq!((host.view().state, host.view().discriminator), (State::Up, discriminator));
    assert!(host.sent.is_empty() && host.changes.is_empty());
    host.apply(&[BfdSession { source: Some(OWN), ..plain() }]);
    assert_eq!(host.view().state, State::Down);
    assert_ne!(host.view().discriminator, discriminator);
}

fn first_packet(host: &Host) -> Control {
    Control { your_discriminator: None, ..host.packet(State::Down) }
}

#[test]
fn packets_for_nobody_are_counted_by_cause() {
    let mut host = Host::new(&plain());
    let known = host.packet(State::Down);
    let stranger = Control { your_discriminator: Discriminator::new(5), ..known };
    let elsewhere = RxMeta { source: OWN, ..meta(255) };
    let other_port = RxMeta { path: BfdPath::Multihop, ..meta(255) };
    for (meta, packet, reject) in [
        (meta(255), stranger, Reject::NoSession),
        (elsewhere, first_packet(&host), Reject::NoSession),
        (other_port, known, Reject::NoSession),
        (other_port, first_packet(&host), Reject::NoSession),
        (meta(254), known, Reject::Ttl),
    ] {
        assert_eq!(host.speaker.receive(host.now, &meta, &packet.emit()), Err(reject), "{packet:?}");
    }
    assert_eq!(host.speaker.receive(host.now, &meta(255), b"lvsd"), Err(Reject::Length));
    let rejected = host.speaker.rejected();
    assert_eq!((rejected.no_session, rejected.ttl, rejected.length), (4, 1, 1));
    assert_eq!((host.view().counters.ttl, host.view().counters.received), (1, 0));
    assert_eq!(host.view().state, State::Down);
}

#[test]
fn the_address_that_was_spoken_to_tells_two_sessions_with_one_neighbour_apart() {
    let open = plain();
    let bound = BfdSession { name: "b".to_owned(), source: Some(OWN), ..plain() };
    let mut host = Host::new(&open);
    host.apply(&[open, bound]);
    let packet = first_packet(&host).emit();
    host.speaker.receive(host.now, &meta(255), &packet).expect("for the second");
    let elsewhere = RxMeta { destination: Some(NEIGHBOR), ..meta(255) };
    let states = |host: &Host| host.speaker.views(host.now).map(|view| view.state).collect::<Vec<_>>();
    assert_eq!(states(&host), [State::Down, State::Init]);
    host.speaker.receive(host.now, &elsewhere, &packet).expect("for the first");
    assert_eq!(states(&host), [State::Init, State::Init]);
}
