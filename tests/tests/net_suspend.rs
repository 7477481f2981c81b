//! `ha_suspend`: checks run where the address is.

use lvsd_e2e::{Make, Router, SOON, Service, Site, good, ip};
use lvsd_lab::{Host, Need, require, until};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// The values of a metric, by labels, as the daemon serves it on its host.
fn metric(host: &Host, name: &str) -> Vec<(String, f64)> {
    let page = host.enter(|| {
        let mut stream = TcpStream::connect("127.0.0.1:9165")?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page).map(|_| page)
    });
    let series = |line: &str| {
        let (labels, value) = line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once(' ')?;
        Some((labels.to_owned(), value.parse().ok()?))
    };
    good(page).unwrap_or_default().lines().filter_map(series).collect()
}

fn suspended(host: &Host) -> Option<bool> {
    metric(host, "lvsd_service_suspended").first().map(|(_, value)| *value == 1.0)
}

fn runs(host: &Host) -> f64 {
    metric(host, "lvsd_checks_total").iter().map(|(_, value)| value).sum()
}

/// A backup does not check; it begins when it takes the address over, and whoever loses it leaves off.
#[test]
#[ignore = "needs root and namespaces"]
fn a_backup_checks_nothing_until_it_has_the_address() {
    require!(Need::Root);
    let (site, [one, two]) = Site::with_pair();
    let vip = ip("10.0.0.100");
    let config = |priority| {
        let service = Service::tcp("10.0.0.100 80", "DR").line("ha_suspend").server(
            "127.0.0.1 80",
            &format!("notify_down \"%HOME%/note server down\"\n  {}", Service::CONNECT),
        );
        format!("{}{service}", Router::usual(priority).config())
    };
    let mut first = one.start(Make::Lvsd, &config(150));
    first.wait_note("server down");
    let second = two.start(Make::Lvsd, &config(100));
    good(until(SOON, "the backup's metrics", || suspended(&two.host) == Some(true)));
    site.wait_adverts(&one, 5);
    assert_eq!(runs(&two.host), 0.0, "nobody needs to know");
    assert_eq!(suspended(&one.host), Some(false));

    first.kill();
    second.wait_note("INSTANCE lab MASTER 100");
    second.wait_note("server down");
    assert_eq!(suspended(&two.host), Some(false));

    let _first = one.start(Make::Lvsd, &config(150));
    two.wait_lacks(vip);
    good(until(SOON, "the checks to rest", || suspended(&two.host) == Some(true)));
    let before = runs(&two.host);
    site.wait_adverts(&one, 5);
    // One may have been under way.
    assert!(runs(&two.host) <= before + 1.0);
}
