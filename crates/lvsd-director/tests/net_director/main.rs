//! Whole VRRP processes between hosts on a fake LAN.

mod rival;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use lvsd_ipc::{Applied, InstanceState, StopManner, VrrpPlan};
use lvsd_lab::{Need, require, until};
use lvsd_model::{
    AdvertInterval, Auth, GarpPolicy, Invocation, Notify, OldUnicastChecksum, RunAs, Script, TrackScript,
    TrackWeight, TrackedScript, Transport, UnicastPeer, Version, VrrpConfig,
};
use nix::sys::signal::Signal;
use support::{Director, Outcome, PATIENCE, Scene, be_a_director, config, instance, interface, ip, vip};

/// Not a test: what the processes of the tests run.
#[test]
#[ignore = "needs root and namespaces"]
fn director_process() {
    be_a_director();
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_higher_priority_holds_the_addresses_and_the_other_takes_over_when_it_is_killed() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let (home_a, home_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let wire = scene.lan.capture()?;
    let vips = ["10.0.0.100/32", "10.0.0.101/24"];
    let mut a = Director::start(&scene.a, &home_a, config([instance("VI", 150, &vips)]))?;
    let mut b = Director::start(&scene.b, &home_b, config([instance("VI", 100, &vips)]))?;
    let seen = a.wait("both addresses", |seen| seen.addresses_present == 2)?;
    assert_eq!(seen.state, InstanceState::Master);
    assert_eq!(seen.faults, [""; 0]);
    let heard = b.wait("an advert", |seen| seen.heard.is_some())?;
    assert_eq!((heard.state, heard.heard), (InstanceState::Backup, Some((ip("10.0.0.1"), 150))));
    assert!(!scene.b.has_address(ip("10.0.0.100"), "eth0"));

    // The bytes on the wire: what routers of the field send (RFC 9568 §5.2).
    let advert = wire.wait(PATIENCE, "an advert", |frame| {
        frame.advert().is_some_and(|advert| advert.source == ip("10.0.0.1"))
    })?;
    assert_eq!(advert.bytes[..6], [0x01, 0, 0x5e, 0, 0, 0x12]);
    assert_eq!(advert.bytes[14..16], [0x45, 0xc0]);
    assert_eq!(advert.bytes[20..24], [0, 0, 255, 112]);
    let pdu = [0x31, 51, 150, 2, 0, 10];
    assert_eq!(advert.bytes[34..40], pdu);
    assert_eq!(advert.bytes[42..50], [10, 0, 0, 100, 10, 0, 0, 101]);

    // Round-robin, five rounds at once.
    let announced: Vec<_> = wire
        .frames()
        .iter()
        .filter_map(|frame| match frame.seen() {
            lvsd_lab::Seen::Announcement(announcement) => Some(announcement.ip),
            _ => None,
        })
        .collect();
    assert_eq!(announced, [ip("10.0.0.100"), ip("10.0.0.101")].repeat(5));

    let killed = SystemTime::now();
    a.kill()?;
    b.wait_state(InstanceState::Master)?;
    let mac = scene.b.mac("eth0")?;
    wire.wait_after(killed, PATIENCE, "the other's announcement", |frame| {
        frame.announces(ip("10.0.0.100")) && frame.bytes[6..12] == mac
    })?;
    assert!(scene.b.has_address(ip("10.0.0.100"), "eth0"));
    assert!(scene.a.has_address(ip("10.0.0.100"), "eth0"), "kill -9 leaves it there");

    // The next start on the first host removes what it left, also what is no longer configured.
    let without = config([instance("VI", 150, &["10.0.0.100/32"])]);
    let mut a = Director::start(&scene.a, &home_a, without)?;
    assert!(!scene.a.has_address(ip("10.0.0.101"), "eth0"), "left over, not configured any more");
    a.wait_state(InstanceState::Master)?;
    b.wait_state(InstanceState::Backup)?;
    until(PATIENCE, "the second to release", || !scene.b.has_address(ip("10.0.0.100"), "eth0"))?;
    assert!(a.stop(StopManner::Release)?.success());
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn version_2_with_a_password_is_sent_as_the_rfc_says() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let wire = scene.lan.capture()?;
    let mut router = instance("VI", 255, &["10.0.0.100/32"]);
    router.version = Version::V2;
    router.advert_interval = AdvertInterval::SECOND;
    router.auth = Some(Auth::Pass(*b"abc\0\0\0\0\0"));
    let mut a = Director::start(&scene.a, &home, config([router]))?;
    a.wait_state(InstanceState::Master)?;
    let advert = wire.wait(PATIENCE, "an advert", |frame| frame.advert().is_some())?;
    assert_eq!(advert.bytes[34..40], [0x21, 51, 255, 1, 1, 1]);
    assert_eq!(advert.bytes[42..54], *b"\x0a\x00\x00\x64abc\0\0\0\0\0");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn ipv6_adverts_leave_from_the_link_local_address() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let (home_a, home_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let wire = scene.lan.capture()?;
    let vips = ["fe80::100/64", "fd00::100/128"];
    let mut a = Director::start(&scene.a, &home_a, config([instance("VI", 150, &vips)]))?;
    let mut b = Director::start(&scene.b, &home_b, config([instance("VI", 100, &vips)]))?;
    a.wait("both addresses", |seen| seen.state == InstanceState::Master && seen.addresses_present == 2)?;
    b.wait("an advert", |seen| seen.state == InstanceState::Backup && seen.heard.is_some())?;
    let advert = wire.wait(PATIENCE, "an advert", |frame| frame.advert().is_some())?.advert();
    let advert = advert.ok_or("an advert")?;
    assert_eq!((advert.destination, advert.hops), (ip("ff02::12"), 255));
    assert!(advert.source != ip("fe80::100") && advert.source.to_string().starts_with("fe80:"));
    wire.wait(PATIENCE, "the announcement", |frame| frame.announces(ip("fd00::100")))?;
    a.kill()?;
    b.wait_state(InstanceState::Master)?;
    Ok(())
}

fn unicast(priority: u8, peer: &str) -> VrrpConfig {
    let mut router = instance("VI", priority, &["10.0.0.100/32"]);
    let peers = vec![UnicastPeer { address: ip(peer), min_ttl: None, max_ttl: None }];
    router.transport =
        Transport::Unicast { peers, ttl: 255, check_source: true, old_checksum: OldUnicastChecksum::Detect };
    config([router])
}

#[test]
#[ignore = "needs root and namespaces"]
fn unicast_peers_elect_with_and_without_an_interface() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let (home_a, home_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let wire = scene.lan.capture()?;
    let mut a = Director::start(&scene.a, &home_a, unicast(150, "10.0.0.2"))?;
    let mut plan = unicast(100, "10.0.0.1");
    plan.instances[0].interface = None;
    plan.instances[0].addresses[0].interface = Some(interface("eth0"));
    let mut b = Director::start(&scene.b, &home_b, plan)?;
    a.wait_state(InstanceState::Master)?;
    let heard = b.wait("an advert", |seen| seen.heard.is_some())?;
    assert_eq!((heard.state, heard.heard), (InstanceState::Backup, Some((ip("10.0.0.1"), 150))));
    let advert = wire.wait(PATIENCE, "an advert", |frame| frame.advert().is_some())?.advert();
    assert_eq!(advert.map(|advert| advert.destination), Some(ip("10.0.0.2")));
    assert!(a.stop(StopManner::Release)?.success());
    b.wait("the address", |seen| seen.state == InstanceState::Master && seen.addresses_present == 1)?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_route_that_comes_later_gives_an_instance_without_interface_its_source() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut plan = unicast(150, "10.9.0.2");
    plan.instances[0].interface = None;
    plan.instances[0].addresses[0].interface = Some(interface("eth0"));
    let mut a = Director::start(&scene.a, &home, plan)?;
    let seen = a.wait_state(InstanceState::Fault)?;
    assert_eq!(seen.faults, ["no source address for adverts"]);
    scene.a.ip("route add 10.9.0.0/24 via 10.0.0.2")?;
    a.wait_state(InstanceState::Master)?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn addresses_beyond_what_an_advert_can_carry_are_held_and_not_advertised() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let wire = scene.lan.capture()?;
    scene.a.ip("link set eth0 mtu 1280")?;
    let four: Vec<String> = (0..260_u16).map(|n| format!("10.1.{}.{}/32", n >> 8, n & 0xff)).collect();
    let six: Vec<String> = (1..=90).map(|n| format!("fd00::1:{n:x}/128")).collect();
    let text = |all: &[String]| all.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
    let make = |name: &str, vips: &[String]| {
        instance(name, 150, &text(vips).iter().map(String::as_str).collect::<Vec<_>>())
    };
    let both = config([make("FOUR", &four), make("SIX", &six)]);
    let (mut a, applied) = Director::start_saying(&scene.a, &home, both)?;
    let Applied::Degraded(problems) = applied else { return Err("nothing is said of it".into()) };
    assert_eq!(problems.len(), 2, "{problems:?}");
    // 1280 - 20 - 8 octets have room for 313 of 4 octets, but the count is one octet.
    assert!(problems[0].contains("FOUR") && problems[0].contains("5 from 10.1.0.255 on"), "{problems:?}");
    // 1280 - 40 - 8 octets have room for 77 of 16 octets.
    assert!(problems[1].contains("SIX") && problems[1].contains("13 from fd00::1:4e on"), "{problems:?}");
    for (destination, count_at, count) in [("224.0.0.18", 37, 255), ("ff02::12", 57, 77)] {
        let advert = wire.wait(PATIENCE, "an advert", |frame| {
            frame.advert().is_some_and(|advert| advert.destination == ip(destination))
        })?;
        assert_eq!(advert.bytes[count_at], count);
    }
    let deadline = std::time::Instant::now() + PATIENCE;
    while a.snapshot()?.instances.iter().map(|seen| seen.addresses_present).sum::<u32>() != 350 {
        assert!(std::time::Instant::now() < deadline, "not all addresses are held");
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_interface_that_is_renamed_does_not_keep_the_addresses() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut a = Director::start(&scene.a, &home, config([instance("VI", 255, &["10.0.0.100/32"])]))?;
    a.wait("the address", |seen| seen.addresses_present == 1)?;
    scene.a.ip("link set eth0 name lan0")?;
    a.wait_state(InstanceState::Fault)?;
    until(PATIENCE, "the address to go", || !scene.a.has_address(ip("10.0.0.100"), "lan0"))?;
    scene.a.ip("link set lan0 name eth0")?;
    a.wait_state(InstanceState::Master)?;
    until(PATIENCE, "the address to come back", || scene.a.has_address(ip("10.0.0.100"), "eth0"))?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_address_that_somebody_deletes_comes_back_and_is_announced() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut router = instance("VI", 255, &["10.0.0.100/32", "fd00::100/128"]);
    router.addresses.truncate(1);
    router.excluded = vec![vip("fd00::100/128")];
    router.garp = GarpPolicy { delay: Duration::ZERO, ..GarpPolicy::default() };
    let mut a = Director::start(&scene.a, &home, config([router]))?;
    a.wait("both addresses", |seen| seen.addresses_present == 2)?;
    let wire = scene.lan.capture()?;
    for (number, address) in [(1, "10.0.0.100/32"), (2, "fd00::100/128")] {
        let (bare, _) = address.split_once('/').ok_or("a prefix")?;
        scene.a.ip(&format!("addr del {address} dev eth0"))?;
        wire.wait(PATIENCE, "the announcement", |frame| frame.announces(ip(bare)))?;
        assert!(scene.a.has_address(ip(bare), "eth0"));
        let seen = a.wait("the count", |seen| seen.addresses_healed == number)?;
        assert_eq!((seen.state, seen.adverts.release_master), (InstanceState::Master, 0));
    }
    // Somebody who does it again and again is answered, but not at any speed.
    for _ in 0..5 {
        until(PATIENCE, "the address", || scene.a.ip("addr del 10.0.0.100/32 dev eth0").is_ok())?;
    }
    until(PATIENCE, "the address", || scene.a.has_address(ip("10.0.0.100"), "eth0"))?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn leftovers_are_removed_at_the_start_and_other_addresses_are_not_touched() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    scene.a.ip("addr add 10.0.0.100/32 dev eth0")?;
    scene.a.ip("addr add 10.0.0.77/24 dev eth0")?;
    scene.a.ip("addr add 10.0.0.78/24 dev eth0")?;
    // An earlier process of ours noted both, but somebody has set the second one since.
    std::fs::write(home.path().join("addresses"), "eth0 10.0.0.78/24\neth9 10.0.0.1/24\n")?;
    let low = instance("LOW", 1, &["10.0.0.100/32"]);
    let mut owner = instance("OWNER", 255, &["10.0.0.1/24"]);
    owner.vrid = lvsd_model::Vrid::new(52).ok_or("in range")?;
    let _a = Director::start(&scene.a, &home, config([low, owner]))?;
    assert!(!scene.a.has_address(ip("10.0.0.100"), "eth0"), "configured, and not ours to hold");
    for own in ["10.0.0.1", "10.0.0.77", "10.0.0.78"] {
        assert!(scene.a.has_address(ip(own), "eth0"), "{own} is the interface's own");
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_owners_own_address_survives_a_stop() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut a =
        Director::start(&scene.a, &home, config([instance("VI", 255, &["10.0.0.1/24", "10.0.0.100/32"])]))?;
    a.wait("both addresses", |seen| seen.addresses_present == 2)?;
    assert!(a.stop(StopManner::Release)?.success());
    assert!(scene.a.has_address(ip("10.0.0.1"), "eth0"));
    assert!(!scene.a.has_address(ip("10.0.0.100"), "eth0"));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_link_that_goes_down_is_a_fault_until_it_comes_back() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let (home_a, home_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let vips = ["10.0.0.100/32"];
    let mut a = Director::start(&scene.a, &home_a, config([instance("VI", 150, &vips)]))?;
    let mut b = Director::start(&scene.b, &home_b, config([instance("VI", 100, &vips)]))?;
    a.wait_state(InstanceState::Master)?;
    scene.wire_a.down()?;
    let seen = a.wait_state(InstanceState::Fault)?;
    assert_eq!(seen.faults, ["interface eth0 is down"]);
    b.wait_state(InstanceState::Master)?;
    until(PATIENCE, "the release", || !scene.a.has_address(ip("10.0.0.100"), "eth0"))?;
    scene.wire_a.up()?;
    a.wait_state(InstanceState::Master)?;
    b.wait_state(InstanceState::Backup)?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_interface_that_does_not_exist_yet_is_waited_for() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut router = instance("VI", 255, &["10.1.0.100/32"]);
    router.interface = Some(interface("eth7"));
    let (mut a, applied) = Director::start_saying(&scene.a, &home, config([router]))?;
    assert!(matches!(&applied, Applied::Degraded(why) if why[0].contains("eth7")), "{applied:?}");
    a.wait_state(InstanceState::Fault)?;
    for _ in 0..2 {
        let _wire = scene.lan.plug(&scene.a, "eth7", &["10.1.0.1/24"])?;
        let wire = scene.lan.capture()?;
        a.wait("the address", |seen| seen.state == InstanceState::Master && seen.addresses_present == 1)?;
        wire.wait(PATIENCE, "an advert", |frame| frame.advert().is_some())?;
        scene.a.ip("link del eth7")?;
        a.wait_state(InstanceState::Fault)?;
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn adverts_leave_from_another_address_when_the_first_goes_and_need_one() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    scene.a.sysctl("net.ipv4.conf.eth0.promote_secondaries", "1")?;
    scene.a.ip("addr add 10.0.0.11/24 dev eth0")?;
    let mut a = Director::start(&scene.a, &home, config([instance("VI", 150, &["10.0.0.100/32"])]))?;
    a.wait_state(InstanceState::Master)?;
    let wire = scene.lan.capture()?;
    scene.a.ip("addr del 10.0.0.1/24 dev eth0")?;
    wire.wait(PATIENCE, "the other source", |frame| {
        frame.advert().is_some_and(|advert| advert.source == ip("10.0.0.11"))
    })?;
    scene.a.ip("addr del 10.0.0.11/24 dev eth0")?;
    let seen = a.wait_state(InstanceState::Fault)?;
    assert_eq!(seen.faults, ["no source address for adverts"]);
    wire.wait(PATIENCE, "the farewell of one that has no address any more", |frame| {
        frame.advert().is_some_and(|advert| (advert.source, advert.priority) == (ip("10.0.0.11"), 0))
    })?;
    scene.a.ip("addr add 10.0.0.12/24 dev eth0")?;
    a.wait_state(InstanceState::Master)?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_touches_only_what_it_changes() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let before = config([instance("VI", 255, &["10.0.0.100/32", "10.0.0.101/32"])]);
    let mut a = Director::start(&scene.a, &home, before)?;
    let seen = a.wait("both addresses", |seen| seen.addresses_present == 2)?;
    let watch = scene.a.capture("eth0")?;
    let kept = |home: &lvsd_lab::Host| home.ip("-o -d addr show to 10.0.0.100");
    let kept_before = kept(&scene.a)?;
    let after = config([instance("VI", 255, &["10.0.0.100/32", "10.0.0.102/32"])]);
    assert_eq!(a.apply(home.path(), after.clone())?, Applied::Done);
    watch.wait(PATIENCE, "the new address", |frame| frame.announces(ip("10.0.0.102")))?;
    until(PATIENCE, "the old one to go", || !scene.a.has_address(ip("10.0.0.101"), "eth0"))?;
    assert!(scene.a.has_address(ip("10.0.0.102"), "eth0"));
    assert_eq!(kept(&scene.a)?, kept_before);
    let now = a.look()?;
    assert_eq!(now.transitions, seen.transitions, "no change of state, so nobody is notified");
    assert_eq!((now.adverts.priority_zero_sent, now.addresses_healed), (0, 0));

    // The same again changes nothing at all.
    let quiet = scene.a.capture("eth0")?;
    assert_eq!(a.apply(home.path(), after)?, Applied::Done);
    let sent = a.look()?.adverts.sent;
    a.wait("adverts go on", |seen| seen.adverts.sent > sent + 2)?;
    let announced = quiet.frames().iter().any(|frame| frame.announces(ip("10.0.0.100")));
    assert!(!announced, "an unchanged address is not announced again");

    // An instance that is gone resigns.
    assert_eq!(a.apply(home.path(), config([]))?, Applied::Done);
    quiet.wait(PATIENCE, "priority 0", |frame| frame.advert().is_some_and(|advert| advert.priority == 0))?;
    until(PATIENCE, "all to go", || !scene.a.has_address(ip("10.0.0.100"), "eth0"))?;
    Ok(())
}

/// A script that appends its arguments to a log.
fn logging_script(home: &std::path::Path, word: &str) -> Outcome<Script> {
    let path = home.join("notify.sh");
    std::fs::write(&path, "#!/bin/sh\nlog=$1; shift\necho \"$*\" >> \"$log\"\n")?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))?;
    let argv = vec![path.display().to_string(), home.join("notified").display().to_string(), word.to_owned()];
    let run_as = Some(RunAs { user: "root".to_owned(), group: None });
    Ok(Script { source: argv.join(" "), argv, invocation: Invocation::Exec, run_as })
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stop_resigns_removes_the_addresses_and_notifies() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut router = instance("VI", 150, &["10.0.0.100/32"]);
    router.notify = Notify {
        any: Some(logging_script(home.path(), "any")?),
        master: Some(logging_script(home.path(), "master")?),
        stop: Some(logging_script(home.path(), "stop")?),
        ..Notify::default()
    };
    let mut a = Director::start(&scene.a, &home, config([router]))?;
    a.wait_state(InstanceState::Master)?;
    let wire = scene.lan.capture()?;
    assert!(a.stop(StopManner::Release)?.success());
    assert!(!scene.a.has_address(ip("10.0.0.100"), "eth0"));
    wire.wait(PATIENCE, "priority 0", |frame| frame.advert().is_some_and(|advert| advert.priority == 0))?;
    assert!(!home.path().join("addresses").exists(), "nothing is left to note");
    let notified = std::fs::read_to_string(home.path().join("notified"))?;
    let mut lines: Vec<&str> = notified.lines().collect();
    assert_eq!(lines.first(), Some(&"any INSTANCE VI BACKUP 150"));
    // The scripts of one event start in order and run beside each other.
    lines[1..].sort_unstable();
    assert_eq!(lines[1..], ["any INSTANCE VI MASTER 150", "any INSTANCE VI STOP 150", "master", "stop"]);
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stop_that_keeps_leaves_addresses_and_says_nothing() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut a = Director::start(&scene.a, &home, config([instance("VI", 255, &["10.0.0.100/32"])]))?;
    a.wait("the address", |seen| seen.addresses_present == 1)?;
    let wire = scene.lan.capture()?;
    assert!(a.stop(StopManner::Keep)?.success());
    assert!(scene.a.has_address(ip("10.0.0.100"), "eth0"));
    assert!(wire.frames().iter().all(|frame| frame.advert().is_none_or(|advert| advert.priority != 0)));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn without_a_supervisor_it_resigns() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut a = Director::start(&scene.a, &home, config([instance("VI", 255, &["10.0.0.100/32"])]))?;
    a.wait("the address", |seen| seen.addresses_present == 1)?;
    let wire = scene.lan.capture()?;
    assert!(a.abandon()?.success());
    assert!(!scene.a.has_address(ip("10.0.0.100"), "eth0"));
    wire.wait(PATIENCE, "priority 0", |frame| frame.advert().is_some_and(|advert| advert.priority == 0))?;
    Ok(())
}

fn tracked(home: &std::path::Path, command: &[&str], weight: i16) -> VrrpConfig {
    let _ = home;
    let argv: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let run_as = Some(RunAs { user: "root".to_owned(), group: None });
    let script = Script { source: argv.join(" "), argv, invocation: Invocation::Exec, run_as };
    let effect = TrackWeight { weight, reverse: false };
    let mut router = instance("VI", 100, &["10.0.0.100/32"]);
    router.trackers.scripts.push(TrackedScript { script: "check".to_owned(), effect });
    let script = TrackScript {
        name: "check".to_owned(),
        command: Ok(script),
        interval: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
        effect,
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    VrrpConfig { scripts: vec![script], ..config([router]) }
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_tracked_script_rules_over_fault_and_priority() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let good = home.path().join("good");
    let test = ["/usr/bin/test", "-e", good.to_str().ok_or("UTF-8")?];
    let mut a = Director::start(&scene.a, &home, tracked(home.path(), &test, 0))?;
    let seen = a.wait_state(InstanceState::Fault)?;
    assert_eq!(seen.faults, ["script check failed"]);
    std::fs::write(&good, "")?;
    a.wait_state(InstanceState::Master)?;
    assert_eq!(a.apply(home.path(), tracked(home.path(), &test, 50))?, Applied::Done);
    a.wait("the bonus", |seen| seen.effective_priority == 150)?;
    std::fs::remove_file(&good)?;
    a.wait("its loss", |seen| seen.effective_priority == 100)?;
    let script = a.snapshot()?.scripts.remove(0);
    assert!(script.ok == Some(false) && script.successes > 0 && script.failures > 0, "{script:?}");

    // One that cannot run is left out, and named.
    match a.apply(home.path(), tracked(home.path(), &["/nowhere/check"], 0))? {
        Applied::Degraded(why) => assert!(why[0].contains("vrrp_script check"), "{why:?}"),
        Applied::Done => return Err("a script that is not there went unnoticed".into()),
    }
    a.wait_state(InstanceState::Master)?;
    let script = a.snapshot()?.scripts.remove(0);
    assert!(script.disabled.is_some_and(|why| why.contains("/nowhere/check")));

    // One that hangs is killed and counted.
    a.apply(home.path(), tracked(home.path(), &["/usr/bin/sleep", "1000"], 0))?;
    let deadline = std::time::Instant::now() + PATIENCE;
    while a.snapshot()?.scripts.first().is_none_or(|script| script.timeouts == 0) {
        assert!(std::time::Instant::now() < deadline, "no timeout was counted");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_backup_that_was_stopped_for_a_while_believes_the_adverts_that_waited() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let (home_a, home_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let vips = ["10.0.0.100/32"];
    let mut a = Director::start(&scene.a, &home_a, config([instance("VI", 150, &vips)]))?;
    let mut b = Director::start(&scene.b, &home_b, config([instance("VI", 100, &vips)]))?;
    a.wait_state(InstanceState::Master)?;
    b.wait("an advert", |seen| seen.heard.is_some_and(|(_, priority)| priority == 150))?;
    let before = b.look()?.adverts.become_master;
    b.signal(Signal::SIGSTOP)?;
    let sent = a.look()?.adverts.sent;
    // Twice the down interval.
    a.wait("adverts", |seen| seen.adverts.sent > sent + 8)?;
    b.signal(Signal::SIGCONT)?;
    let received = b.look()?.adverts.received;
    let seen = b.wait("adverts", |seen| seen.adverts.received > received + 3)?;
    assert_eq!((seen.state, seen.adverts.become_master), (InstanceState::Backup, before));
    assert!(b.snapshot()?.worst_lateness > Duration::from_millis(100), "the stall was noticed");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn counters_can_be_cleared_while_states_stay() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut a = Director::start(&scene.a, &home, config([instance("VI", 255, &["10.0.0.100/32"])]))?;
    let before = a.wait("adverts", |seen| seen.adverts.sent > 20 && seen.adverts.announcements_sent > 0)?;
    a.clear_counters()?;
    let after = a.look()?;
    assert_eq!((after.state, after.addresses_present), (InstanceState::Master, 1));
    assert_eq!(after.addresses, ["10.0.0.100/32"]);
    assert!(after.adverts.sent < before.adverts.sent);
    assert_eq!((after.adverts.become_master, after.adverts.announcements_sent), (0, 0));
    assert!(after.transitions.is_empty());
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_signal_stops_it_when_the_supervisor_says_nothing() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let mut a = Director::start(&scene.a, &home, config([instance("VI", 255, &["10.0.0.100/32"])]))?;
    a.wait("the address", |seen| seen.addresses_present == 1)?;
    a.signal(Signal::SIGTERM)?;
    assert!(a.ended()?.success());
    assert!(!scene.a.has_address(ip("10.0.0.100"), "eth0"));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn addresses_have_all_their_attributes_and_may_be_on_other_interfaces() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let other = lvsd_lab::Lan::new("other")?;
    let _wire = other.plug(&scene.a, "eth1", &["10.2.0.1/24"])?;
    let mut router = instance("VI", 255, &["10.5.0.100/24", "10.2.0.100/32"]);
    router.addresses[0].broadcast = lvsd_model::Broadcast::AllOnes;
    router.addresses[0].label = Some("eth0:vip".to_owned());
    router.addresses[0].scope = Some(lvsd_model::AddressScope::LINK);
    router.addresses[1].interface = Some(interface("eth1"));
    let seen = other.capture()?;
    let mut a = Director::start(&scene.a, &home, config([router]))?;
    a.wait("both addresses", |seen| seen.addresses_present == 2)?;
    seen.wait(PATIENCE, "its announcement there", |frame| frame.announces(ip("10.2.0.100")))?;
    assert!(scene.a.has_address(ip("10.2.0.100"), "eth1"));
    let shown = scene.a.ip("addr show dev eth0")?;
    assert!(shown.contains("10.5.0.100/24 brd 10.5.0.255 scope link"), "{shown}");
    assert!(shown.contains("eth0:vip"), "{shown}");
    // The state of that interface matters, too.
    scene.a.ip("link set eth1 down")?;
    let fault = a.wait_state(InstanceState::Fault)?;
    assert_eq!(fault.faults, ["interface eth1 is down"]);
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_sync_group_moves_together() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let other = lvsd_lab::Lan::new("other")?;
    let wire = other.plug(&scene.a, "eth1", &["10.2.0.1/24"])?;
    let inside = instance("INSIDE", 150, &["10.0.0.100/32"]);
    let mut outside = instance("OUTSIDE", 150, &["10.2.0.100/32"]);
    outside.interface = Some(interface("eth1"));
    let group = lvsd_model::SyncGroup {
        name: "G".to_owned(),
        members: vec!["INSIDE".to_owned(), "OUTSIDE".to_owned()],
        trackers: lvsd_model::Trackers::default(),
        tracking_weight: false,
        notify: Notify { any: Some(logging_script(home.path(), "group")?), ..Notify::default() },
    };
    let plan = VrrpConfig { groups: vec![group], ..config([inside, outside]) };
    let mut a = Director::start(&scene.a, &home, plan)?;
    a.wait("INSIDE as MASTER", |seen| seen.state == InstanceState::Master && seen.addresses_present == 1)?;
    assert_eq!(a.snapshot()?.groups[0].state, InstanceState::Master);
    wire.down()?;
    a.wait_state(InstanceState::Fault)?;
    until(PATIENCE, "the release", || !scene.a.has_address(ip("10.0.0.100"), "eth0"))?;
    wire.up()?;
    a.wait_state(InstanceState::Master)?;
    assert!(a.stop(StopManner::Release)?.success());
    let notified = std::fs::read_to_string(home.path().join("notified"))?;
    let words: Vec<&str> = notified.lines().collect();
    let expected = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"]
        .map(|word| format!("group GROUP G {word} 0"));
    assert_eq!(words, expected);
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_backup_removes_addresses_of_others_only_when_asked_to() -> Outcome {
    require!(Need::Root);
    let scene = Scene::new()?;
    let (home_a, home_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let vips = ["10.0.0.100/32"];
    let _master = Director::start(&scene.b, &home_b, config([instance("VI", 150, &vips)]))?;
    let ours = config([instance("VI", 100, &vips)]);
    let mut a = Director::start(&scene.a, &home_a, ours.clone())?;
    let fault_and_back = |a: &mut Director| -> Outcome {
        scene.wire_a.down()?;
        a.wait_state(InstanceState::Fault)?;
        scene.wire_a.up()?;
        a.wait("adverts again", |seen| seen.state == InstanceState::Backup && seen.heard.is_some())?;
        Ok(())
    };
    scene.a.ip("addr add 10.0.0.100/32 dev eth0")?;
    fault_and_back(&mut a)?;
    assert!(scene.a.has_address(ip("10.0.0.100"), "eth0"), "somebody else's");
    let plan = VrrpPlan {
        config: ours,
        runtime_dir: home_a.path().to_owned(),
        release_foreign_vips: true,
        ..VrrpPlan::default()
    };
    assert_eq!(a.apply_plan(plan)?, Applied::Done);
    fault_and_back(&mut a)?;
    until(PATIENCE, "its removal", || !scene.a.has_address(ip("10.0.0.100"), "eth0"))?;
    Ok(())
}
