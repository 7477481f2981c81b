//! Scenarios that people wrote articles about, each under the name of its article's question.

use lvsd_e2e::{Make, Node, Router, Running, SOON, Site, good, in_parallel, ip};
use lvsd_lab::{Need, Program, built, require, until};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/seeds");

fn fixture(name: &str) -> String {
    good(fs::read_to_string(PathBuf::from(FIXTURES).join(name)))
}

/// Waits for an address to be on the first node, and on the second no more.
#[track_caller]
fn on(site: &Site, holder: &Node, other: &Node, vip: &str) {
    site.alone(holder, &[other], ip(vip));
}

/// Two masters, each of one address; a file takes a node out of service. With a weight or without, what moves is the
/// node's own address only, and it comes back.
fn dual_master(weight: &str) {
    let site = Site::new();
    let [one, two] = [site.node("one", 1), site.node("two", 2)];
    let config = |name: &str| {
        let text = fixture(name).replace("%WEIGHT%", weight);
        if Make::subject() == Make::Lvsd {
            return text;
        }
        // The article's peer ran this line in a shell; those of today run a program called `[`, which always fails.
        text.replace("[ -f %HOME%/down ] && exit 1 || exit 0", "/usr/bin/test ! -f %HOME%/down")
    };
    let first = one.start(Make::subject(), &config("dual_master_1.conf"));
    let mut second = two.start(Make::subject(), &config("dual_master_2.conf"));
    first.wait_note("INSTANCE VI_1 MASTER 100");
    second.wait_note("INSTANCE VI_2 MASTER 100");
    on(&site, &one, &two, "10.0.0.41");
    on(&site, &two, &one, "10.0.0.51");

    second.touch("down");
    first.wait_note("INSTANCE VI_2 MASTER 90");
    second.wait_note(if weight == "0" { "INSTANCE VI_2 FAULT 100" } else { "INSTANCE VI_2 BACKUP 85" });
    on(&site, &one, &two, "10.0.0.51");
    on(&site, &one, &two, "10.0.0.41");
    assert!(!first.notes().iter().any(|note| note.starts_with("INSTANCE VI_1 FAULT")));

    second.remove("down");
    second.wait_notes("INSTANCE VI_2 MASTER 100", 2);
    on(&site, &two, &one, "10.0.0.51");
    on(&site, &one, &two, "10.0.0.41");
    let log = second.log().to_lowercase();
    for words in [["chk_mt_down", "fail"], ["chk_mt_down", "succe"], ["vi_2", "master"]] {
        let told = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(told, "no line with {words:?}:\n{log}");
    }
    second.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn dual_master_walkthrough() {
    require!(Need::Root, Make::subject().need());
    in_parallel(vec!["-15", "0"], 2, |weight| dual_master(weight));
}

#[test]
#[ignore = "needs root and namespaces"]
fn keep_on_stop() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let start = |options: &[&str]| {
        let director =
            node.start_with(Make::subject(), |launch| launch.args(options), &Router::usual(150).config());
        director.wait_note("INSTANCE lab MASTER 150");
        node.wait_holds(Router::usual_vip());
        director
    };
    start(&["-V"]).finish();
    assert!(node.holds(Router::usual_vip()), "kept, as was asked for");
    // The next one finds it, and removes it when nobody asks to keep it.
    start(&[]).finish();
    assert!(!node.holds(Router::usual_vip()));
}

fn first_priority(state: &str, priority: u8, script: &str) -> String {
    let text = fixture("first_priority.conf").replace("%STATE%", state).replace("%SCRIPT%", script);
    text.replace("%PRIORITY%", &priority.to_string())
}

/// The states that a director went through, without names and priorities.
fn walk(director: &Running) -> Vec<String> {
    director.notes().iter().filter_map(|note| note.split(' ').nth(2).map(str::to_owned)).collect()
}

/// One director after the other: each counts what its scripts say before it takes part, so that the first election
/// has the right end, and is the last.
fn first_priorities(first: (&str, u8), second: (&str, u8), script: &str) {
    let (site, [one, two]) = Site::with_pair();
    let earlier = one.start(Make::subject(), &first_priority(first.0, first.1, script));
    earlier.wait_note(&format!("INSTANCE vi_1 MASTER {}", first.1 + 9));
    let later = two.start(Make::subject(), &first_priority(second.0, second.1, script));
    let (winner, loser) = if first.1 > second.1 { (&one, &two) } else { (&two, &one) };
    if first.1 < second.1 {
        later.wait_note(&format!("INSTANCE vi_1 MASTER {}", second.1 + 9));
        earlier.wait_notes(&format!("INSTANCE vi_1 BACKUP {}", first.1 + 9), 1);
        good(until(SOON, "the lesser one to yield", || walk(&earlier).len() == 3));
        assert_eq!(walk(&earlier), ["BACKUP", "MASTER", "BACKUP"]);
        assert_eq!(walk(&later), ["BACKUP", "MASTER"]);
    } else {
        good(until(SOON, "the lesser one to start", || walk(&later).len() == 1));
    }
    site.settled(SystemTime::now(), winner, &[loser], ip("10.0.0.100"));
    if first.1 > second.1 {
        assert_eq!(walk(&earlier), ["BACKUP", "MASTER"]);
        assert_eq!(walk(&later), ["BACKUP"]);
        assert_eq!(site.adverts(&two), [], "a spurious master");
    }
    for (node, base) in [(&one, first.1), (&two, second.1)] {
        let wrong = site.adverts(node).into_iter().find(|(_, advert)| advert.priority != base + 9);
        assert_eq!(wrong.map(|(_, advert)| advert.priority), None, "spoke before its scripts did");
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn first_priority_backup() {
    require!(Need::Root, Make::subject().need());
    first_priorities(("BACKUP", 99), ("MASTER", 100), "/usr/bin/true");
    first_priorities(("MASTER", 100), ("BACKUP", 99), "/usr/bin/true");
}

#[test]
#[ignore = "needs root and namespaces"]
fn first_priority_master() {
    require!(Need::Root, Make::subject().need());
    first_priorities(("MASTER", 99), ("BACKUP", 100), "/usr/bin/true");
    first_priorities(("BACKUP", 100), ("MASTER", 99), "/usr/bin/true");
}

/// Both nodes start at about the same time, the worse one first, and preempt nobody: the better one leads, in 50 elections of 50.
#[test]
#[ignore = "needs root and namespaces"]
fn simultaneous_start() {
    require!(Need::Root, Make::subject().need());
    // The skews of the two are further apart than the starts.
    let config = |priority: u8| {
        let routers = (1..=25).map(|number| {
            let router = Router::new(priority)
                .named(&format!("VI_{number}"), number)
                .vip(&format!("10.0.1.{number}/24"));
            router.interval(Duration::from_secs(1)).line("nopreempt").to_string()
        });
        Router::SCRIPTS.to_owned() + &routers.collect::<String>()
    };
    for _ in 0..2 {
        let (_site, [one, two]) = Site::with_pair();
        let worse = two.start(Make::subject(), &config(50));
        let better = one.start(Make::subject(), &config(250));
        for number in 1..=25 {
            better.wait_note(&format!("INSTANCE VI_{number} MASTER 250"));
        }
        assert!(!worse.notes().iter().any(|note| note.contains("MASTER")), "{:?}", worse.notes());
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn nopreempt_weight_sticks() {
    require!(Need::Root, Make::subject().need());
    let (site, [one, two]) = Site::with_pair();
    let config = |priority: &str| fixture("nopreempt_weight.conf").replace("%PRIORITY%", priority);
    let mut first = one.start(Make::subject(), &config("101"));
    first.wait_note("INSTANCE VI_K8S MASTER 101");
    let second = two.start(Make::subject(), &config("100"));
    second.wait_note("INSTANCE VI_K8S BACKUP 100");
    first.touch("down");
    let down = SystemTime::now();
    site.wait_advert(down, &one, "the lower priority", |advert| advert.priority == 99);
    // Well beyond any down time, nothing has moved.
    site.wait_adverts(&one, 5);
    site.settled(SystemTime::now(), &one, &[&two], ip("10.0.0.60"));
    assert_eq!(walk(&second), ["BACKUP"]);
    // Only when it goes.
    first.finish();
    second.wait_note("INSTANCE VI_K8S MASTER 100");

    if Make::subject() == Make::Lvsd {
        let checked = second.home().join("director.conf");
        let output = good(Program::new(good(built("lvsd"))).arg("-t").arg("-f").arg(checked).run());
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(text.contains("nopreempt") && text.contains("check_service"), "no warning:\n{text}");
        assert!(output.status.success(), "a hint is no mistake: {}\n{text}", output.status);
    }
}

/// With `resign_on_priority_drop` the addresses go where people expect them to, and stay there.
#[test]
#[ignore = "needs root and namespaces"]
fn nopreempt_resign() {
    require!(Need::Root);
    let (site, [one, two]) = Site::with_pair();
    let vip = ip("10.0.0.60");
    let config = |priority: &str| {
        let text = fixture("nopreempt_weight.conf").replace("%PRIORITY%", priority);
        text.replace("nopreempt\n", "nopreempt\n    resign_on_priority_drop\n")
    };
    let mut first = one.start(Make::Lvsd, &config("101"));
    first.wait_note("INSTANCE VI_K8S MASTER 101");
    let mut second = two.start(Make::Lvsd, &config("100"));
    second.wait_note("INSTANCE VI_K8S BACKUP 100");

    let down = SystemTime::now();
    first.touch("down");
    let resigned = site.wait_advert(down, &one, "its resignation", |advert| advert.priority == 0).at;
    site.wait_advert(resigned, &two, "the take-over", |advert| advert.priority == 100);
    second.wait_note("INSTANCE VI_K8S MASTER 100");
    good(second.wait_log("the master resigned", SOON));
    good(first.wait_log("trackers lowered its priority", SOON));

    first.remove("down");
    site.wait_adverts(&two, 8);
    site.settled(SystemTime::now(), &two, &[&one], vip);
    assert_eq!(walk(&first), ["BACKUP", "MASTER", "BACKUP"], "the recovered one does not take back");

    // Both ill: the one that falls ill last gives up once, and whoever has the address then keeps it.
    first.touch("down");
    site.wait_adverts(&two, 6);
    second.touch("down");
    first.wait_note("INSTANCE VI_K8S MASTER 99");
    site.settled(SystemTime::now(), &one, &[&two], vip);
    site.wait_adverts(&one, 8);
    site.settled(SystemTime::now(), &one, &[&two], vip);
    assert_eq!(walk(&first), ["BACKUP", "MASTER", "BACKUP", "MASTER"]);
    assert_eq!(walk(&second), ["BACKUP", "MASTER", "BACKUP"]);
}
