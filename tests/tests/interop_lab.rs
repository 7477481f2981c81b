//! The laboratory's own test: each version of the peer runs as a pair, elects a master and fails over.

use lvsd_lab::{Director, Host, Lan, Launch, Link, Need, Result, Rival, Version, require, until};
use std::{net::IpAddr, time::Duration};

const SOON: Duration = Duration::from_secs(15);
const VIP: &str = "10.0.0.100";

fn config(role: &str, priority: u8) -> String {
    format!(
        "vrrp_instance lab {{
    state {role}
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 0.1
    version 3
    virtual_ipaddress {{
        {VIP}/24
    }}
}}
"
    )
}

struct Node {
    host: Host,
    _link: Link,
}

fn node(lan: &Lan, name: &str, last: u8) -> Result<Node> {
    let host = Host::new(name)?;
    let link = lan.plug(&host, "eth0", &[&format!("10.0.0.{last}/24")])?;
    Ok(Node { host, _link: link })
}

impl Node {
    fn holds_vip(&self) -> bool {
        self.host.has_address(VIP.parse().unwrap(), "eth0")
    }

    fn start(&self, rival: Rival, role: &str, priority: u8) -> Result<Director> {
        Launch::keepalived(&self.host, rival)?.start(&config(role, priority))
    }
}

/// A pair of this version: the better one holds the address; killed, the other takes it, and a third host sees it
/// announced; back again, the better one takes it back.
fn a_pair_fails_over(rival: Rival) -> Result<()> {
    let vip: IpAddr = VIP.parse().unwrap();
    let lan = Lan::new("lan")?;
    let [better, other] = [node(&lan, "better", 1)?, node(&lan, "other", 2)?];
    let witness = node(&lan, "witness", 3)?;
    let capture = witness.host.capture("eth0")?;

    let mut first = better.start(rival, "MASTER", 150)?;
    let mut second = other.start(rival, "BACKUP", 100)?;
    until(SOON, "the better one to hold the address", || better.holds_vip() && !other.holds_vip())?;
    let advert = capture.wait(SOON, "an advert of the better one", |frame| {
        frame.advert().is_some_and(|advert| advert.priority == 150)
    })?;
    let advert = advert.advert().expect("it was just found to be one");
    assert_eq!((advert.version, advert.vrid, advert.interval, advert.hops), (Version::V3, 51, 10, 255));
    assert_eq!((advert.source, advert.addresses), ("10.0.0.1".parse().unwrap(), vec![vip]));
    second.wait_log("BACKUP STATE", SOON)?;
    assert_eq!(first.pid("main.pid")?, first.process().family().into_iter().min().unwrap());

    let killed = first.kill();
    let announced = capture.wait_after(killed, SOON, "the fail-over", |frame| {
        frame.announces(vip) && frame.bytes[6..12] == other.host.mac("eth0").unwrap()
    })?;
    assert!(other.holds_vip());
    assert!(announced.at > killed);

    // What the killed one left is in its way no more than after a power failure.
    better.host.ip(&format!("addr flush to {VIP}"))?;
    let _again = better.start(rival, "MASTER", 150)?;
    until(SOON, "the better one to take it back", || better.holds_vip() && !other.holds_vip())?;
    assert!(second.stop(SOON)?.success());
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_pair_of_keepalived_2_2_7_fails_over() -> Result<()> {
    require!(Need::Root, Need::Rival(Rival::V2_2_7));
    a_pair_fails_over(Rival::V2_2_7)
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_pair_of_keepalived_2_3_3_fails_over() -> Result<()> {
    require!(Need::Root, Need::Rival(Rival::V2_3_3));
    a_pair_fails_over(Rival::V2_3_3)
}
