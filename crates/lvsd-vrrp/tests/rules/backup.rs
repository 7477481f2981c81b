//! BACKUP.

use std::time::Duration;

use lvsd_model::{AdvertInterval, Family, Preempt, Transport, Version, VrrpConfig};
use lvsd_vrrp::wire::{Reject, RxMeta};
use lvsd_vrrp::{LinkState, Reception, State};

use crate::support::{
    HIGH, Host, LOW, OWN, SECOND, at, instance, ip, link, micros, millis, only, packet, unicast, vip,
};

fn backup(preempt: Preempt) -> Host {
    let mut config = instance("vi", 1, 100);
    config.preempt = preempt;
    let mut host = Host::start(only(config));
    host.outputs();
    host
}

const DOWN: Duration = micros(3_609_375);

#[test]
fn better_or_equal_advert_restarts_the_timer() {
    for (source, priority) in [(HIGH, 100), (LOW, 100), (LOW, 101), (LOW, 254)] {
        let mut host = backup(Preempt::After(Duration::ZERO));
        host.run_until(SECOND * 3);
        host.hear(source, priority);
        assert_eq!(host.deadline(), SECOND * 3 + DOWN, "{source} {priority}");
        let heard = host.view().heard.expect("remembered");
        assert_eq!((heard.source, heard.priority, heard.at), (ip(source), priority, at(SECOND * 3)));
    }
}

#[test]
fn lower_advert_is_ignored_so_that_the_running_timer_preempts() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    for second in 1..=3 {
        host.run_until(SECOND * second);
        host.hear(HIGH, 99);
        assert_eq!(host.deadline(), DOWN);
    }
    host.run_until(DOWN);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER Preempting");
}

#[test]
fn nopreempt_leaves_a_lower_master_alone() {
    let mut host = backup(Preempt::Never);
    host.run_until(SECOND);
    host.hear(LOW, 1);
    assert_eq!(host.deadline(), SECOND + DOWN);
    host.run(DOWN);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER MasterSilent");
}

#[test]
fn resignation_leaves_the_skew() {
    for preempt in [Preempt::Never, Preempt::After(Duration::ZERO), Preempt::After(SECOND)] {
        let mut host = backup(preempt);
        host.run_until(SECOND);
        host.hear(HIGH, 200);
        host.hear(HIGH, 0);
        assert_eq!(host.deadline(), SECOND + micros(609_375));
        host.run(micros(609_375));
        assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER MasterResigned");
        let adverts = host.view().adverts;
        assert_eq!((adverts.received, adverts.priority_zero_received), (2, 1));
    }
}

#[test]
fn preempt_delay_runs_from_the_first_lower_advert() {
    let mut host = backup(Preempt::After(SECOND * 5));
    for second in 1..=5 {
        host.run_until(SECOND * second);
        host.hear(LOW, 50);
        assert_eq!(host.deadline(), SECOND * second + DOWN, "tolerated until 6 s");
        assert_eq!(host.view().preempt_at, Some(at(SECOND * 6)));
    }
    host.run_until(SECOND * 6);
    host.hear(LOW, 50);
    assert_eq!(host.deadline(), SECOND * 5 + DOWN, "ignored from then on");
    host.run_until(SECOND * 5 + DOWN);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER Preempting");
}

#[test]
fn better_advert_ends_the_preempt_delay() {
    let mut host = backup(Preempt::After(SECOND * 5));
    host.hear(LOW, 50);
    host.run_until(SECOND);
    host.hear(HIGH, 100);
    assert_eq!(host.view().preempt_at, None);
    host.run_until(SECOND * 2);
    host.hear(LOW, 50);
    assert_eq!(host.view().preempt_at, Some(at(SECOND * 7)));
}

#[test]
fn version_3_learns_the_interval_of_the_master() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    let mut master = host.config.instances[0].clone();
    master.advert_interval = AdvertInterval::v3(10).expect("in range");
    let reception = host.hear_from(&master, HIGH, 200);
    let oddity = Some(Reject::AdvertInterval);
    assert_eq!(reception, Reception::Accepted { id: host.id("vi"), oddity });
    assert_eq!(host.view().rejected.advert_interval, 1);
    assert_eq!(host.view().interval.centis(), 10);
    assert_eq!(host.deadline(), Duration::from_nanos(300_000_000 + 60_937_500));
    // Its own again as master.
    host.run(SECOND);
    assert_eq!((host.state(), host.view().interval), (State::Master, AdvertInterval::SECOND));
}

#[test]
fn ignored_advert_teaches_nothing() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    let mut master = host.config.instances[0].clone();
    master.advert_interval = AdvertInterval::v3(10).expect("in range");
    host.hear_from(&master, HIGH, 50);
    assert_eq!((host.view().interval, host.deadline()), (AdvertInterval::SECOND, DOWN));
}

#[test]
fn version_2_drops_another_interval() {
    let mut config = instance("vi", 1, 100);
    config.version = Version::V2;
    let mut host = Host::start(only(config.clone()));
    config.advert_interval = AdvertInterval::v2(2).expect("in range");
    let reception = host.hear_from(&config, HIGH, 200);
    assert_eq!(reception, Reception::Rejected { id: host.id("vi"), reject: Reject::AdvertInterval });
    assert_eq!((host.deadline(), host.view().adverts.received), (DOWN, 0));
}

#[test]
fn timeout_before_its_time_does_nothing() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    for early in 0..100 {
        host.router.handle_timeout(at(millis(early)));
    }
    assert_eq!((host.told().len(), host.deadline()), (0, DOWN));
}

#[test]
fn advert_that_waited_in_a_socket_counts_before_the_timeout() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    host.now = SECOND * 60;
    host.hear(HIGH, 200);
    host.router.handle_timeout(at(host.now));
    assert_eq!((host.state(), host.deadline()), (State::Backup, SECOND * 60 + DOWN));
}

#[test]
fn what_was_not_due_when_the_clock_was_read_waits_although_packets_have_come_since() {
    let mut quiet = instance("quiet", 2, 100);
    quiet.addresses = vec![vip("10.0.1.2")];
    let instances = vec![instance("vi", 1, 100), quiet];
    let mut host = Host::start(VrrpConfig { instances, ..VrrpConfig::default() });
    host.outputs();
    // The driver reads the clock, is held up, and takes a packet in; one for the other instance may wait in another socket.
    host.now = DOWN + micros(5);
    host.hear(HIGH, 200);
    host.router.handle_timeout(at(DOWN - micros(1)));
    assert_eq!(host.named("quiet").state, State::Backup);
    host.router.handle_timeout(at(host.now));
    assert_eq!(host.named("quiet").state, State::Master);
}

#[test]
fn a_machine_that_was_asleep_listens_for_an_interval_before_it_believes_the_silence() {
    let mut host = backup(Preempt::Never);
    host.now = DOWN * 2 - micros(1);
    host.router.handle_timeout(at(host.now));
    assert_eq!(host.state(), State::Master, "late, as under load");
    let mut host = backup(Preempt::Never);
    host.now = SECOND * 3600;
    host.router.handle_timeout(at(host.now));
    assert_eq!(
        (host.state(), host.deadline()),
        (State::Backup, host.now + SECOND + Duration::from_nanos(3_906_250))
    );
    let woken = host.now;
    host.run_until(woken + SECOND - micros(1));
    host.hear(LOW, 1);
    host.run(SECOND * 3);
    assert_eq!(host.state(), State::Backup, "the master was there all the time");
    host.run(SECOND);
    assert_eq!(host.state(), State::Master);
}

#[test]
fn time_does_not_go_back() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    host.now = SECOND * 2;
    host.hear(HIGH, 200);
    host.now = SECOND;
    host.hear(HIGH, 200);
    assert_eq!(host.deadline(), SECOND * 2 + DOWN);
}

#[test]
fn packets_of_others_are_counted_where_they_belong() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    let mut other = host.config.instances[0].clone();
    other.vrid = lvsd_model::Vrid::new(2).expect("not 0");
    assert_eq!(host.hear_from(&other, HIGH, 200), Reception::Unknown);
    let (meta, octets) = packet(&host.config.instances[0], ip(HIGH), 200);
    for interface in [Some(link("eth1")), None] {
        assert_eq!(host.router.receive(at(host.now), interface.as_ref(), meta, &octets), Reception::Unknown);
    }
    for octets in [[].as_slice(), &[0x31], &[0x31, 0, 100, 0, 0, 100, 0, 0]] {
        assert_eq!(
            host.router.receive(at(host.now), Some(&link("eth0")), meta, octets),
            Reception::Malformed
        );
    }
    let counters = host.router.counters();
    assert_eq!((counters.unknown_vrid, counters.malformed), (3, 3));
    let low = RxMeta { ttl: 1, ..meta };
    host.router.receive(at(host.now), Some(&link("eth0")), low, &octets);
    assert_eq!((host.view().rejected.ttl, host.view().adverts.received), (1, 0));
}

#[test]
fn address_check_is_skipped_for_the_same_sender_when_told_so() {
    for (skip, counted) in [(false, 3), (true, 2)] {
        let mut config = instance("vi", 1, 100);
        config.skip_check_adv_addr = skip;
        let mut host = Host::start(only(config.clone()));
        config.addresses = vec![vip("10.0.1.200")];
        host.hear_from(&config, HIGH, 200);
        host.hear_from(&config, HIGH, 200);
        host.hear_from(&config, LOW, 200);
        assert_eq!((host.view().rejected.address_list, host.view().adverts.received), (counted, 3));
    }
}

#[test]
fn fault_ends_the_wait() {
    let mut host = backup(Preempt::After(Duration::ZERO));
    host.link("eth0", LinkState::Down);
    assert_eq!((host.told(), host.router.poll_timeout()), (vec!["BACKUP>FAULT Faulty".to_owned()], None));
}

#[test]
fn families_and_disjoint_unicast_peers_share_a_number() {
    let four = instance("four", 7, 100);
    let mut six = instance("six", 7, 100);
    six.family = Family::V6;
    six.transport = Transport::Multicast { group: Transport::default_group(Family::V6) };
    six.addresses = vec![vip("fe80::7")];
    six.source = Some(ip("fe80::5"));
    let near = unicast(instance("near", 7, 100), &[LOW]);
    let far = unicast(instance("far", 7, 100), &[HIGH]);
    let mut anywhere = unicast(instance("anywhere", 8, 100), &[HIGH]);
    anywhere.interface = None;
    anywhere.source = Some(ip(OWN));
    let instances = vec![near.clone(), far.clone(), anywhere.clone(), four.clone(), six.clone()];
    let mut host = Host::start(VrrpConfig { instances, ..VrrpConfig::default() });
    for (config, source) in [(&near, LOW), (&far, HIGH), (&anywhere, HIGH), (&four, LOW), (&six, "fe80::1")] {
        let before: Vec<u64> = host.router.instances().map(|view| view.adverts.received).collect();
        // As the driver's two sockets get it: one bound to the interface, one to none, which takes no multicast.
        host.hear_from(config, source, 200);
        if !matches!(config.transport, Transport::Multicast { .. }) {
            host.hear_unbound(config, source, 200);
        }
        for (view, before) in host.router.instances().zip(before) {
            let expected = before + u64::from(view.config.name == config.name);
            assert_eq!(
                view.adverts.received, expected,
                "{} heard what was for {}",
                view.config.name, config.name
            );
        }
    }
}
