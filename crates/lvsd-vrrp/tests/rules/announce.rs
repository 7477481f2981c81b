//! Gratuitous ARP and unsolicited neighbour advertisements.

use std::time::Duration;

use lvsd_model::Instance;

use crate::support::{Host, LOW, SECOND, at, instance, millis};

/// The announcements from now on, as seconds since the instance became MASTER, with rounds and reason.
fn announced(host: &mut Host, span: Duration) -> Vec<String> {
    let began = host.now;
    let mut told = Vec::new();
    while host.now < began + span {
        host.run(millis(500));
        let elapsed = (host.now - began).as_secs_f64();
        let announcements = host.told().into_iter().filter(|what| what.starts_with("announce"));
        told.extend(announcements.map(|what| format!("{elapsed:.1} {what}")));
    }
    told
}

fn with_garp(change: impl FnOnce(&mut lvsd_model::GarpPolicy)) -> Instance {
    let mut config = instance("vi", 1, 100);
    change(&mut config.garp);
    config
}

#[test]
fn second_block_follows_after_five_seconds() {
    let mut host = Host::master(instance("vi", 1, 100));
    assert_eq!(announced(&mut host, SECOND * 30), ["5.0 announce 5 Delayed"]);
}

#[test]
fn no_second_block_without_delay() {
    let mut host = Host::master(with_garp(|garp| garp.delay = Duration::ZERO));
    assert!(announced(&mut host, SECOND * 30).is_empty());
}

#[test]
fn refresh_begins_after_the_delay() {
    let mut host = Host::master(with_garp(|garp| {
        garp.repeat = 2;
        garp.refresh = SECOND * 10;
        garp.refresh_repeat = 3;
    }));
    assert_eq!(
        announced(&mut host, SECOND * 40),
        [
            "5.0 announce 2 Delayed",
            "15.0 announce 3 Refresh",
            "25.0 announce 3 Refresh",
            "35.0 announce 3 Refresh"
        ]
    );
}

#[test]
fn lower_priority_has_a_second_block_of_its_own() {
    let mut host = Host::master(with_garp(|garp| {
        garp.delay = Duration::ZERO;
        garp.lower_prio_repeat = 4;
        garp.lower_prio_delay = SECOND * 2;
    }));
    host.hear(LOW, 50);
    assert_eq!(
        announced(&mut host, SECOND * 10),
        ["0.5 announce 4 LowerPriority", "2.0 announce 4 LowerPriority"]
    );
}

#[test]
fn lower_priority_can_be_left_unanswered() {
    let mut host = Host::master(with_garp(|garp| {
        garp.delay = Duration::ZERO;
        garp.lower_prio_repeat = 0;
    }));
    host.hear(LOW, 50);
    assert!(announced(&mut host, SECOND * 10).is_empty());
}

#[test]
fn flood_of_lower_priority_adverts_is_no_flood_of_announcements() {
    let mut host = Host::master(with_garp(|garp| garp.lower_prio_delay = Duration::ZERO));
    for _ in 0..1000 {
        host.hear(LOW, 50);
        host.run(millis(2));
    }
    let blocks = host.told().into_iter().filter(|what| what.starts_with("announce")).count();
    assert_eq!(blocks, 2, "one per advert interval, in two seconds");
}

#[test]
fn everything_can_be_announced_again() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.run(SECOND * 20);
    host.outputs();
    host.router.reannounce(at(host.now));
    assert_eq!(host.told(), ["announce 5 Stalled"]);
    assert_eq!(announced(&mut host, SECOND * 20), ["5.0 announce 5 Delayed"]);
}

#[test]
fn quiet_vmacs_are_announced_so_often_beside_everything_else() {
    let which = lvsd_model::ExtraAddresses::All;
    let extra = Some(lvsd_model::ExtraGarp { period: SECOND * 4, which });
    let mut host = Host::master(with_garp(|garp| garp.extra = extra));
    assert_eq!(
        announced(&mut host, SECOND * 9),
        ["4.0 announce 1 Extra", "5.0 announce 5 Delayed", "8.0 announce 1 Extra"]
    );
}
