//! Stories of two files.

use std::fs;

use super::*;

/// What is printed, and the exit status.
fn told(priorities: &[u8], more: &str, words: &[&str]) -> (String, Status) {
    let home = tempfile::tempdir().expect("a directory");
    let files = priorities.iter().enumerate().map(|(number, priority)| {
        let file = home.path().join(format!("{number}.conf"));
        let text = format!(
            "vrrp_script web {{\n script /bin/true\n interval 1\n weight 20\n fall 1\n rise 1\n}}\n\
             vrrp_instance lab {{\n interface eth0\n virtual_router_id 51\n priority {priority}\n version 3\n{more}\n \
             virtual_ipaddress {{\n 10.0.0.9\n }}\n}}\n"
        );
        fs::write(&file, text).expect("written");
        file.display().to_string()
    });
    let words = ["lvsctl", "simulate"]
        .into_iter()
        .map(str::to_owned)
        .chain(files)
        .chain(words.iter().map(|&word| word.to_owned()));
    let cli = <crate::cli::Cli as clap::Parser>::try_parse_from(words).expect("a command line");
    let crate::cli::Command::Simulate(wanted) = cli.command else { panic!("another command") };
    let mut out = Vec::new();
    let status = run(&wanted, &mut out).expect("a story");
    (String::from_utf8(out).expect("text"), status)
}

#[track_caller]
fn in_order(story: &str, wanted: &[&str]) {
    let mut rest = story;
    for line in wanted {
        let Some(at) = rest.find(line) else { panic!("{line:?} does not come in its turn in\n{story}") };
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn a_killed_master_is_replaced_and_comes_back() {
    let (story, status) = told(&[150, 100], "", &["--kill", "a@10s", "--restore", "a@20s"]);
    let lines = [
        "a is ",
        "0.000s  a is started",
        "a lab: BACKUP to MASTER, priority 150",
        "10.000s  a loses its power",
        "VRID 51 (IPv4) has no master",
        "b lab: BACKUP to MASTER, priority 100",
        "20.000s  a is started",
        "a lab: BACKUP to MASTER, priority 150",
        "b lab: MASTER to BACKUP",
        "after 40s:",
        "a lab: MASTER, priority 150",
        "b lab: BACKUP, priority 100",
    ];
    in_order(&story, &lines);
    assert_eq!(status, Status::GOOD);
}

#[test]
fn a_partition_has_two_masters_until_it_is_healed() {
    let (story, status) = told(&[150, 100], "", &["--partition", "a-b@10s", "--heal", "a-b@20s"]);
    in_order(
        &story,
        &[
            "do not hear each other",
            "has 2 masters: a, b",
            "hear each other again",
            "has one master again: a",
        ],
    );
    assert_eq!(status, Status::GOOD);
    let (story, status) = told(&[150, 100], "", &["--partition", "a-b@10s"]);
    assert!(story.ends_with("has more than one master\n"), "{story}");
    assert_eq!(status, Status::OTHERWISE);
}

#[test]
fn links_scripts_stops_and_pauses_have_their_consequences() {
    let (story, _) = told(&[150, 100], "", &["--down", "a:eth0@10s", "--up", "a:eth0@20"]);
    in_order(
        &story,
        &[
            "eth0 of a loses its carrier",
            "a lab: MASTER to FAULT",
            "b lab: BACKUP to MASTER",
            "again",
            "a lab: BACKUP to MASTER",
        ],
    );
    let tracked = " track_script {\n web\n }";
    let (story, _) = told(&[110, 100], tracked, &["--fail", "a:web@10s", "--succeed", "a:web@20s"]);
    in_order(
        &story,
        &[
            "priority 130",
            "script web of a fails",
            "b lab: BACKUP to MASTER, priority 120",
            "succeeds",
            "a lab: BACKUP to MASTER",
        ],
    );
    let (story, _) = told(&[150, 100], "", &["--stop", "a@10s"]);
    in_order(&story, &["10.000s  a is stopped", "10.", "b lab: BACKUP to MASTER"]);
    let (story, _) = told(&[150, 100], "", &["--pause", "a:8s@10s"]);
    in_order(&story, &["a stands still for 8s", "b lab: BACKUP to MASTER", "b lab: MASTER to BACKUP"]);
}

#[test]
fn routers_that_do_not_understand_each_other_do_not_do_so_here() {
    let home = tempfile::tempdir().expect("a directory");
    let file = |name: &str, version: u8| {
        let text = format!(
            "vrrp_instance lab {{\n interface eth0\n virtual_router_id 51\n version {version}\n virtual_ipaddress {{\n 10.0.0.9\n }}\n}}\n"
        );
        let file = home.path().join(name);
        fs::write(&file, text).expect("written");
        file.display().to_string()
    };
    let cli = <crate::cli::Cli as clap::Parser>::try_parse_from([
        "lvsctl",
        "simulate",
        &file("a", 2),
        &file("b", 3),
        "--until",
        "10s",
    ]);
    let Ok(crate::cli::Cli { command: crate::cli::Command::Simulate(wanted) }) = cli else {
        panic!("{cli:?}")
    };
    let mut out = Vec::new();
    assert_eq!(run(&wanted, &mut out).expect("a story"), Status::OTHERWISE);
    in_order(&String::from_utf8(out).expect("text"), &["has 2 masters: a, b", "has more than one master"]);
}

#[test]
fn the_same_story_each_time() {
    let words = ["--kill", "a@9.5s", "--restore", "a@13s", "--partition", "b-c@14s", "--heal", "b-c@25s"];
    // Before the first blank line stand the names of the files.
    let story = || told(&[150, 100, 100], "", &words).0.split_once("\n\n").map(|(_, story)| story.to_owned());
    assert_eq!(story(), story());
    assert!(story().is_some_and(|story| story.contains("c lab: ")));
}

#[test]
fn nonsense_is_explained() {
    for (text, part) in [
        ("a", "no @TIME"),
        ("z@1s", "none of the files"),
        ("a@soon", "no"),
        ("a@1y", "no unit"),
        ("a@-1s", "no time"),
        ("a@99h", "at most a day"),
    ] {
        let failure =
            incident(text, 2, |word, hosts| Ok(Incident::Kill(host(word, hosts)?))).expect_err(text);
        assert!(failure.contains(part), "{failure}");
    }
    assert!(pair("a-a", 2, Incident::Heal).is_err() && pair("ab", 2, Incident::Heal).is_err());
    assert!(link("a:", 2, Incident::LinkUp).is_err() && pause("a", 2).is_err());
    assert_eq!(span("1.5m"), Ok(Duration::from_secs(90)));
    assert_eq!(span("250ms"), Ok(Duration::from_millis(250)));
}
