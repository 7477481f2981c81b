//! What README.md shows is tried: its configuration, and its check of a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate of the workspace").to_owned()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md")
}

/// The text between a fence that opens with `language` and the next one.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let mut parts = text.split("```");
    parts.next();
    parts.step_by(2).filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

fn check(file: &Path) -> Output {
    let lvsd = lvsd_lab::built("lvsd").expect("lvsd is built");
    Command::new(lvsd).arg("-t").arg("-f").arg(file).current_dir(root()).output().expect("lvsd runs")
}

/// Status 5 is what a check gives for names that only this host lacks, such as its interfaces.
fn runs_somewhere(output: &Output) -> bool {
    matches!(output.status.code(), Some(0 | 5))
}

#[test]
fn the_first_configuration_has_no_mistake_of_its_own() {
    let text = readme();
    let configuration = blocks(&text, "").into_iter().find(|block| block.contains("vrrp_instance"));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("lvsd.conf");
    fs::write(&file, configuration.expect("README.md shows a configuration")).expect("it can be written");
    let output = check(&file);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(runs_somewhere(&output), "{said}");
    let other = said.lines().filter(|line| line.contains("warning[") || line.contains("error["));
    let other: Vec<&str> = other.filter(|line| !line.contains("interface")).collect();
    assert!(other.is_empty(), "{said}");
}

#[test]
fn the_commands_name_files_that_pass_the_check() {
    let text = readme();
    let lines = blocks(&text, "sh").join("\n");
    let files: Vec<PathBuf> = lines
        .lines()
        .filter_map(|line| line.strip_prefix("lvsd ")?.split_once("-f ").map(|(_, file)| root().join(file)))
        .collect();
    assert!(!files.is_empty(), "README.md shows how to check a file");
    for file in files {
        let output = check(&file);
        assert!(runs_somewhere(&output), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }
}
