//! What is told beside scripts: FIFOs and mail.

use lvsd_e2e::{Make, Node, Router, Running, SOON, Site, good};
use lvsd_lab::{
    MailServer, Manner, Need, Rival, require, until,
    web::{Answer, Server},
};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Read as _,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

/// A configuration of one router in a group, with these lines in `global_defs`.
fn config(router: &Router, globals: &str) -> String {
    let group = "vrrp_sync_group G {\n group {\n lab\n }\n smtp_alert\n}\n";
    let head = "global_defs {\n script_user root\n enable_script_security\n router_id LAB\n";
    format!("{head}{globals}\n}}\n{group}{router}")
}

const MAIL: &str = "notification_email {\n ops@example.com\n root\n }\n notification_email_from lvs@example.com\n \
                    smtp_server 127.0.0.1 2525\n smtp_connect_timeout 10";

fn port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 2525))
}

/// A reader that does not wait for a writer.
fn listener(path: &Path) -> File {
    good(until(SOON, "the FIFO", || path.exists()));
    // O_NONBLOCK.
    good(OpenOptions::new().read(true).custom_flags(0o4000).open(path))
}

/// Adds what is there to read; tells whether all writers have gone.
fn drain(file: &mut File, text: &mut String) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return true,
            Ok(count) => text.push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default())),
            Err(_) => return false,
        }
    }
}

#[track_caller]
fn wait_line(file: &mut File, text: &mut String, line: &str) {
    let found = until(SOON, &format!("the line {line:?}"), || {
        drain(file, text);
        text.lines().any(|found| found.trim_start_matches('\0') == line)
    });
    good(found.map_err(|error| format!("{error}; so far:\n{text}")));
}

/// The lines of each subject in their order, by `INSTANCE "name"` or `GROUP "name"`.
fn by_subject(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let (subject, rest) = line.rsplit_once("\" ").unwrap_or((line, ""));
        all.entry(subject.to_owned()).or_default().push(rest.to_owned());
    }
    all
}

/// Start, take-over, a failing tracker's weight, a fault and its end, the stop: what a FIFO is told of it.
fn scenario(make: Make) -> String {
    let site = Site::new();
    let node = site.node("only", 1);
    // Weights of members are not for a group; so there is another router beside it.
    let alone = Router::new(100).named("alone", 52).vip("10.0.0.101/24");
    let alone = alone.line("track_script {\n check\n }").line("notify_priority_changes");
    let script =
        "vrrp_script check {\n script \"/usr/bin/test ! -e %HOME%/down\"\n interval 1\n weight -20\n}\n";
    let text = config(&Router::usual(150), "vrrp_notify_fifo %HOME%/fifo");
    let mut director = node.start(make, &format!("{script}{text}{alone}"));
    let mut fifo = listener(&director.home().join("fifo"));
    let mut told = String::new();
    wait_line(&mut fifo, &mut told, "GROUP \"G\" MASTER 0");
    wait_line(&mut fifo, &mut told, "INSTANCE \"alone\" MASTER 100");
    director.touch("down");
    wait_line(&mut fifo, &mut told, "INSTANCE \"alone\" MASTER_PRIORITY 80");
    good(node.host.ip("link set eth0 down"));
    wait_line(&mut fifo, &mut told, "GROUP \"G\" FAULT 0");
    wait_line(&mut fifo, &mut told, "INSTANCE \"alone\" FAULT 80");
    told.push_str("-\n");
    good(node.host.ip("link set eth0 up"));
    let up = |told: &str| {
        let again = told.rsplit("-\n").next().unwrap_or_default();
        again.contains("GROUP \"G\" MASTER 0") && again.contains("\"alone\" MASTER 80")
    };
    good(until(SOON, "mastership again", || {
        drain(&mut fifo, &mut told);
        up(&told)
    }));
    director.finish();
    good(until(SOON, "the end of the FIFO", || drain(&mut fifo, &mut told)));
    assert!(!director.home().join("fifo").exists(), "it is removed");
    told.replace("-\n", "")
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_fifo_is_told_what_keepalived_tells_it() {
    require!(Need::Root, Need::Rival(Rival::V2_3_3));
    let ours = by_subject(&scenario(Make::Lvsd));
    let theirs = by_subject(&scenario(Make::Keepalived(Rival::V2_3_3)));
    assert_eq!(ours, theirs);
    let instance = ours.get("INSTANCE \"lab").expect("told");
    assert_eq!(instance.first().map(String::as_str), Some("BACKUP 150"));
    let alone = ours.get("INSTANCE \"alone").expect("told");
    assert!(alone.contains(&"MASTER_PRIORITY 80".to_owned()), "{alone:?}");
    assert_eq!(instance.last().map(String::as_str), Some("STOP 150"));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_cuts_no_reader_and_repeats_nothing_unless_asked() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("only", 1);
    let fifo_line = "notify_fifo %HOME%/fifo";
    let gone = Router::usual(100).named("gone", 52);
    let deleted = Router::usual(100).named("deleted", 53).line("notify_deleted");
    let first = format!("{}{gone}{deleted}", config(&Router::usual(150), fifo_line));
    let director = node.start(Make::Lvsd, &first);
    let mut fifo = listener(&director.home().join("fifo"));
    let mode = good(director.home().join("fifo").symlink_metadata());
    assert!(mode.file_type().is_fifo() && mode.permissions().mode() & 0o777 == 0o600);
    let mut told = String::new();
    for line in ["GROUP \"G\" MASTER 0", "INSTANCE \"gone\" MASTER 100", "INSTANCE \"deleted\" MASTER 100"] {
        wait_line(&mut fifo, &mut told, line);
    }
    told.clear();
    director.give(&config(&Router::usual(150), fifo_line));
    wait_line(&mut fifo, &mut told, "INSTANCE \"gone\" FAULT 100");
    wait_line(&mut fifo, &mut told, "INSTANCE \"deleted\" DELETED 100");
    assert_eq!(told.lines().count(), 2, "nothing else: {told}");
    told.clear();
    let globals = format!("{fifo_line}\n fifo_write_vrrp_states_on_reload");
    director.give(&config(&Router::usual(140), &globals));
    wait_line(&mut fifo, &mut told, "GROUP \"G\" MASTER 0");
    assert_eq!(told, "INSTANCE \"lab\" MASTER 140\nGROUP \"G\" MASTER 0\n");
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_fifo_that_nobody_reads_or_that_is_a_file_holds_up_nothing() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("only", 1);
    let globals = "vrrp_notify_fifo %HOME%/fifo\n notify_fifo %HOME%/note";
    let router = Router::usual(150).line("track_interface {\n eth1\n }");
    let director = node.start(Make::Lvsd, &config(&router, globals));
    // `note` is the script itself: a regular file, left alone.
    good(node.host.ip("link add eth1 type veth peer name eth2"));
    good(node.host.ip("link set eth2 up"));
    drop(listener(&director.home().join("fifo")));
    for round in 1..=3 {
        good(node.host.ip("link set eth1 up"));
        director.wait_notes("INSTANCE lab MASTER 150", round);
        good(node.host.ip("link set eth1 down"));
        director.wait_notes("INSTANCE lab FAULT 150", round);
    }
    let script = good(std::fs::read_to_string(director.home().join("note")));
    assert!(script.starts_with("#!/bin/sh"));
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_script_of_a_fifo_reads_it_to_the_end() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("only", 1);
    let copy = "vrrp_notify_fifo_script \"/bin/sh -c 'cat $1 > $0.copy' %HOME%/fifo\"";
    let text = config(&Router::usual(150), &format!("vrrp_notify_fifo %HOME%/fifo\n {copy}"));
    let mut director = node.start(Make::Lvsd, &text);
    director.wait_note("INSTANCE lab MASTER 150");
    director.finish();
    let copied = good(std::fs::read_to_string(director.home().join("fifo.copy")));
    let instance = by_subject(&copied).remove("INSTANCE \"lab");
    let expected = ["BACKUP 150", "MASTER 150", "STOP 150"].map(str::to_owned).to_vec();
    assert_eq!(instance, Some(expected), "{copied}");
}

fn mailing(node: &Node, globals: &str) -> Running {
    node.start(Make::subject(), &config(&Router::usual(150).line("smtp_alert"), globals))
}

#[test]
#[ignore = "needs root and namespaces"]
fn mails_tell_of_instances_and_groups() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("only", 1);
    let server = good(MailServer::on(&node.host, port(), Manner::Takes));
    let mut director = mailing(&node, &format!("{MAIL}\n no_email_faults"));
    let mail = good(server.wait(SOON, "[LAB] VRRP Instance lab - Entering BACKUP state"));
    assert_eq!(mail.body(), ["=> VRRP Instance is no longer owning VRRP VIPs <="]);
    assert_eq!((mail.from.as_str(), mail.to.len()), ("lvs@example.com", 2));
    assert_eq!(mail.header("From"), Some("lvs@example.com"));
    let mail = good(server.wait(SOON, "[LAB] VRRP Instance lab - Entering MASTER state"));
    assert_eq!(mail.body(), ["=> VRRP Instance is now owning VRRP VIPs <="]);
    let mail = good(server.wait(SOON, "[LAB] VRRP Group G - Entering MASTER state"));
    assert_eq!(mail.body(), ["=> All VRRP group instances are now in MASTER state <="]);
    good(node.host.ip("link set eth0 down"));
    director.wait_note("INSTANCE lab FAULT 150");
    good(node.host.ip("link set eth0 up"));
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    director.finish();
    let faults = |mail: &lvsd_lab::Mail| mail.header("Subject").is_some_and(|text| text.contains("FAULT"));
    assert!(!server.mails().iter().any(faults), "no_email_faults");
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_mail_server_that_swallows_everything_delays_nothing() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let server = good(MailServer::on(&better.host, port(), Manner::Silent));
    let first = mailing(&better, MAIL);
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    good(until(SOON, "a mail on its way", || server.connections() > 0));
    for round in 2..=4 {
        good(better.host.ip("link set eth0 down"));
        first.wait_notes("INSTANCE lab FAULT 150", round - 1);
        second.wait_notes("INSTANCE lab MASTER 100", round - 1);
        good(better.host.ip("link set eth0 up"));
        first.wait_notes("INSTANCE lab MASTER 150", round);
    }
    assert_eq!(server.mails(), []);
    site.alone(&better, &[&other], Router::usual_vip());
    // A stop does not wait for the server, either.
    let mut first = first;
    let before = std::time::Instant::now();
    first.finish();
    assert!(before.elapsed() < Duration::from_secs(5), "the server's ten seconds are not waited for");
}

/// Formats and order are those that keepalived 2.3.3 showed in the guest. Needs no IPVS: servers are judged without it, too.
#[test]
#[ignore = "needs root and namespaces"]
fn servers_and_quorums_are_told_to_fifo_and_mail() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("only", 1);
    let web = SocketAddr::from(([127, 0, 0, 1], 8001));
    let page = || good(Server::on(&node.host, web, Answer::page("here")));
    let up = page();
    let server = good(MailServer::on(&node.host, port(), Manner::Takes));
    let check = "TCP_CHECK {\n connect_timeout 2\n retry 0\n delay_loop 1\n warmup 0\n }";
    let service = |head: &str, lines: &str| {
        let real = format!("real_server 127.0.0.1 8001 {{\n {check}\n }}");
        format!("virtual_server {head} {{\n protocol TCP\n lvs_method NAT\n {lines}\n {real}\n}}\n")
    };
    let group = "virtual_server_group VG {\n 10.7.0.1 80\n 10.7.0.2 80\n}\n";
    let services = [
        service("10.7.1.1 80", "smtp_alert"),
        service("fwmark 7", "smtp_alert off"),
        service("group VG", "omega"),
    ];
    let head = "global_defs {\n router_id LAB\n lvs_notify_fifo %HOME%/fifo\n";
    let config = format!("{head} {MAIL}\n}}\n{group}{}", services.concat());
    let mut director = node.start(Make::Lvsd, &config);
    let mut fifo = listener(&director.home().join("fifo"));
    let mut told = String::new();
    let named = |service: &str| service.to_owned();
    let services = ["[10.7.1.1]:tcp:80", "FWM 7", "[VG]:0"].map(named);
    let servers = ["[127.0.0.1]:tcp:8001", "[127.0.0.1]:none:8001", "[127.0.0.1]:tcp:8001"];
    for service in &services {
        wait_line(&mut fifo, &mut told, &format!("VS {service} UP"));
    }
    // A line about a server ends with a NUL byte, which then stands at the beginning of the next.
    let count = |told: &str, line: String| told.matches(&format!("{line}\n\0")).count();
    let mut wait = |told: &mut String, bearing: &str, times: usize| {
        good(until(SOON, &format!("everything {bearing}"), || {
            drain(&mut fifo, told);
            services
                .iter()
                .zip(servers)
                .all(|(service, server)| count(told, format!("RS {server} {service} {bearing}")) == times)
        }));
    };
    drop(up);
    wait(&mut told, "DOWN", 1);
    let mail =
        good(server.wait(SOON, "Realserver [127.0.0.1]:tcp:8001 of virtual server [10.7.1.1]:tcp:80 - DOWN"));
    assert_eq!(mail.body().first().copied(), Some("=> TCP CHECK failed on service <="));
    let mail = good(server.wait(SOON, "Virtualserver [10.7.1.1]:tcp:80 - DOWN"));
    assert_eq!(mail.body(), ["=> Lost quorum 1-0=1 > 0 <="]);
    let up = page();
    wait(&mut told, "UP", 1);
    let mail =
        good(server.wait(SOON, "Realserver [127.0.0.1]:tcp:8001 of virtual server [10.7.1.1]:tcp:80 - UP"));
    assert_eq!(mail.body(), ["=> TCP CHECK succeeded on service <="]);
    let mail = good(server.wait(SOON, "Virtualserver [10.7.1.1]:tcp:80 - UP"));
    assert_eq!(mail.body(), ["=> Gained quorum 1+0=1 <= 1 <="]);
    director.finish();
    drop(up);
    good(until(SOON, "the end of the FIFO", || drain(&mut fifo, &mut told)));
    let of_group: Vec<&str> =
        told.split_terminator("\n\0").filter(|line| line.starts_with("VS [VG]:0 ")).collect();
    assert_eq!(of_group.last(), Some(&"VS [VG]:0 DOWN"), "omega: {told:?}");
    let unasked =
        |mail: &lvsd_lab::Mail| mail.header("Subject").is_some_and(|s| s.contains("Virtualserver FWM"));
    assert!(!server.mails().iter().any(unasked), "smtp_alert off");
}
