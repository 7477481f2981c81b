//! The keyword table itself, and that every row means what its state says.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use lvsd_config::keywords::{Context, Lines, Row, SECTIONS, Shape, State, lookup};
use lvsd_config::{Loaded, MemoryFiles, Options, Rule, load};

fn read(text: &str) -> Loaded {
    load(&MemoryFiles::default().with("/test.conf", text), Path::new("/test.conf"), &Options::default())
}

/// What opens the blocks around a context, and what closes them.
fn around(context: Context) -> Option<(String, String)> {
    let open = match context {
        Context::Root => String::new(),
        Context::GlobalDefs => "global_defs {".to_owned(),
        Context::Instance | Context::SyncGroup | Context::VrrpScript | Context::VirtualServer => {
            let name = if context == Context::VirtualServer { "192.0.2.1 80" } else { "name" };
            format!("{} {name} {{", context.path())
        }
        Context::Authentication => "vrrp_instance name {\nauthentication {".to_owned(),
        Context::RealServer => "virtual_server 192.0.2.1 80 {\nreal_server 10.0.0.1 80 {".to_owned(),
        Context::HttpGet
        | Context::SslGet
        | Context::TcpCheck
        | Context::MiscCheck
        | Context::PingCheck
        | Context::UdpCheck
        | Context::SmtpCheck
        | Context::DnsCheck => {
            let (_, check) = context.path().rsplit_once('/')?;
            format!("virtual_server 192.0.2.1 80 {{\nreal_server 10.0.0.1 80 {{\n{check} {{")
        }
        Context::HttpUrl | Context::SslUrl => {
            let check = if context == Context::HttpUrl { "HTTP_GET" } else { "SSL_GET" };
            format!("virtual_server 192.0.2.1 80 {{\nreal_server 10.0.0.1 80 {{\n{check} {{\nurl {{")
        }
        Context::SmtpHost => {
            "virtual_server 192.0.2.1 80 {\nreal_server 10.0.0.1 80 {\nSMTP_CHECK {\nhost {".to_owned()
        }
        _ => return None,
    };
    let close = "\n}".repeat(open.matches('{').count());
    Some((open, close))
}

/// A use of a keyword with as many words as it needs at least.
fn usage(row: &Row) -> String {
    let words = " 1".repeat(usize::from(row.min_words));
    match row.shape {
        Shape::Block(_) => format!("{}{words} {{\n}}", row.name),
        Shape::Lines(_) => format!("{}{words} {{\nentry\n}}", row.name),
        Shape::Words | Shape::Script => format!("{}{words}", row.name),
    }
}

#[test]
fn rows_are_unique_and_as_many_as_the_language_has() {
    let mut seen = HashSet::new();
    let mut own = 0;
    for section in SECTIONS {
        for row in section.rows {
            assert!(
                seen.insert((section.context, row.name)),
                "{} {} twice",
                section.context.path(),
                row.name
            );
            assert!(row.min_words <= row.max_words, "{}", row.name);
            assert!(!row.meaning.is_empty() && !row.meaning.ends_with('.'), "{}", row.name);
            own += usize::from(row.meaning.ends_with("only in lvsd"));
        }
    }
    // 656 rows of keepalived 2.4.3, and our own.
    assert_eq!(seen.len() - own, 656);
    assert_eq!(own, 15);
}

#[test]
fn every_state_says_what_happens() {
    let mut counts = BTreeMap::new();
    for section in SECTIONS {
        let Some((open, close)) = around(section.context) else { continue };
        for row in section.rows {
            *counts.entry(row.state.name()).or_insert(0) += 1;
            let loaded = read(&format!("{open}\n{}{close}\n", usage(row)));
            let told = |rule| {
                let name = format!("`{}`", row.name);
                let mut list = loaded.diagnostics.iter();
                list.any(|diagnostic| diagnostic.rule == rule && diagnostic.message.contains(&name))
            };
            let place = format!("{} {}", section.context.path(), row.name);
            assert_eq!(told(Rule::NoEffectYet), row.state == State::Pending, "{place}");
            assert_eq!(told(Rule::NoEffect), matches!(row.state, State::NoEffect(_)), "{place}");
            assert_eq!(told(Rule::DeprecatedKeyword), row.deprecated.is_some(), "{place}");
            assert!(!told(Rule::UnknownKeyword) && !told(Rule::MisplacedKeyword), "{place}");
        }
    }
    // Nothing is left to be built; a keyword that begins as pending is counted here.
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["accepted, no effect here", "works"]);
}

#[test]
fn a_word_too_few_and_a_word_too_many_are_told() {
    for section in SECTIONS {
        let Some((open, close)) = around(section.context) else { continue };
        for row in section.rows.iter().filter(|row| row.state == State::Works && row.shape != Shape::Script) {
            let rules = |count: usize| {
                let words = " 1".repeat(count);
                let body = if row.takes_block() { " {\n}" } else { "" };
                let loaded = read(&format!("{open}\n{}{words}{body}{close}\n", row.name));
                loaded.diagnostics.iter().map(|diagnostic| diagnostic.rule).collect::<HashSet<_>>()
            };
            let place = format!("{} {}", section.context.path(), row.name);
            if let Some(few) = usize::from(row.min_words).checked_sub(1) {
                assert!(rules(few).contains(&Rule::MissingArgument), "{place}");
            }
            if row.max_words < u8::MAX {
                assert!(rules(usize::from(row.max_words) + 1).contains(&Rule::ExtraWord), "{place}");
            }
        }
    }
}

#[test]
fn every_block_that_a_row_opens_has_rows() {
    for row in SECTIONS.iter().flat_map(|section| section.rows) {
        let inner = match row.shape {
            Shape::Block(inner) => inner,
            Shape::Lines(Lines::Addresses) => Context::AddressLine,
            _ => continue,
        };
        assert!(
            SECTIONS.iter().any(|section| section.context == inner && !section.rows.is_empty()),
            "{}",
            row.name
        );
    }
    assert!(lookup(Context::Instance, "priority").is_some_and(|row| row.state == State::Works));
    assert!(lookup(Context::Root, "priority").is_none());
}
