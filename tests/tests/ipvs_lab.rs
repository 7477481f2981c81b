//! The laboratory's own test, in the guest: there is IPVS, and real servers behind it answer a client.

use lvsd_lab::{Host, Lan, Link, Need, Result, Rival, require, until, web};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

const SOON: Duration = Duration::from_secs(10);

fn host(lan: &Lan, name: &str, address: &str) -> Result<(Host, Link)> {
    let host = Host::new(name)?;
    let link = lan.plug(&host, "eth0", &[address])?;
    Ok((host, link))
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn ipvs_is_there() -> Result<()> {
    require!(Need::Root, Need::Ipvs);
    let director = Host::new("director")?;
    let table = director.check("ipvsadm -Ln")?;
    assert!(table.starts_with("IP Virtual Server version 1.2"), "{table}");
    Ok(())
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn two_real_servers_behind_nat_share_the_requests() -> Result<()> {
    require!(Need::Root, Need::Ipvs);
    let [front, back] = [Lan::new("front")?, Lan::new("back")?];
    let (client, _client) = host(&front, "client", "10.0.0.9/24")?;
    let (director, _front) = host(&front, "director", "10.0.0.100/24")?;
    let _back = back.plug(&director, "eth1", &["10.1.0.254/24"])?;
    director.forward()?;
    director.check("ipvsadm -A -t 10.0.0.100:80 -s rr")?;
    let gateway: IpAddr = "10.1.0.254".parse().unwrap();
    let mut servers = Vec::new();
    for number in 1..=2 {
        let (real, link) = host(&back, &format!("real-{number}"), &format!("10.1.0.{number}/24"))?;
        real.gateway(gateway)?;
        let listen = socket(&format!("10.1.0.{number}:80"));
        servers.push((
            web::Server::on(&real, listen, web::Answer::page(&format!("server {number}")))?,
            real,
            link,
        ));
        director.check(&format!("ipvsadm -a -t 10.0.0.100:80 -r {listen} -m"))?;
    }

    let target = web::Target::Http { address: socket("10.0.0.100:80"), path: "/".to_owned() };
    let requests = web::Client { interval: Duration::ZERO, ..web::Client::new(target) };
    until(SOON, "an answer", || requests.fetch_from(&client).is_ok())?;
    let report = client.enter(|| requests.repeat(20, |_| web::Next::Request))?;
    assert_eq!((report.sent, report.failed), (20, 0), "{report:?}");
    let spread: Vec<_> = report.answers.iter().map(|(body, count)| (body.as_str(), *count)).collect();
    assert_eq!(spread, [("server 1", 10), ("server 2", 10)]);
    Ok(())
}

#[test]
#[ignore = "needs a kernel with netem"]
fn a_disturbed_link_loses_what_it_is_told_to() -> Result<()> {
    require!(Need::Root, Need::Ipvs);
    let lan = Lan::new("lan")?;
    let (a, to_a) = host(&lan, "a", "10.0.0.1/24")?;
    let (_b, _to_b) = host(&lan, "b", "10.0.0.2/24")?;
    let reaches = || a.run("ping -n -q -c 1 -W 1 10.0.0.2").is_ok_and(|output| output.status.success());
    until(SOON, "a to reach b", reaches)?;
    to_a.disturb("loss 100%")?;
    assert!(!reaches());
    to_a.disturb("delay 1ms")?;
    assert!(reaches());
    Ok(())
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn the_peer_programs_ipvs() -> Result<()> {
    require!(Need::Root, Need::Ipvs, Need::Rival(Rival::V2_3_3));
    let lan = Lan::new("lan")?;
    let (director, _link) = host(&lan, "director", "10.0.0.1/24")?;
    let config = "virtual_server 10.0.0.1 80 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server 10.0.0.2 80 {
        weight 3
    }
}
";
    let _peer = lvsd_lab::Launch::keepalived(&director, Rival::V2_3_3)?.start(config)?;
    let table = || director.check("ipvsadm -Sn").unwrap_or_default();
    until(SOON, "the peer's service", || table().contains("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3"))
}
