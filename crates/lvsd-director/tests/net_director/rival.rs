//! A VRRP process of ours and one of the peer's on the same LAN, in both roles.

use std::time::SystemTime;

use crate::support::{Director, Outcome, PATIENCE, Scene, config, instance, ip};
use lvsd_ipc::{InstanceState, StopManner};
use lvsd_lab::{Launch, Need, Rival, require, until};
use lvsd_model::{AdvertInterval, Auth, Instance, OldUnicastChecksum, Transport, UnicastPeer, Version};

/// One kind of virtual router, as both sides configure it.
struct Kind {
    version: &'static str,
    family: &'static str,
    vips: &'static [&'static str],
    /// More lines for the peer's file.
    lines: &'static str,
    adapt: fn(&mut Instance),
}

const KINDS: [Kind; 4] = [
    Kind {
        version: "2",
        family: "inet",
        vips: &["10.0.0.100/32", "10.0.0.101/24"],
        lines: "advert_int 1\nauthentication {\nauth_type PASS\nauth_pass secret\n}",
        adapt: |router| {
            router.version = Version::V2;
            router.advert_interval = AdvertInterval::SECOND;
            router.auth = Some(Auth::Pass(*b"secret\0\0"));
        },
    },
    Kind {
        version: "3",
        family: "inet",
        vips: &["10.0.0.100/32", "10.0.0.101/24"],
        lines: "advert_int 0.1",
        adapt: |_| {},
    },
    Kind {
        version: "3",
        family: "inet6",
        vips: &["fe80::100/64", "fd00::100/128"],
        lines: "advert_int 0.1",
        adapt: |_| {},
    },
    Kind {
        version: "3",
        family: "inet",
        vips: &["10.0.0.100/32"],
        lines: "advert_int 0.1\nunicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.1\n}",
        adapt: |router| {
            let peers = vec![UnicastPeer { address: ip("10.0.0.2"), min_ttl: None, max_ttl: None }];
            router.transport = Transport::Unicast {
                peers,
                ttl: 255,
                check_source: true,
                old_checksum: OldUnicastChecksum::Detect,
            };
        },
    },
];

fn file(kind: &Kind, priority: u8) -> String {
    let Kind { version, lines, .. } = kind;
    let vips = kind.vips.join("\n");
    let native = if kind.family == "inet6" { "native_ipv6" } else { "" };
    format!(
        "global_defs {{\nvrrp_version {version}\n}}\nvrrp_instance VI {{\nstate BACKUP\ninterface eth0\n\
         virtual_router_id 51\npriority {priority}\n{native}\n{lines}\nvirtual_ipaddress {{\n{vips}\n}}\n}}\n"
    )
}

fn meet(rival: Rival, kind: &Kind) -> Outcome {
    let scene = Scene::new()?;
    let home = tempfile::tempdir()?;
    let wire = scene.lan.capture()?;
    let vip = kind.vips.last().and_then(|text| text.split('/').next()).map(ip).ok_or("an address")?;
    let ours = |priority| {
        let mut router = instance("VI", priority, kind.vips);
        (kind.adapt)(&mut router);
        config([router])
    };

    // The peer is master: we believe it and wait.
    let mut peer = Launch::keepalived(&scene.b, rival)?.start(&file(kind, 150))?;
    until(PATIENCE, "the peer as master", || scene.b.has_address(vip, "eth0"))?;
    let mut a = Director::start(&scene.a, &home, ours(100))?;
    let seen = a.wait("its adverts", |seen| seen.adverts.received > 3)?;
    assert_eq!((seen.state, seen.adverts.become_master), (InstanceState::Backup, 0), "{seen:#?}");
    assert_eq!(seen.rejected, lvsd_ipc::RejectCounters::default());

    // It stops: we take over after the skew, and announce.
    let stopped = SystemTime::now();
    peer.stop(PATIENCE)?;
    a.wait("the addresses", |seen| seen.state == InstanceState::Master && seen.addresses_present > 0)?;
    assert_eq!(a.look()?.adverts.priority_zero_received, 1);
    wire.wait_after(stopped, PATIENCE, "our announcement", |frame| frame.announces(vip))?;

    // It comes back and preempts; we let it.
    let mut peer = Launch::keepalived(&scene.b, rival)?.start(&file(kind, 150))?;
    a.wait_state(InstanceState::Backup)?;
    until(PATIENCE, "the peer as master", || scene.b.has_address(vip, "eth0"))?;
    until(PATIENCE, "our release", || !scene.a.has_address(vip, "eth0"))?;

    // We preempt by a reload; it believes our adverts and gives way.
    a.apply(home.path(), ours(200))?;
    a.wait_state(InstanceState::Master)?;
    until(PATIENCE, "the peer's release", || !scene.b.has_address(vip, "eth0"))?;
    // We stop: it takes over at once.
    assert!(a.stop(StopManner::Release)?.success());
    until(PATIENCE, "the peer as master", || scene.b.has_address(vip, "eth0"))?;
    peer.stop(PATIENCE)?;
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn we_get_on_with_the_older_peer() -> Outcome {
    require!(Need::Root, Need::Rival(Rival::V2_2_7));
    KINDS.iter().try_for_each(|kind| meet(Rival::V2_2_7, kind))
}

#[test]
#[ignore = "needs root and namespaces"]
fn we_get_on_with_the_newer_peer() -> Outcome {
    require!(Need::Root, Need::Rival(Rival::V2_3_3));
    KINDS.iter().try_for_each(|kind| meet(Rival::V2_3_3, kind))
}
