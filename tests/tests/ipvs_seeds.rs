//! Scenarios that people wrote articles about, each under the name of its article's question: those with virtual servers.

use lvsd_e2e::{
    Customer, Make, Node, RealServer, Router, Running, SOON, Service, Site, TlsPage, good, ip, table,
    wait_table,
};
use lvsd_lab::{Host, Lan, Need, Program, built, require, until, web};
use std::{fs, net::SocketAddr, path::PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/seeds");

fn fixture(name: &str) -> String {
    good(fs::read_to_string(PathBuf::from(FIXTURES).join(name)))
}

const PAGE: &str = "a page of testurl";
const OTHER: &str = "another page of testurl";
const GRAPHS: &str = "the traffic graphs";

/// One host that is all the real servers of the article, by its addresses.
struct Racks {
    host: Host,
    _link: lvsd_lab::Link,
}

impl Racks {
    fn new(back: &Lan) -> Self {
        let host = good(Host::new("racks"));
        let addresses = [100, 2, 3, 4, 5, 200].map(|last| format!("10.1.0.{last}/24"));
        let link = good(back.plug(&host, "eth0", &addresses.each_ref().map(String::as_str)));
        good(host.gateway(ip("10.1.0.1")));
        Self { host, _link: link }
    }

    fn page(&self, last: u8, page: &str) -> web::Server {
        let listen: SocketAddr = good(format!("10.1.0.{last}:1358").parse());
        good(web::Server::on(&self.host, listen, web::Answer::page(page)))
    }
}

fn nat(service: &str, server: &str) -> String {
    format!("-a -t {service} -r {server} -m -w 1")
}

/// The table of the article without some of its lines, and with others.
#[track_caller]
fn walked(host: &Host, without: &[&str], with: &[String]) {
    let services = ["10.0.0.100:443", "10.0.0.102:1358", "10.0.0.103:1358"];
    let heads = services.map(|service| format!("-A -t {service} -s rr -p 50"));
    let [tls, first, second] = services;
    let servers = [
        nat(tls, "10.1.0.100:443"),
        nat(first, "10.1.0.2:1358"),
        nat(first, "10.1.0.3:1358"),
        nat(second, "10.1.0.4:1358"),
        nat(second, "10.1.0.5:1358"),
    ];
    let stays = |line: &String| !without.iter().any(|address| line.contains(&format!("-r {address}:")));
    let lines = heads.into_iter().chain(servers.into_iter().filter(stays)).chain(with.iter().cloned());
    wait_table(host, lines);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn virtual_server_walkthrough() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let (site, back) = (Site::new(), good(Lan::new("back")));
    let director = site.node("director", 1);
    let _leg = good(back.plug(&director.host, "eth1", &["10.1.0.1/24"]));
    good(director.host.forward());
    let customer = Customer::new(&site);
    let racks = Racks::new(&back);
    let tls = TlsPage::on(&racks.host, good("10.1.0.100:443".parse()), GRAPHS);
    let [one, two] = [racks.page(2, PAGE), racks.page(3, OTHER)];
    let _others = [racks.page(4, PAGE), racks.page(5, PAGE), racks.page(200, "sorry")];

    let mut daemon = director.start(Make::subject(), &fixture("virtual_server_walkthrough.conf"));
    director.wait_holds(ip("10.0.0.102"));
    walked(&director.host, &[], &[]);
    // Whoever has been there goes there again.
    let url = "http://10.0.0.102:1358/";
    let answers = customer.spread(url, 6);
    assert_eq!(answers.len(), 1, "not persistent: {answers:?}");

    // Another page than the digest's is a failure, whatever its status.
    two.answer(web::Answer::page(PAGE));
    walked(&director.host, &["10.1.0.3"], &[]);
    tls.change("no graphs");
    walked(&director.host, &["10.1.0.3", "10.1.0.100"], &[]);
    one.answer(web::Answer::Page { status: 404, body: PAGE.to_owned() });
    let sorry = nat("10.0.0.102:1358", "10.1.0.200:1358");
    walked(&director.host, &["10.1.0.2", "10.1.0.3", "10.1.0.100"], &[sorry]);
    let sent = until(SOON, "", || customer.ask(url).is_ok_and(|answer| answer == "sorry"));
    assert!(sent.is_ok(), "nobody is sorry: {:?}", customer.ask(url));

    two.answer(web::Answer::page(OTHER));
    one.answer(web::Answer::page(PAGE));
    tls.change(GRAPHS);
    walked(&director.host, &[], &[]);
    let back =
        until(SOON, "", || customer.ask(url).is_ok_and(|answer| [PAGE, OTHER].contains(&answer.as_str())));
    assert!(back.is_ok(), "{:?}", customer.ask(url));

    for keyword in ["nat_mask", "nb_get_retry"] {
        let log = daemon.log();
        let told = Make::subject() != Make::Lvsd || log.lines().any(|line| line.contains(keyword));
        assert!(told, "{keyword} is not spoken of:\n{log}");
    }
    daemon.finish();
    assert_eq!(table(&director.host), Vec::<String>::new());
    if Make::subject() == Make::Lvsd {
        tells_of_the_old_keywords(&daemon);
    }
}

/// The strict check names both old keywords, with their lines, and what they are.
fn tells_of_the_old_keywords(daemon: &Running) {
    let file = daemon.home().join("director.conf");
    let output = good(Program::new(good(built("lvsd"))).arg("-t").arg("-f").arg(&file).run());
    let text = format!("{}{}", output.stdout, output.stderr);
    let config = good(fs::read_to_string(&file));
    for keyword in ["nat_mask", "nb_get_retry"] {
        for (number, _) in config.lines().enumerate().filter(|(_, line)| line.trim().starts_with(keyword)) {
            let place = format!("director.conf:{}:", number + 1);
            assert!(text.contains(&place), "no word of {keyword} at {place}\n{text}");
        }
    }
    assert!(!output.status.success(), "a removed keyword is a mistake\n{text}");
}

/// Exit status 0 leaves the weight as configured, 1 is a failure, and from 2 on it is the weight plus 2; however often.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn misc_dynamic() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let site = Site::new();
    let director = site.node("director", 1);
    let mut service = Service::tcp("10.0.0.100 80", "DR").line("lvs_sched wrr");
    for number in 11..=13 {
        let check = format!(
            "MISC_CHECK {{\n   misc_path \"%HOME%/load {number}\"\n   misc_timeout 5\n   misc_dynamic\n  }}"
        );
        service = service.server(&format!("10.0.0.{number} 80"), &format!("weight 10\n  {check}"));
    }
    let script = "#!/bin/sh\ncd \"${0%/*}\" && echo >>runs-$1 && read -r code <code-$1 && exit \"$code\"\n";
    let mut daemon = director.start_with(
        Make::subject(),
        |launch| {
            good(launch.script("load", script));
            for (number, code) in [(11, 0), (12, 202), (13, 1)] {
                good(fs::write(launch.home().join(format!("code-{number}")), format!("{code}\n")));
            }
            launch
        },
        &format!("{}{service}", Router::SCRIPTS),
    );
    let expect = |weights: &[(u8, u32)]| {
        let server = |(number, weight): &(u8, u32)| {
            format!("-a -t 10.0.0.100:80 -r 10.0.0.{number}:80 -g -w {weight}")
        };
        let head = "-A -t 10.0.0.100:80 -s wrr".to_owned();
        wait_table(&director.host, std::iter::once(head).chain(weights.iter().map(server)));
    };
    expect(&[(11, 10), (12, 200)]);
    rounds(&daemon, 4);
    expect(&[(11, 10), (12, 200)]);

    says(&daemon, 12, 2);
    says(&daemon, 11, 255);
    expect(&[(11, 253), (12, 0)]);
    says(&daemon, 12, 1);
    says(&daemon, 13, 0);
    expect(&[(11, 253), (13, 10)]);
    says(&daemon, 11, 0);
    says(&daemon, 12, 12);
    expect(&[(11, 10), (12, 10), (13, 10)]);
    says(&daemon, 13, 3);
    expect(&[(11, 10), (12, 10), (13, 1)]);
    rounds(&daemon, 4);
    expect(&[(11, 10), (12, 10), (13, 1)]);
    daemon.finish();
    assert_eq!(table(&director.host), Vec::<String>::new());
}

/// Has a script of [`misc_dynamic`] exit with that status from now on.
fn says(daemon: &Running, number: u8, code: u8) {
    let file = daemon.home().join(format!("code-{number}"));
    let new = file.with_extension("new");
    good(fs::write(&new, format!("{code}\n")).and_then(|()| fs::rename(&new, &file)));
}

/// Waits until the checks of [`misc_dynamic`] have run that many times more.
#[track_caller]
fn rounds(daemon: &Running, count: usize) {
    let runs = || {
        let lines = |number: u8| {
            let text = fs::read_to_string(daemon.home().join(format!("runs-{number}")));
            text.unwrap_or_default().lines().count()
        };
        (11..=13).map(lines).min().unwrap_or(0)
    };
    let goal = runs() + count;
    good(until(SOON, "more checks", || runs() >= goal));
}

/// The second half of the scenario; the first is about addresses.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn keep_on_stop() {
    require!(Need::Root, Need::Ipvs, Make::subject().need());
    let site = Site::new();
    let director: Node = site.node("director", 1);
    let customer = Customer::new(&site);
    good(director.host.add_address("10.0.0.100/24", "eth0"));
    let mut server = RealServer::beside(&site, 11, &[ip("10.0.0.100")]);
    server.serve([80]);
    let config = Service::tcp("10.0.0.100 80", "DR").server("10.0.0.11 80", Service::CONNECT).to_string();
    let start = |options: &[&str]| {
        let before = server.page(80).served();
        let daemon = director.start_with(Make::subject(), |launch| launch.args(options), &config);
        good(until(SOON, "a check", || server.page(80).served() > before));
        wait_table(
            &director.host,
            ["-A -t 10.0.0.100:80 -s rr", "-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1"],
        );
        daemon
    };
    start(&["-I"]).finish();
    assert_eq!(table(&director.host).len(), 2, "kept, as was asked for");
    assert_eq!(customer.wait_answer("http://10.0.0.100/"), server.name());
    // The next one finds it, and removes it when nobody asks to keep it.
    start(&[]).finish();
    assert_eq!(table(&director.host), Vec::<String>::new());
}
