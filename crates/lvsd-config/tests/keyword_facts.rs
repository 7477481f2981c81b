//! Every keyword of the language is in the table, and some fixture uses it.
//! `facts/keywords.tsv` has the blocks and names that keepalived 2.4.3 has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lvsd_config::keywords::SECTIONS;
use lvsd_config::steps::keywords_used;
use lvsd_config::{Format, Options, Severity, SystemFiles, load, render};

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
