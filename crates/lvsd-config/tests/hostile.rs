//! Text of any size and content: diagnostics, never a panic, never without end.

use std::path::Path;

use lvsd_config::{FileKind, Format, Loaded, MemoryFiles, Options, Rule, Severity, load, render};
use proptest::prelude::*;

const FILE: &str = "/etc/lvsd.conf";

fn read(text: impl Into<Vec<u8>>) -> Loaded {
    load(&MemoryFiles::default().with(FILE, text), Path::new(FILE), &Options::default())
}

fn rules(loaded: &Loaded) -> Vec<Rule> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.rule).collect()
}

/// Everything that must hold for any text.
fn check(loaded: &Loaded) {
    assert_eq!(loaded.config.is_some(), loaded.diagnostics.count(Severity::Error) == 0);
    let mut last = None;
    for diagnostic in &loaded.diagnostics {
        let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary);
        for label in labels {
            let place = loaded.sources.place(label.span);
            let line = loaded.sources.text(loaded.sources.line(label.span));
            assert!(!line.contains('\n') && !loaded.sources.name(label.span).is_empty());
            assert!(loaded.sources.line_column(label.span).line >= 1);
            let _ = loaded.sources.text(place.written);
        }
        let place = loaded.sources.place(diagnostic.primary.span);
        assert!(last <= Some(place), "sorted");
        last = Some(place);
    }
    for format in [Format::Full { color: true }, Format::Concise, Format::Json] {
        let text = render(&loaded.diagnostics, &loaded.sources, format);
        assert!(format == Format::Json || text.is_empty() == loaded.diagnostics.is_empty());
    }
}

/// Pieces that mean something to some part of the reader.
const PIECES: &[&str] = &[
    "global_defs",
    "vrrp_instance",
    "x",
    "virtual_server",
    "192.0.2.1",
    "80",
    "real_server",
    "TCP_CHECK",
    "HTTP_GET",
    "url",
    "path /",
    "{",
    "}",
    "\n",
    "\n",
    " ",
    "\"",
    "'",
    "\\",
    "#",
    "!",
    "$A=",
    "$A",
    "${A}",
    "${",
    "$B= \\\n",
    "$B",
    "@id ",
    "@^id ",
    "~SEQ(a, 3)",
    "~LST({a,b}, {1,2})",
    "include ",
    "*.conf",
    "{{",
    "}}",
    "\0",
    "\u{201c}",
    "é",
    "virtual_ipaddress",
    "track_script",
    "vrrp_script",
    "script",
    "priority",
    "-1",
    "99999999999",
    "0.5",
    "fwmark",
    "group",
    "virtual_server_group",
    "10.0.0.0/24",
    "2001:db8::1-f",
    "state MASTER",
    "interface eth0",
    "notify",
    "virtual_router_id 1",
    "authentication",
    "auth_type PASS",
    "auth_pass",
    "vrrp_sync_group",
    "quorum",
    "weight",
];

fn from_pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..120)
        .prop_map(|pieces| pieces.iter().flat_map(|piece| [*piece, " "]).collect())
}

/// A valid file with some of its bytes changed, removed or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let valid = prop::sample::select(vec![
        &include_bytes!("../resources/valid/pair.conf")[..],
        &include_bytes!("../resources/valid/services.conf")[..],
        &include_bytes!("../resources/valid/language.conf")[..],
        &include_bytes!("../resources/valid/sync-group.conf")[..],
    ]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..8);
    (valid, changes).prop_map(|(text, changes)| {
        let mut text = text.to_vec();
        for (at, byte, kind) in changes {
            let at = at.index(text.len());
            match kind {
                0 => text[at] = byte,
                1 => drop(text.remove(at)),
                2 => text.insert(at, b"{}\"#$\n ~@"[usize::from(byte) % 9]),
                _ => text.extend_from_within(at..(at + usize::from(byte)).min(text.len())),
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        check(&read(bytes));
    }

    #[test]
    fn any_arrangement_of_pieces(text in from_pieces()) {
        check(&read(text));
    }

    #[test]
    fn any_damage_to_a_valid_file(text in mutated()) {
        check(&read(text));
    }
}

#[test]
fn definitions_that_grow_are_stopped() {
    let bomb = "$A=aaaaaaaaaaaaaaaa\n".to_owned()
        + &(b'B'..=b'Z').fold(String::new(), |text, name| {
            let (name, before) = (char::from(name), char::from(name - 1));
            let twice = format!("${{{before}}}${{{before}}}");
            text + &format!("${name}={twice}{twice}\n")
        })
        + "router ${Z}\n";
    let loaded = read(bomb);
    assert!(rules(&loaded).contains(&Rule::RecursiveDefinition), "{:?}", rules(&loaded));
    check(&loaded);
}

#[test]
fn bodies_that_use_themselves_are_stopped() {
    for text in
        ["$A= \\\nx \\\n$A\n$A\n", "$A= \\\n$B\n$B= \\\n$A \\\ny $A\n$A\n", "$A=$A\n$A\n", "$A=b${A}\n${A}\n"]
    {
        let loaded = read(text);
        assert!(rules(&loaded).contains(&Rule::RecursiveDefinition), "{text:?} {:?}", rules(&loaded));
        check(&loaded);
    }
}

#[test]
fn repetitions_of_repetitions_are_stopped() {
    let loaded = read("~SEQ(a, 100000) ~SEQ(b, 100000) ~SEQ(c, 100000) x\n");
    assert!(rules(&loaded).contains(&Rule::ExpansionLimit));
}

#[test]
fn deep_nesting_needs_no_stack() {
    for text in ["{".repeat(200_000), "}".repeat(200_000), "a {".repeat(100_000), "x {\n".repeat(100_000)] {
        let loaded = read(text);
        assert!(loaded.diagnostics.worst() >= Some(Severity::Tolerated));
        let _ = render(&loaded.diagnostics, &loaded.sources, Format::Full { color: false });
    }
}

#[test]
fn monstrous_lines_are_read_and_shown_in_part() {
    let word = "x".repeat(2_000_000);
    let loaded = read(format!("global_defs {{\nrouter_id {word}\nbogus {word}\n}}\n"));
    let config = loaded.config.as_ref().expect("no error");
    assert_eq!(config.globals.router_id.as_ref().map(String::len), Some(word.len()));
    assert!(rules(&loaded).contains(&Rule::LongLine));
    assert!(render(&loaded.diagnostics, &loaded.sources, Format::Full { color: false }).len() < 10_000);
    for line in ["$A ".repeat(300_000), "${A ".repeat(300_000), "{{ ".repeat(300_000), "\" ".repeat(300_000)]
    {
        check_bounded(&read(format!("$A=b\n{line}\n")));
    }
}

fn check_bounded(loaded: &Loaded) {
    let text = render(&loaded.diagnostics, &loaded.sources, Format::Full { color: false });
    assert!(text.len() < 1_000_000, "{}", text.len());
}

#[test]
fn more_mistakes_than_are_kept_are_counted() {
    let loaded = read("bogus\n".repeat(15_000) + "virtual_server nowhere 80 {\n}\n");
    assert_eq!(loaded.diagnostics.total(), 15_001);
    assert!(loaded.diagnostics.iter().count() < 15_001);
    assert_eq!(loaded.diagnostics.count(Severity::Error), 1);
    let text = render(&loaded.diagnostics, &loaded.sources, Format::Full { color: false });
    assert!(text.contains("error[bad-address]") && text.contains("more"));
}

#[test]
fn includes_have_limits() {
    let files = MemoryFiles::default()
        .with(FILE, "include a.conf\ninclude dir\ninclude run.sh\nincluder dir\n")
        .with("/etc/a.conf", "include b.conf\n")
        .with("/etc/b.conf", "include a.conf\n")
        .with_kind("/etc/dir", FileKind::Other)
        .with_kind("/etc/run.sh", FileKind::Executable);
    let loaded = load(&files, Path::new(FILE), &Options::default());
    let told = rules(&loaded);
    assert_eq!(told.iter().filter(|&&rule| rule == Rule::SkippedFile).count(), 3);
    assert!(told.contains(&Rule::IncludeCycle));
    assert_eq!(loaded.diagnostics.count(Severity::Error), 2);

    let chain = (0..100).fold(MemoryFiles::default().with(FILE, "include 0\n"), |files, number| {
        files.with(format!("/etc/{number}"), format!("include {}\n", number + 1))
    });
    let loaded = load(&chain, Path::new(FILE), &Options::default());
    assert!(rules(&loaded).contains(&Rule::IncludeLimit));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_a_place() {
    let loaded = load(&MemoryFiles::default(), Path::new(FILE), &Options::default());
    assert!(!loaded.readable() && loaded.config.is_none());
    assert_eq!(rules(&loaded), [Rule::UnreadableFile]);
    assert!(
        render(&loaded.diagnostics, &loaded.sources, Format::Concise)
            .starts_with("/etc/lvsd.conf:1:1: error")
    );
}

#[test]
fn a_pattern_reads_every_file_that_matches() {
    let files = MemoryFiles::default()
        .with("/etc/a.conf", "global_defs {\nrouter_id one\n}\n")
        .with("/etc/b.conf", "instance two\n");
    let loaded = load(&files, Path::new("/etc/*.conf"), &Options::default());
    let globals = loaded.config.expect("no error").globals;
    assert_eq!((globals.router_id.as_deref(), globals.instance.as_deref()), (Some("one"), Some("two")));
}

#[test]
fn each_file_has_places_of_its_own() {
    let files = MemoryFiles::default().with(FILE, "include x\nbogus\n").with("/etc/x", "\nworse\n");
    let loaded = load(&files, Path::new(FILE), &Options::default());
    let text = render(&loaded.diagnostics, &loaded.sources, Format::Concise);
    assert!(text.contains("/etc/lvsd.conf:2:1") && text.contains("/etc/x:2:1"), "{text}");
}

#[test]
fn many_files_in_one_directory_are_no_depth() {
    let files = (0..500).fold(MemoryFiles::default(), |files, number| {
        let text = format!("$N{number}= \\\n  bogus{number} \\\n\ninclude /etc/leaf\n$N{number}\n");
        files.with(format!("/etc/d/{number:03}.conf"), text)
    });
    let files = files.with(FILE, "include d/*.conf\n").with("/etc/leaf", "worse\n");
    let loaded = load(&files, Path::new(FILE), &Options::default());
    assert!(rules(&loaded).iter().all(|&rule| rule == Rule::UnknownKeyword), "{:?}", rules(&loaded));
    // 500 different keywords, and one that is read 500 times.
    assert_eq!(loaded.diagnostics.total(), 1000);
    let last =
        loaded.diagnostics.iter().last().map(|diagnostic| loaded.sources.name(diagnostic.primary.span));
    assert!(last.is_some_and(|name| name == "/etc/leaf" || name == "/etc/d/499.conf"));
}

#[test]
fn files_that_include_each_other_often_are_stopped() {
    // Twenty files that each include the next one twice: a million, if nobody counts.
    let files = (0..20).fold(MemoryFiles::default().with(FILE, "include 0\n"), |files, number| {
        let next = number + 1;
        files.with(format!("/etc/{number}"), format!("include {next}\ninclude {next}\n"))
    });
    let loaded = load(&files, Path::new(FILE), &Options::default());
    assert!(rules(&loaded).contains(&Rule::IncludeLimit));
}
