//! What happens to traffic when the director itself changes: reloads, processes that are killed, tables that somebody else
//! writes to.

use lvsd_e2e::{
    Customer, Make, Node, RealServer, Router, Running, SOON, Service, Site, Talk, connections, good,
    restarted, start_talker, table, wait_only, wait_table, wait_table_within,
};
use lvsd_lab::{Need, require, until, until_some, web};
use nix::sys::signal::Signal;
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

const WEB: &str = "http://10.0.0.100/";
/// How soon a table is whole again. It is a second; a slow machine looks at it more seldom.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A director, real servers 11 to 13 with pages on 80 and 82 and talk on 7, and a client.
struct Farm {
    site: Site,
    director: Node,
    customer: Customer,
    servers: [RealServer; 3],
}

impl Farm {
    fn new() -> Self {
        let site = Site::new();
        let director = site.node("director", 1);
        // The kernel remembers a closed connection for two minutes, with its server. A client that takes the same port
        // once more would be sent there, and nowhere when the server has been removed, unless the kernel is told so.
        good(director.host.sysctl("net.ipv4.vs.expire_nodest_conn", "1"));
        let customer = Customer::new(&site);
        let servers = [11, 12, 13].map(|number| {
            let mut server = RealServer::beside(&site, number, &[Router::usual_vip()]);
            server.serve([80, 82]);
            start_talker(&server.host, good("[::]:7".parse()), &server.name());
            server
        });
        Self { site, director, customer, servers }
    }

    /// Connections that last: as many on every server.
    fn talks(&self) -> Vec<Talk> {
        let to: SocketAddr = good("10.0.0.100:7".parse());
        (0..6).map(|_| good(Talk::begin(self.customer.host(), to))).collect()
    }

    /// Waits until the kernel counts no connection of the web service to a server any more.
    fn wait_drained(&self, server: &str) {
        let drained = until(SOON, "", || {
            let text = good(self.director.host.check("ipvsadm -Ln -t 10.0.0.100:80"));
            let line = text.lines().find(|line| line.contains(server)).map(str::to_owned).unwrap_or_default();
            line.split_whitespace().nth(4) == Some("0")
        });
        assert!(drained.is_ok(), "{server} still has connections");
    }
}

/// Whoever talks is still talking with the same one.
#[track_caller]
fn go_on(talks: &mut [Talk]) {
    for talk in talks {
        let answer = talk.say().unwrap_or_else(|error| format!("nobody: {error}"));
        assert_eq!(answer, talk.partner());
    }
}

/// A service as text and as lines of the table.
#[derive(Clone)]
struct Pool {
    port: u16,
    servers: Vec<(u8, u32, String)>,
}

impl Pool {
    fn new<const N: usize>(port: u16, servers: [u8; N]) -> Self {
        Self { port, servers: Vec::new() }.with(servers)
    }

    fn with<const N: usize>(mut self, servers: [u8; N]) -> Self {
        self.servers.extend(servers.map(|number| (number, 1, Service::CONNECT.to_owned())));
        self
    }

    fn without(mut self, number: u8) -> Self {
        self.servers.retain(|server| server.0 != number);
        self
    }

    fn weight(mut self, number: u8, weight: u32) -> Self {
        self.servers.iter_mut().filter(|server| server.0 == number).for_each(|server| server.1 = weight);
        self
    }

    fn check(mut self, number: u8, check: &str) -> Self {
        let changed = self.servers.iter_mut().filter(|server| server.0 == number);
        changed.for_each(|server| check.clone_into(&mut server.2));
        self
    }

    fn config(&self) -> String {
        let service = Service::tcp(&format!("10.0.0.100 {}", self.port), "DR");
        let add = |service: Service, (number, weight, check): &(u8, u32, String)| {
            service.server(&format!("10.0.0.{number} {}", self.port), &format!("weight {weight}\n  {check}"))
        };
        self.servers.iter().fold(service, add).to_string()
    }

    fn table(&self) -> Vec<String> {
        let service = format!("-t 10.0.0.100:{}", self.port);
        let server = |(number, weight, _): &(u8, u32, String)| {
            format!("-a {service} -r 10.0.0.{number}:{} -g -w {weight}", self.port)
        };
        let head = format!("-A {service} -s rr");
        std::iter::once(head).chain(self.servers.iter().map(server)).collect()
    }
}

fn config(pools: &[&Pool]) -> String {
    let services = pools.iter().map(|pool| pool.config()).collect::<String>();
    format!("{}{services}", Router::usual(150).interval(Duration::from_millis(300)).config())
}

fn tables(pools: &[&Pool]) -> Vec<String> {
    pools.iter().flat_map(|pool| pool.table()).collect()
}

/// A director that is given one configuration after the other.
struct Reloaded<'a> {
    farm: &'a Farm,
    daemon: Running,
    generation: usize,
}

impl<'a> Reloaded<'a> {
    fn start(farm: &'a Farm, pools: &[&Pool]) -> Self {
        let daemon = farm.director.start(Make::subject(), &config(pools));
        daemon.wait_note("INSTANCE lab MASTER 150");
        wait_table(&farm.director.host, tables(pools));
        Self { farm, daemon, generation: 1 }
    }

    /// Reloads, and waits until that has been done and the table is as it should be.
    #[track_caller]
    fn give(&mut self, pools: &[&Pool]) {
        self.give_but(pools, "nobody");
    }

    /// The same when one server is down.
    #[track_caller]
    fn give_but(&mut self, pools: &[&Pool], down: &str) {
        self.generation += 1;
        self.daemon.give(&config(pools));
        if Make::subject() == Make::Lvsd {
            good(self.daemon.wait_log(&format!("reload done: configuration {}:", self.generation), SOON));
        }
        let is_there = |line: &String| !line.contains(&format!("-r {down} "));
        wait_table(&self.farm.director.host, tables(pools).into_iter().filter(is_there));
    }
}

/// Whether a line of our log says that a server has gone down.
fn is_death(line: &str) -> bool {
    line.contains("real server is down")
}

/// The report of a load that has lost nothing, and had something to lose.
#[track_caller]
fn unharmed(report: &web::Report) {
    assert_eq!(report.failed, 0, "{report:?}");
    assert!(report.sent >= 20, "hardly a load: {report:?}");
}

/// Under load, everything about a service is changed but two of its servers: no request fails, lasting connections last,
/// and the kernel's counts go on, so nothing was taken out and put back. What a reload does not change is not forgotten:
/// a server that was down stays down.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn reloads_under_load_fail_no_request() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let mut farm = Farm::new();
    farm.servers[1].die(82);
    let farm = farm;
    let (web, talk) = (Pool::new(80, [11, 12]), Pool::new(7, [11, 12, 13]));
    let mut director = Reloaded::start(&farm, &[&web, &talk]);
    farm.customer.wait_answer(WEB);
    let mut talks = farm.talks();
    let load = farm.customer.load(WEB);
    let counts = good(until_some(SOON, "the kernel's counts", || {
        Some(connections(&farm.director.host)).filter(|counts| counts["TCP 10.0.0.100:7"] == 6)
    }));

    let web = web.with([13]);
    director.give(&[&web, &talk]);
    wait_only(&farm.customer, WEB, &farm.servers.each_ref());
    go_on(&mut talks);
    let web = web.weight(12, 5);
    director.give(&[&web, &talk]);
    go_on(&mut talks);
    let page = "HTTP_GET {\n   url {\n    path /\n    status_code 200\n   }\n  }";
    let (web, talk) = (web.check(11, page), talk.check(12, ""));
    director.give(&[&web, &talk]);
    let added = Pool::new(82, [11, 12]);
    director.give_but(&[&web, &talk, &added], "10.0.0.12:82");
    farm.customer.wait_answer("http://10.0.0.100:82/");
    director.give_but(&[&web, &talk, &added], "10.0.0.12:82");
    go_on(&mut talks);
    // In the order of operators who care for the requests of the one that goes.
    let web = web.weight(13, 0);
    director.give_but(&[&web, &talk, &added], "10.0.0.12:82");
    farm.wait_drained("10.0.0.13:80");
    let web = web.without(13);
    director.give(&[&web, &talk]);
    go_on(&mut talks);
    // And of those who do not.
    let talk = talk.without(13);
    director.give(&[&web, &talk]);
    talks.retain(|talk| talk.partner() != "real 13");
    assert_eq!(talks.len(), 4);
    go_on(&mut talks);

    unharmed(&load.stop());
    let deaths = director.daemon.log().lines().filter(|line| is_death(line)).count();
    assert!(Make::subject() != Make::Lvsd || deaths == 1, "{deaths} deaths of one server");
    let mut lost = restarted(&counts, &connections(&farm.director.host));
    lost.retain(|entry| !entry.ends_with("10.0.0.13:7"));
    assert_eq!(lost, Vec::<String>::new(), "removed, if only for a moment");
    director.daemon.finish();
    assert_eq!(table(&farm.director.host), Vec::<String>::new());
}

/// Processes are killed under load, which costs no request: the checker is replaced; when the supervisor goes, the address
/// goes, but the table stays, and the next start takes it over, with what was known of the servers.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn killed_processes_fail_no_request() {
    require!(Need::Root, Need::Ipvs);
    let mut farm = Farm::new();
    farm.servers[1].die(82);
    let (web, talk, other) = (Pool::new(80, [11, 12]), Pool::new(7, [11, 12]), Pool::new(82, [11, 12]));
    let (director, vip) = (&farm.director, Router::usual_vip());
    let pools = [&web, &talk, &other];
    let mut daemon = director.start(Make::Lvsd, &config(&pools));
    daemon.wait_note("INSTANCE lab MASTER 150");
    let found = tables(&[&web, &talk, &other.clone().without(12)]);
    wait_table(&director.host, &found);
    farm.customer.wait_answer(WEB);
    let mut talks = farm.talks();
    let load = farm.customer.load(WEB);
    let counts = good(until_some(SOON, "the kernel's counts", || {
        Some(connections(&director.host)).filter(|counts| counts["TCP 10.0.0.100:7"] == 6)
    }));

    let killed = daemon.child("checkers.pid");
    daemon.signal("checkers.pid", Signal::SIGKILL);
    let replaced = until(SOON, "", || daemon.pid("checkers.pid").is_ok_and(|pid| pid != killed));
    assert!(replaced.is_ok(), "nobody replaces the checker");
    // It checks: a server that fails goes, and not before.
    assert_eq!(table(&director.host), {
        let mut all = found.clone();
        all.sort();
        all
    });
    farm.servers[0].die(82);
    wait_table(&director.host, tables(&[&web, &talk, &other.clone().without(11).without(12)]));
    farm.servers[0].serve([82]);
    wait_table(&director.host, &found);
    go_on(&mut talks);
    unharmed(&load.stop());
    assert_eq!(restarted(&counts, &connections(&director.host)), Vec::<String>::new());

    let counts = connections(&director.host);
    let moment = SystemTime::now();
    daemon.signal("main.pid", Signal::SIGKILL);
    farm.site.wait_advert(moment, director, "its resignation", |advert| advert.priority == 0);
    director.wait_lacks(vip);
    let all_gone = until(SOON, "", || daemon.process().family().is_empty());
    assert!(all_gone.is_ok(), "orphans: {:?}", daemon.process().family());
    wait_table_within(AT_ONCE, &director.host, &found);

    let mut next = daemon.again(&director.host, &[], &config(&pools));
    next.wait_notes("INSTANCE lab MASTER 150", 2);
    wait_only(&farm.customer, WEB, &[&farm.servers[0], &farm.servers[1]]);
    go_on(&mut talks);
    assert_eq!(table(&director.host), {
        let mut all = found.clone();
        all.sort();
        all
    });
    assert_eq!(restarted(&counts, &connections(&director.host)), Vec::<String>::new());
    farm.servers[1].serve([82]);
    wait_table(&director.host, tables(&pools));
    next.finish();
    assert_eq!(table(&director.host), Vec::<String>::new());
}

/// Somebody else writes to the table: our services become what they were, with the servers they had and no others; other
/// services are left alone, also at the end. And what a wrong configuration asks for is not done.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn what_others_do_to_the_table() {
    require!(Need::Root, Need::Ipvs);
    let site = Site::new();
    let director = site.node("director", 1);
    let host = &director.host;
    good(host.add_address("10.0.0.100/24", "eth0"));
    let foreign = ["-A -t 10.0.0.200:99 -s sh", "-a -t 10.0.0.200:99 -r 10.0.0.88:99 -g -w 7"];
    let by_hand = |line: &str| {
        good(host.check(&format!("ipvsadm {line}")));
    };
    foreign.into_iter().for_each(by_hand);
    let services = |weight: u32| {
        let web = Service::tcp("10.0.0.100 80", "DR").server("10.0.0.11 80", &format!("weight {weight}"));
        let web = web.server("10.0.0.12 80", "weight 2");
        let mark = Service::tcp("fwmark 7", "NAT").server("10.0.0.13 0", "weight 4");
        format!("{web}{mark}")
    };
    let ours = [
        "-A -t 10.0.0.100:80 -s rr",
        "-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1",
        "-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 2",
        "-A -f 7 -s rr",
        "-a -f 7 -r 10.0.0.13:0 -m -w 4",
    ];
    let both = || ours.into_iter().chain(foreign);
    let mut daemon = director.start(Make::Lvsd, &services(1));
    wait_table(host, both());

    for deed in [
        "-d -t 10.0.0.100:80 -r 10.0.0.12:80",
        "-e -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 9",
        "-E -t 10.0.0.100:80 -s wlc -p 300",
        "-D -f 7",
    ] {
        by_hand(deed);
        wait_table_within(AT_ONCE, host, both());
    }
    // A server that somebody adds is not taken for damage.
    by_hand("-a -t 10.0.0.100:80 -r 10.0.0.14:80 -g");
    by_hand("-d -t 10.0.0.100:80 -r 10.0.0.12:80");
    wait_table_within(AT_ONCE, host, both().chain(["-a -t 10.0.0.100:80 -r 10.0.0.14:80 -g -w 1"]));
    by_hand("-C");
    wait_table_within(AT_ONCE, host, ours);
    foreign.into_iter().for_each(by_hand);
    wait_table(host, both());

    daemon.give(&services(1).replace("10.0.0.11 80", "10.0.0.511 80"));
    good(daemon.wait_log("reload refused", SOON));
    wait_table_within(AT_ONCE, host, both());
    daemon.give(&services(3));
    let heavier = |line: &str| line.replace(":80 -g -w 1", ":80 -g -w 3");
    wait_table(host, both().map(heavier));
    daemon.finish();
    wait_table(host, foreign);
}
