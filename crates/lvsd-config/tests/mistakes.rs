//! The commonest mistakes of administrators: each is found, on the line where it was made, and nothing else is said about
//! the lines around it.

use std::collections::BTreeSet;
use std::path::Path;

use lvsd_config::{Format, MemoryFiles, Options, Severity, load, render};

const TABLE: &str = include_str!("../resources/mistakes.txt");
const MARK: &str = "# <- ";
const FILE: &str = "/etc/lvsd/lvsd.conf";

/// What is around a mistake, so that the table can be short.
fn framed(frame: &str, text: &str) -> String {
    match frame {
        "in instance" => format!(
            "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {{ 192.0.2.1/24 }}\n{text}}}\n"
        ),
        "in service" => {
            format!("virtual_server 192.0.2.1 80 {{\nprotocol TCP\nreal_server 10.0.0.1 80 {{ }}\n{text}}}\n")
        }
        "in server" => {
            format!(
                "virtual_server 192.0.2.1 80 {{\nprotocol TCP\nreal_server 10.0.0.1 80 {{\n{text}}}\n}}\n"
            )
        }
        _ => text.to_owned(),
    }
}

/// The kinds with their files.
fn mistakes() -> Vec<(&'static str, String)> {
    let entries = TABLE.split("\n==== ").skip(1);
    entries
        .map(|entry| {
            let (kind, text) = entry.split_once('\n').expect("a kind has text");
            let frame = kind.rsplit_once(", ").map_or("", |(_, frame)| frame);
            (kind, framed(frame, &format!("{}\n", text.trim_end_matches('\n'))))
        })
        .collect()
}

/// Line and id of everything that is expected.
fn expected(text: &str) -> BTreeSet<(usize, String)> {
    let lines = text.lines().enumerate();
    let marked = lines.filter_map(|(index, line)| Some((index + 1, line.split_once(MARK)?.1)));
    marked.flat_map(|(line, ids)| ids.split(' ').map(move |id| (line, id.to_owned()))).collect()
}

#[test]
fn each_is_found_on_its_line() {
    let mistakes = mistakes();
    let kinds: BTreeSet<_> = mistakes.iter().map(|(kind, _)| kind).collect();
    assert!(kinds.len() >= 90 && kinds.len() == mistakes.len(), "{} kinds", kinds.len());
    let mut failures = Vec::new();
    for (kind, text) in &mistakes {
        let loaded =
            load(&MemoryFiles::default().with(FILE, text.as_str()), Path::new(FILE), &Options::default());
        let found: BTreeSet<_> = loaded
            .diagnostics
            .iter()
            .map(|it| (loaded.sources.line_column(it.primary.span).line, it.rule.id().to_owned()))
            .collect();
        let wanted = expected(text);
        let beside = loaded.diagnostics.iter().filter(|it| it.severity > Severity::Hint).any(|it| {
            let line = loaded.sources.line_column(it.primary.span).line;
            wanted.iter().all(|(marked, _)| *marked != line)
        });
        if wanted.is_empty() || !found.is_superset(&wanted) || beside {
            let said = render(&loaded.diagnostics, &loaded.sources, Format::Concise);
            failures.push(format!("{kind}: wanted {wanted:?}\n{said}{text}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
