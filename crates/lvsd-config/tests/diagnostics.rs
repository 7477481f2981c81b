//! Every kind of diagnostic is explained, and the examples of its explanation are what they say: the wrong one has this
//! mistake on the marked line and no other, the right one has none.

use std::collections::BTreeSet;
use std::path::Path;

use lvsd_config::{
    Example, FileKind, Format, Found, Loaded, MemoryFiles, Options, Rule, explanations, load, render,
};

const FILE: &str = "/etc/lvsd/lvsd.conf";

/// What is beside the example.
fn files(example: &Example) -> MemoryFiles {
    let around = MemoryFiles::default()
        .with(FILE, example.bytes())
        .with("/etc/lvsd/servers.conf", "# nothing\n")
        .with_kind("/etc/lvsd/script.sh", FileKind::Executable)
        .with_unreadable("/etc/lvsd/secret.conf");
    (1..40)
        .fold(around, |files, level| {
            files.with(format!("/etc/lvsd/deep/{level}.conf"), format!("include {}.conf\n", level + 1))
        })
        .with("/etc/lvsd/deep/40.conf", "")
}

fn read(example: &Example) -> Loaded {
    load(&files(example), Path::new(FILE), &Options::default())
}

fn said(loaded: &Loaded) -> String {
    render(&loaded.diagnostics, &loaded.sources, Format::Full { color: false })
}

#[test]
fn every_rule_is_explained_once() {
    let mut left: BTreeSet<Rule> = Rule::ALL.iter().copied().collect();
    for explanation in explanations() {
        assert!(left.remove(&explanation.rule), "{:?} is explained twice", explanation.rule);
        assert!(explanation.why.ends_with(['.', ')']), "{:?}", explanation.rule);
        assert!(!explanation.severities.is_empty(), "{:?}", explanation.rule);
    }
    assert!(left.is_empty(), "not explained: {left:?}");
}

#[test]
fn wrong_examples_have_their_mistake_on_its_line_and_no_other() {
    for explanation in explanations().filter(|it| it.found == Found::InText) {
        let loaded = read(&explanation.wrong);
        let id = explanation.rule.id();
        // What is not built yet is no mistake of the example.
        let own = |rule| rule == explanation.rule || rule != Rule::NoEffectYet;
        let list = loaded.diagnostics.iter().filter(|it| own(it.rule));
        let found: Vec<_> = list.clone().map(|it| (it.rule, it.severity)).collect();
        assert_eq!(found, [(explanation.rule, explanation.severities[0])], "{id}:\n{}", said(&loaded));
        let line = list.map(|it| loaded.sources.line_column(it.primary.span).line).next();
        if let Some(marked) = explanation.wrong.marked_line() {
            assert_eq!(line, Some(marked), "{id}:\n{}", said(&loaded));
        }
        insta::assert_snapshot!(id, said(&loaded));
    }
}

#[test]
fn right_examples_are_right() {
    for explanation in explanations().filter(|it| it.found == Found::InText) {
        let loaded = read(&explanation.right);
        let mut rules = loaded.diagnostics.iter().map(|it| it.rule);
        assert!(rules.all(|rule| rule == Rule::NoEffectYet), "{}:\n{}", explanation.rule.id(), said(&loaded));
        assert!(loaded.config.is_some());
    }
}
