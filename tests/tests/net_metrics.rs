//! What the daemon says of itself to Prometheus.

use lvsd_e2e::{Make, Node, Router, SOON, Site, good};
use lvsd_lab::{Need, Program, require, setup::promtool, until, until_some, web};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    time::SystemTime,
};

const USUAL: &str = "127.0.0.1:9165";

fn page(node: &Node, address: &str) -> Option<String> {
    let address: SocketAddr = good(address.parse());
    let target = web::Target::Http { address, path: "/metrics".to_owned() };
    web::Client::new(target).fetch_from(&node.host).ok()
}

/// The value of a series, by its name and some of its labels.
fn value(page: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut lines = page.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    lines.next()?.rsplit(' ').next()?.parse().ok()
}

/// Waits until a series has a value.
#[track_caller]
fn wait_value(node: &Node, name: &str, labels: &[&str], wanted: impl Fn(f64) -> bool) {
    let read = || value(&page(node, USUAL)?, name, labels);
    let waited = until(SOON, "", || read().is_some_and(&wanted));
    assert!(
        waited.is_ok(),
        "{name} {labels:?} is {:?} in\n{}",
        read(),
        page(node, USUAL).unwrap_or_default()
    );
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_page_tells_what_happened_and_promtool_likes_it() {
    require!(Need::Root, Need::Promtool);
    let (site, [better, other]) = Site::with_pair();
    let script =
        "vrrp_script check {\n script \"/usr/bin/test ! -e %HOME%/down\"\n interval 0.1\n weight -60\n}\n";
    let service = "virtual_server 10.0.0.100 80 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n real_server 10.0.0.9 80 {\n TCP_CHECK {\n connect_timeout 1\n }\n }\n}\n";
    let router = Router::usual(150).line("track_script {\n check\n }");
    let first = better.start(Make::Lvsd, &format!("{}{script}{router}{service}", Router::SCRIPTS));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(&better, 3);

    let lab = "instance=\"lab\"";
    wait_value(&better, "lvsd_vrrp_state", &[lab, "state=\"MASTER\""], |value| value == 1.0);
    wait_value(&better, "lvsd_vrrp_adverts_sent_total", &[lab], |value| value >= 3.0);
    wait_value(&better, "lvsd_vrrp_addresses_present", &[lab], |value| value == 1.0);
    wait_value(&better, "lvsd_vrrp_announcements_sent_total", &[lab], |value| value >= 5.0);
    wait_value(&better, "lvsd_child_up", &["child=\"vrrp\""], |value| value == 1.0);
    wait_value(&other, "lvsd_vrrp_state_number", &[lab], |value| value == 1.0);
    wait_value(&other, "lvsd_vrrp_adverts_received_total", &[lab], |value| value >= 3.0);
    wait_value(&other, "lvsd_vrrp_last_advert_priority", &[lab, "sender=\"10.0.0.1\""], |value| {
        value == 150.0
    });

    first.touch("down");
    second.wait_note("INSTANCE lab MASTER 100");
    wait_value(&better, "lvsd_vrrp_effective_priority", &[lab], |value| value == 90.0);
    wait_value(&better, "lvsd_vrrp_priority_adjustment", &[lab], |value| value == -60.0);
    wait_value(&better, "lvsd_vrrp_release_master_total", &[lab], |value| value == 1.0);
    wait_value(&better, "lvsd_vrrp_script_up", &["script=\"check\""], |value| value == 0.0);
    wait_value(&other, "lvsd_vrrp_become_master_total", &[lab], |value| value == 1.0);
    first.give(&Router::usual(150).config());
    wait_value(&better, "lvsd_reloads_total", &["result=\"success\""], |value| value == 1.0);
    wait_value(&better, "lvsd_config_generation", &[], |value| value == 2.0);

    for (node, director) in [(&better, &first), (&other, &second)] {
        let file = director.home().join("page");
        good(fs::write(&file, page(node, USUAL).unwrap_or_default()));
        let line = format!("{} check metrics <{}", good(promtool()).display(), file.display());
        let output = good(Program::new("sh").args(["-c", &line]).run());
        assert!(
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_taken_port_is_no_reason_not_to_start() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let squatter = good(good(node.host.enter(|| TcpListener::bind(USUAL))));
    let mut director = node.start(Make::Lvsd, &Router::usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    site.settled(SystemTime::now(), &node, &[], Router::usual_vip());
    good(director.wait_log(USUAL, SOON));
    assert!(director.log().contains("in use"), "{}", director.log());
    drop(squatter);
    let page = until_some(SOON, "the page, once the port is free", || page(&node, USUAL));
    assert!(good(page).contains("lvsd_build_info"));
    director.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_address_can_be_chosen_and_changed_and_the_page_switched_off() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let config = |listen: &str| {
        format!("global_defs {{\n metrics_listen {listen}\n}}\n{}", Router::usual(150).config())
    };
    let director = node.start(Make::Lvsd, &config("10.0.0.1:9999"));
    director.wait_note("INSTANCE lab MASTER 150");
    good(until(SOON, "the page where it was asked for", || page(&node, "10.0.0.1:9999").is_some()));
    assert_eq!(page(&node, USUAL), None);
    director.give(&config("127.0.0.1:9998"));
    good(until(SOON, "the page where it is asked for now", || page(&node, "127.0.0.1:9998").is_some()));
    good(until(SOON, "the page gone from the old address", || page(&node, "10.0.0.1:9999").is_none()));
    director.give(&config("off"));
    good(until(SOON, "no page", || page(&node, "127.0.0.1:9998").is_none()));
    assert_eq!(director.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"]);
}
