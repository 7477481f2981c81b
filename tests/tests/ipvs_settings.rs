//! What of the kernel's IPVS is not in its table: connection timeouts and the connection sync daemon.

use lvsd_e2e::{Make, Router, SOON, Service, Site, good, wait_table};
use lvsd_lab::{Host, Need, require, until};

/// The sync daemons that run, as `ipvsadm` shows them.
fn daemons(host: &Host) -> Vec<String> {
    let text = good(host.check("ipvsadm -L --daemon"));
    let mut lines: Vec<_> =
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    lines.sort();
    lines
}

#[track_caller]
fn wait_daemons(host: &Host, wanted: &[&str]) {
    let mut last = Vec::new();
    let right = until(SOON, "", || {
        last = daemons(host);
        last.len() == wanted.len() && last.iter().zip(wanted).all(|(line, start)| line.starts_with(start))
    });
    assert!(right.is_ok(), "{} runs {last:?}, not {wanted:?}", host.name());
}

fn timeouts(host: &Host) -> String {
    good(host.check("ipvsadm -L --timeout")).trim().to_owned()
}

fn service() -> Service {
    Service::tcp("10.0.0.100 80", "NAT").server("10.0.0.11 80", "")
}

fn pair_member(priority: u8, globals: &str) -> String {
    let router = Router::new(priority).vip("10.0.0.100/24");
    format!("global_defs {{\n {globals}\n}}\n{router}\n{}", service())
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn the_sync_daemon_follows_its_instance() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let (_site, [one, two]) = Site::with_pair();
    let follow = "lvs_sync_daemon eth0 lab id 7";
    let mut master = one.start(Make::subject(), &pair_member(150, follow));
    wait_daemons(&one.host, &["master sync daemon (mcast=eth0, syncid=7"]);
    let backup = two.start(Make::subject(), &pair_member(100, follow));
    wait_daemons(&two.host, &["backup sync daemon (mcast=eth0, syncid=7"]);

    // Somebody else stops it: it comes back.
    if Make::subject() == Make::Lvsd {
        good(one.host.check("ipvsadm --stop-daemon master"));
        wait_daemons(&one.host, &["master sync daemon (mcast=eth0, syncid=7"]);
    }
    // Another setting by reload.
    master.give(&pair_member(150, "lvs_sync_daemon eth0 inst lab id 9"));
    wait_daemons(&one.host, &["master sync daemon (mcast=eth0, syncid=9"]);
    master.finish();
    wait_daemons(&one.host, &[]);
    wait_daemons(&two.host, &["master sync daemon (mcast=eth0, syncid=7"]);
    drop(backup);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn without_an_instance_both_halves_run() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let site = Site::new();
    let node = site.node("director", 1);
    let before = timeouts(&node.host);
    let config = |globals: &str| format!("global_defs {{\n {globals}\n}}\n{}", service());
    let mut daemon = node.start(
        Make::subject(),
        &config("lvs_sync_daemon eth0 id 3 maxlen 1200 port 9000 ttl 4 group 224.0.0.90\n lvs_timeouts tcp 800 udp 200"),
    );
    let shown = "sync daemon (mcast=eth0, syncid=3";
    wait_daemons(&node.host, &[&format!("backup {shown}"), &format!("master {shown}")]);
    let set = |text: &str| until(SOON, "", || timeouts(&node.host).ends_with(text));
    assert!(set("800 120 200").is_ok(), "{}", timeouts(&node.host));
    wait_table(&node.host, ["-A -t 10.0.0.100:80 -s rr", "-a -t 10.0.0.100:80 -r 10.0.0.11:80 -m -w 1"]);
    if Make::subject() == Make::Lvsd {
        // One that was killed left its timeouts behind; what its successor restores is what was there before.
        daemon.kill();
        let mut next = daemon.again(&node.host, &[], &config("lvs_timeouts tcp 700"));
        assert!(set("700 120 300").is_ok(), "{}", timeouts(&node.host));
        next.finish();
    } else {
        daemon.finish();
    }
    assert_eq!(timeouts(&node.host), before);
}
