//! Every keyword of the language is in the table, some fixture uses it, and what the table says about its limits is true.
//! `facts/keywords.tsv` has the blocks and names that keepalived 2.4.3 has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lvsd_config::keywords::grammar::{Slot, slots};
use lvsd_config::keywords::{Context, Row, SECTIONS, Shape, State};
use lvsd_config::steps::keywords_used;
use lvsd_config::{Format, MemoryFiles, Options, Rule, Severity, SystemFiles, load, render};

const FACTS: &str = include_str!("facts/keywords.tsv");

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("resources/keywords")
}

fn options() -> Options {
    let environment = vec![("HOME".to_owned(), "/root".to_owned())];
    Options { config_id: "a".to_owned(), environment, ..Options::default() }
}

fn fixtures() -> Vec<PathBuf> {
    let names = ["globals", "lvs", "preprocessor", "routing", "vrrp"];
    names.into_iter().map(|name| directory().join(name).with_extension("conf")).collect()
}

fn facts() -> impl Iterator<Item = (&'static str, &'static str)> {
    FACTS.lines().map(|line| line.split_once('\t').expect("a block and a keyword"))
}

#[test]
fn the_table_has_every_keyword() {
    let table: BTreeSet<(&str, &str)> = SECTIONS
        .iter()
        .flat_map(|section| section.rows.iter().map(|row| (section.context.path(), row.name)))
        .collect();
    let missing: Vec<_> = facts().filter(|fact| !table.contains(fact)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    assert_eq!(facts().count(), 656);
}

#[test]
fn some_fixture_uses_every_keyword() {
    let used: BTreeSet<_> =
        fixtures().iter().flat_map(|path| keywords_used(&SystemFiles, path, &options())).collect();
    let missing: Vec<_> =
        facts().filter(|&(block, name)| !used.contains(&(block, name.to_owned()))).collect();
    assert!(missing.is_empty(), "no fixture uses {missing:?}");
}

#[test]
fn uses_of_keywords_mean_what_their_snapshot_says() {
    for path in fixtures() {
        let loaded = load(&SystemFiles, &path, &options());
        let said = render(&loaded.diagnostics, &loaded.sources, Format::Concise);
        let prefix = format!("{}/", directory().display());
        let said = said.replace(&prefix, "");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert_eq!(loaded.diagnostics.count(Severity::Error), 0, "{said}");
        let model =
            serde_json::to_string_pretty(&loaded.config.expect("no error, so a model")).expect("data");
        insta::assert_snapshot!(format!("keywords-{name}"), model.replace(&prefix, ""));
        insta::assert_snapshot!(format!("keywords-{name}-said"), said);
    }
}

/// What opens the blocks around a context; as many closing braces follow.
fn around(context: Context) -> Option<String> {
    let server = "virtual_server 192.0.2.1 80 {\nreal_server 10.0.0.1 80 {";
    Some(match context {
        Context::Root => String::new(),
        Context::GlobalDefs | Context::GarpGroup | Context::Ssl => format!("{} {{", context.path()),
        Context::Instance
        | Context::SyncGroup
        | Context::VrrpScript
        | Context::TrackFile
        | Context::VrrpTrackFile
        | Context::TrackProcess
        | Context::BfdInstance => format!("{} name {{", context.path()),
        Context::VirtualServer => "virtual_server 192.0.2.1 80 {".to_owned(),
        Context::RealServer => server.to_owned(),
        Context::AddressLine | Context::RouteLine | Context::RuleLine => return None,
        other => {
            let inner = other.path().strip_prefix("virtual_server/real_server/")?;
            inner.split('/').fold(server.to_owned(), |text, block| format!("{text}\n{block} {{"))
        }
    })
}

/// Words that are one beyond what the notation of a row allows.
fn beyond(row: &Row) -> Vec<String> {
    if row.shape != Shape::Words || !row.args.contains("..") {
        return Vec::new();
    }
    let open = i64::from(u32::MAX);
    match slots(row.args).first() {
        Some(Slot::Number(range)) => {
            let above = (*range.end() < open).then(|| range.end() + 1);
            [Some(range.start() - 1), above].into_iter().flatten().map(|number| number.to_string()).collect()
        }
        Some(Slot::Seconds(range)) => vec![format!("{}", range.end().as_secs() + 1)],
        _ => Vec::new(),
    }
}

#[test]
fn what_is_beyond_a_limit_is_told() {
    let mut failures = Vec::new();
    let mut tried = 0;
    for section in SECTIONS {
        let Some(open) = around(section.context) else { continue };
        let close = "\n}".repeat(open.matches('{').count());
        let acted_on = |row: &&Row| matches!(row.state, State::Works | State::Pending);
        for row in section.rows.iter().filter(acted_on) {
            for word in beyond(row) {
                tried += 1;
                let text = format!("{open}\n{} {word}{close}\n", row.name);
                let files = MemoryFiles::default().with("/test.conf", text.as_str());
                let loaded = load(&files, Path::new("/test.conf"), &Options::default());
                let at = text.lines().count() - close.matches('}').count();
                let told = loaded.diagnostics.iter().any(|it| {
                    let line = loaded.sources.line_column(it.primary.span).line;
                    line == at && matches!(it.rule, Rule::OutOfRange | Rule::BadNumber)
                });
                if !told {
                    failures.push(format!("{} {} {word}", section.context.path(), row.name));
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
    assert!(failures.is_empty(), "nothing is said about\n{}", failures.join("\n"));
}
