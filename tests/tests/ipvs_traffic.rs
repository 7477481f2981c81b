//! The main job: traffic through directors to real servers, and what the health of these does to it.

use lvsd_e2e::{
    Customer, Make, Node, RealServer, Router, Running, SOON, Service, Site, connections, good, ip, shares,
    table, wait_only, wait_table,
};
use lvsd_lab::{Host, Lan, Link, Need, require, until};
use std::time::{Duration, SystemTime};

/// The virtual router of a pair: slow enough for one CPU, fast enough to wait for. IPv6 addresses are given without a
/// prefix length: so they are no sources of the checks' connections.
fn router(priority: u8, others: &[&str]) -> Router {
    let excluded = others.iter().map(|line| format!("  {line}\n")).collect::<String>();
    Router::usual(priority)
        .interval(Duration::from_millis(300))
        .line(&format!("virtual_ipaddress_excluded {{\n{excluded} }}"))
}

/// The connections of a service that a node's kernel has scheduled; it adds up every other second.
#[track_caller]
fn scheduled(node: &Node, service: &str) -> u64 {
    connections(&node.host).get(service).copied().unwrap_or(0)
}

/// Waits until it has scheduled so many.
#[track_caller]
fn wait_scheduled(node: &Node, service: &str, count: u64) {
    let enough = until(SOON, "", || scheduled(node, service) >= count);
    assert!(enough.is_ok(), "not {count} of {service} in {:#?}", connections(&node.host));
}

const V4: &str = "http://10.0.0.100/";
const V6: &str = "http://[fd00::64]/";
const TUNNEL: &str = "http://10.0.0.100:81/";
const DATAGRAMS: &str = "udp://10.0.0.100:53";

/// Real servers 11, 12 and 13 in every way that does not come back through the director.
fn direct_services() -> String {
    let mut services = [
        Service::tcp("10.0.0.100 80", "DR"),
        Service::tcp("fd00::64 80", "DR"),
        Service::udp("10.0.0.100 53", "DR"),
        Service::tcp("10.0.0.100 81", "TUN"),
    ];
    for number in 11..=13 {
        let checks = ["10.0.0.N 80", "fd00::N 80", "10.0.0.N 53", "10.0.0.N 81"];
        for (service, address) in services.iter_mut().zip(checks) {
            let check = "TCP_CHECK {\n   connect_port 80\n  }";
            *service = service.clone().server(&address.replace('N', &number.to_string()), check);
        }
    }
    services.map(|service| service.to_string()).concat()
}

fn direct_table() -> Vec<String> {
    let mut lines = Vec::new();
    for (service, server, method) in [
        ("-t 10.0.0.100:80", "10.0.0.N:80", "-g"),
        ("-t [fd00::64]:80", "[fd00::N]:80", "-g"),
        ("-u 10.0.0.100:53", "10.0.0.N:53", "-g"),
        ("-t 10.0.0.100:81", "10.0.0.N:81", "-i"),
    ] {
        lines.push(format!("-A {service} -s rr"));
        for number in 11..=13 {
            let server = server.replace('N', &number.to_string());
            let tunnel = if method == "-i" { " --tun-type ipip" } else { "" };
            lines.push(format!("-a {service} -r {server} {method} -w 1{tunnel}"));
        }
    }
    lines
}

/// Direct routing of TCP in both families and of UDP, and tunnels, through a pair: each real server gets its share; the
/// master dies, and the other one has the traffic; it comes back, and has it again.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn direct_routing_and_tunnels_through_a_pair() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let (site, [one, two]) = Site::with_pair();
    let customer = Customer::new(&site);
    let vips = [ip("10.0.0.100"), ip("fd00::64")];
    let servers = [11, 12, 13].map(|number| {
        let mut server = RealServer::beside(&site, number, &vips);
        server.serve([80, 81]);
        server.echo(good("10.0.0.100:53".parse()));
        server
    });
    let config = |priority| {
        let router = router(priority, &["fd00::64"]);
        format!("{}{}", router.config(), direct_services())
    };
    let mut first = one.start(Make::subject(), &config(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = two.start(Make::subject(), &config(100));
    for node in [&one, &two] {
        wait_table(&node.host, direct_table());
    }

    for url in [V4, V6, TUNNEL, DATAGRAMS] {
        assert_eq!(customer.spread(url, 15), shares(servers.each_ref().map(|server| (server, 5))), "{url}");
    }
    // Each time one request more, which waited for the first answer.
    wait_scheduled(&one, "UDP 10.0.0.100:53", 16);
    assert!(connections(&two.host).values().all(|count| *count == 0), "a backup with traffic");

    first.kill();
    second.wait_note("INSTANCE lab MASTER 100");
    for url in [V4, V6, TUNNEL, DATAGRAMS] {
        assert_eq!(customer.spread(url, 6), shares(servers.each_ref().map(|server| (server, 2))), "{url}");
    }
    wait_scheduled(&two, "TCP 10.0.0.100:80", 7);
    wait_scheduled(&two, "UDP 10.0.0.100:53", 7);

    // What the killed one left, addresses and table, is no hindrance to its return.
    let back = SystemTime::now();
    let _first = one.start(Make::subject(), &config(150));
    site.settled(back, &one, &[&two], vips[0]);
    wait_table(&one.host, direct_table());
    let [had, before] = [&one, &two].map(|node| scheduled(node, "TCP 10.0.0.100:80"));
    assert_eq!(customer.spread(V4, 6), shares(servers.each_ref().map(|server| (server, 2))));
    wait_scheduled(&one, "TCP 10.0.0.100:80", had + 7);
    assert_eq!(scheduled(&two, "TCP 10.0.0.100:80"), before, "it is over for the other one");
}

/// Two directors with a second leg, on the LAN of the real servers.
fn with_back(site: &Site, back: &Lan, name: &str, number: u8) -> (Node, Link) {
    let node = site.node(name, number);
    let addresses = [format!("10.1.0.{number}/24"), format!("fd01::{number}/64")];
    let link = good(back.plug(&node.host, "eth1", &addresses.each_ref().map(String::as_str)));
    good(node.host.forward());
    (node, link)
}

/// NAT in both families, of TCP and UDP, through a pair that also holds the real servers' gateways: each gets its share;
/// the master is stopped, takes its table with it, and the other one has the traffic.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn nat_through_a_pair() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let site = Site::new();
    let back = good(Lan::new("back"));
    let [(one, _one), (two, _two)] = [("better", 1), ("other", 2)].map(|(name, number)| {
        let (node, link) = with_back(&site, &back, name, number);
        (node, link)
    });
    let customer = Customer::new(&site);
    let gateways = [ip("10.1.0.254"), ip("fd01::fe")];
    let servers = [11, 12].map(|number| {
        let mut server = RealServer::behind(&back, number, &gateways);
        server.serve([8080]);
        server.echo(good(format!("10.1.0.{number}:5353").parse()));
        server
    });
    let mut lines = Vec::new();
    let mut services = String::new();
    for (service, head, kind, [first, second]) in [
        ("10.0.0.100:80", "10.0.0.100 80", "-t", ["10.1.0.11 8080", "10.1.0.12 8080"]),
        ("[fd00::64]:80", "fd00::64 80", "-t", ["fd01::11 8080", "fd01::12 8080"]),
        ("10.0.0.100:53", "10.0.0.100 53", "-u", ["10.1.0.11 5353", "10.1.0.12 5353"]),
    ] {
        let check = "TCP_CHECK {\n   connect_port 8080\n  }";
        let base = if kind == "-u" { Service::udp(head, "NAT") } else { Service::tcp(head, "NAT") };
        services += &base.server(first, check).server(second, check).to_string();
        lines.push(format!("-A {kind} {service} -s rr"));
        for server in [first, second] {
            let (address, port) = server.split_once(' ').expect("an address and a port");
            let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
            lines.push(format!("-a {kind} {service} -r {address}:{port} -m -w 1"));
        }
    }
    let config = |priority| {
        let others = ["fd00::64", "10.1.0.254/24 dev eth1", "fd01::fe dev eth1"];
        format!("{}{services}", router(priority, &others).config())
    };
    let mut first = one.start(Make::subject(), &config(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = two.start(Make::subject(), &config(100));
    for node in [&one, &two] {
        wait_table(&node.host, &lines);
    }
    for url in [V4, V6, DATAGRAMS] {
        assert_eq!(customer.spread(url, 10), shares(servers.each_ref().map(|server| (server, 5))), "{url}");
    }

    first.finish();
    assert_eq!(table(&one.host), Vec::<String>::new(), "it takes with it what it made");
    second.wait_note("INSTANCE lab MASTER 100");
    for url in [V4, V6, DATAGRAMS] {
        assert_eq!(customer.spread(url, 4), shares(servers.each_ref().map(|server| (server, 2))), "{url}");
    }
}

/// A director alone, which has the virtual address for good.
fn lone(site: &Site) -> Node {
    let node = site.node("director", 1);
    good(node.host.add_address("10.0.0.100/24", "eth0"));
    node
}

/// The times that a script noted something.
fn noted(director: &Running, what: &str) -> usize {
    director.notes().iter().filter(|note| *note == what).count()
}

fn lines(host: &Host) -> String {
    table(host).join("\n")
}

/// Servers die and come back: one by one, and all of them. The table follows, and the traffic the table; every script runs
/// once per event.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn the_table_follows_the_health_of_the_servers() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let site = Site::new();
    let director = lone(&site);
    let customer = Customer::new(&site);
    let [mut heavy, mut light, mut sorry] =
        [11, 12, 13].map(|number| RealServer::beside(&site, number, &[ip("10.0.0.100")]));
    heavy.serve([80, 81]);
    light.serve([80, 81]);
    sorry.serve([80]);
    let page = |scripts: &str| {
        format!("{scripts}\n  HTTP_GET {{\n   url {{\n    path /\n    status_code 200\n   }}\n  }}")
    };
    let notes = |name: &str, weight: u8| {
        page(&format!(
            "weight {weight}\n  notify_up \"%HOME%/note {name} up\"\n  notify_down \"%HOME%/note {name} down\""
        ))
    };
    let weighted = Service::tcp("10.0.0.100 80", "DR")
        .line("lvs_sched wrr")
        .line("sorry_server 10.0.0.13 80")
        .line("quorum_up \"%HOME%/note quorum up\"")
        .line("quorum_down \"%HOME%/note quorum down\"")
        .server("10.0.0.11 80", &notes("heavy", 3))
        .server("10.0.0.12 80", &notes("light", 1));
    let inhibited = Service::tcp("10.0.0.100 81", "DR")
        .server("10.0.0.11 81", &format!("inhibit_on_failure\n  {}", Service::CONNECT))
        .server("10.0.0.12 81", &format!("inhibit_on_failure\n  {}", Service::CONNECT));
    let mut daemon = director.start(Make::subject(), &format!("{}{weighted}{inhibited}", Router::SCRIPTS));
    let a = |rest: &str| format!("-a -t 10.0.0.100:{rest}");
    let services = ["-A -t 10.0.0.100:80 -s wrr", "-A -t 10.0.0.100:81 -s rr"].map(str::to_owned);
    let expect = |servers: &[&str]| {
        let servers = servers.iter().map(|server| a(server));
        wait_table(&director.host, servers.chain(services.iter().cloned()));
    };
    let [weighted, inhibited] = [V4, TUNNEL];
    let (heavy_up, light_up) = ("80 -r 10.0.0.11:80 -g -w 3", "80 -r 10.0.0.12:80 -g -w 1");
    let all = [heavy_up, light_up, "81 -r 10.0.0.11:81 -g -w 1", "81 -r 10.0.0.12:81 -g -w 1"];
    expect(&all);
    assert_eq!(customer.spread(weighted, 12), shares([(&heavy, 9), (&light, 3)]));
    assert_eq!(customer.spread(inhibited, 10), shares([(&heavy, 5), (&light, 5)]));

    // A page that is not the right one is as bad as none; the other service does not look at it.
    light.page(80).answer(lvsd_lab::web::Answer::Page { status: 503, body: "busy".to_owned() });
    expect(&[heavy_up, all[2], all[3]]);
    light.die(81);
    expect(&[heavy_up, all[2], "81 -r 10.0.0.12:81 -g -w 0"]);
    daemon.wait_note("light down");
    assert_eq!(customer.spread(weighted, 4), shares([(&heavy, 4)]));
    assert_eq!(customer.spread(inhibited, 4), shares([(&heavy, 4)]));

    heavy.die(80);
    expect(&["80 -r 10.0.0.13:80 -g -w 1", all[2], "81 -r 10.0.0.12:81 -g -w 0"]);
    daemon.wait_note("quorum down");
    assert_eq!(customer.spread(weighted, 4), shares([(&sorry, 4)]));

    heavy.serve([80]);
    expect(&[heavy_up, all[2], "81 -r 10.0.0.12:81 -g -w 0"]);
    daemon.wait_notes("quorum up", 2);
    wait_only(&customer, weighted, &[&heavy]);
    light.serve([80, 81]);
    expect(&all);
    daemon.wait_note("light up");
    assert_eq!(customer.spread(weighted, 12), shares([(&heavy, 9), (&light, 3)]));

    daemon.finish();
    assert_eq!(lines(&director.host), "");
    for what in ["light down", "heavy down", "quorum down", "heavy up", "light up"] {
        assert_eq!(noted(&daemon, what), 1, "{what}: {:?}", daemon.notes());
    }
    // The first time at the start.
    assert_eq!(noted(&daemon, "quorum up"), 2, "{:?}", daemon.notes());
    assert_eq!(daemon.notes().len(), 7, "{:?}", daemon.notes());
}
