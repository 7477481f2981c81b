//! The ledgers of `docs/rfc`: every row has a test that exists, or says that there is a gap.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate of the workspace").to_owned()
}

/// Names of functions that follow `#[test]` in the files that git knows.
fn tests() -> BTreeSet<String> {
    let output = Command::new("git").args(["ls-files", "-z", "*.rs"]).current_dir(root()).output();
    let names = String::from_utf8(output.expect("git runs").stdout).expect("file names are UTF-8");
    let mut tests = BTreeSet::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let Ok(text) = fs::read_to_string(root().join(name)) else { continue };
        for part in text.split("#[test]").skip(1) {
            let function = part.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            tests.extend(function.map(str::to_owned));
        }
    }
    tests
}

/// The rows of a ledger: section, requirement, what shows it.
fn rows(text: &str) -> Vec<[&str; 3]> {
    let cells = |line| str::trim_matches(line, '|').split('|').map(str::trim).collect::<Vec<_>>();
    let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|line| cells(line).try_into().unwrap_or_else(|_| panic!("not three cells: {line}"))).collect()
}

/// Words in backquotes that look like the name of a test and are no keyword of ours.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    let words = cell.split('`').skip(1).step_by(2);
    words.filter(|word| word.matches('_').count() > 2)
}

#[test]
fn what_the_ledgers_name_exists() {
    let tests = tests();
    assert!(tests.len() > 500, "{}", tests.len());
    for ledger in ["9568.md", "3768.md"] {
        let text = fs::read_to_string(root().join("docs/rfc").join(ledger)).expect("the ledger is there");
        let rows = rows(&text);
        assert!(rows.len() > 20, "{ledger}: {}", rows.len());
        for [section, requirement, shown] in rows {
            for name in named(shown) {
                assert!(tests.contains(name), "{ledger} {section}: there is no test {name}");
            }
            let says = named(shown).next().is_some() || shown.starts_with("gap");
            assert!(says, "{ledger} {section}: {requirement}: neither a test nor a gap");
        }
    }
}
