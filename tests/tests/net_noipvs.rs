//! A kernel without IPVS: what this machine's own kernel is where the guest is needed at all.

use lvsd_e2e::{Make, Router, SOON, Service, Site, good, ip};
use lvsd_lab::{Need, has_ipvs, require, skip, until};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, SystemTime},
};

/// The value of a metric without labels, as the daemon serves it on its host.
fn metric(host: &lvsd_lab::Host, name: &str) -> Option<f64> {
    let page = host.enter(|| {
        let mut stream = TcpStream::connect("127.0.0.1:9165")?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page).map(|_| page)
    });
    let page = good(page).ok()?;
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// The message says what is missing, once; the virtual router goes on, through a reload and a fail-over; and the servers
/// are checked, so that everything is known when the module comes.
#[test]
#[ignore = "needs root and namespaces, and a kernel without IPVS"]
fn without_ip_vs_the_addresses_are_held_all_the_same() {
    require!(Need::Root);
    if has_ipvs() {
        return skip("this kernel has ip_vs");
    }
    let (site, [one, two]) = Site::with_pair();
    let vip = ip("10.0.0.100");
    let config = |priority, weight: u8| {
        let service =
            Service::tcp("10.0.0.100 80", "DR").server("10.0.0.11 80", &format!("weight {weight}")).server(
                "127.0.0.1 80",
                &format!("notify_down \"%HOME%/note server down\"\n  {}", Service::CONNECT),
            );
        format!("{}{service}", Router::usual(priority).config())
    };
    let mut first = one.start(Make::Lvsd, &config(150, 1));
    first.wait_note("INSTANCE lab MASTER 150");
    let mut second = two.start(Make::Lvsd, &config(100, 1));
    good(first.wait_log("ip_vs", SOON));
    first.wait_note("server down");
    good(until(SOON, "the metric", || metric(&one.host, "lvsd_ipvs_available") == Some(0.0)));

    first.give(&config(150, 2));
    good(first.wait_log("reload done", SOON));
    site.settled(SystemTime::now(), &one, &[&two], vip);
    let checker = first.child("checkers.pid");
    let runs = |pid: i32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    assert!(runs(checker), "the checker has given up");
    // By then it has been tried again several times.
    site.wait_adverts(&one, 15);
    let is_error = |line: &&str| line.contains("ERROR") && line.contains("modprobe ip_vs");
    assert_eq!(first.log().lines().filter(is_error).count(), 1, "told once:\n{}", first.log());
    first.finish();
    second.wait_note("INSTANCE lab MASTER 100");
    second.finish();
    for node in [&one, &two] {
        node.wait_lacks(vip);
    }
}
