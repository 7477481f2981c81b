//! What holds for the whole tree: the arrows between crates, where `unsafe` may be, what the documents promise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Layers of ARCHITECTURE.md, from the bottom. A crate may depend on crates of lower layers only.
const LAYERS: &[&[&str]] = &[
    &["lvsd-model", "ipvs"],
    &["lvsd-net", "lvsd-bfd", "lvsd-vrrp", "lvsd-health", "lvsd-config"],
    &["lvsd-ipc", "lvsd-script"],
    &["lvsd-notify"],
    &["lvsd-director", "lvsd-checker", "lvsd-speaker"],
    &["lvsd"],
    &["lvsctl"],
];

/// Crates that do no I/O: what they must not depend on, directly or by others of ours.
const PURE: &[&str] = &["lvsd-model", "lvsd-bfd", "lvsd-vrrp", "lvsd-health"];
const IMPURE: &[&str] =
    &["tokio", "nix", "libc", "socket2", "netlink-proto", "rtnetlink", "hyper", "lvsd-net"];

/// For development only: no product crate may need them to be built.
const DEVELOPMENT: &[&str] = &["lvsd-lab", "xtask", "lvsd-e2e"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate of the workspace").to_owned()
}

/// The normal and build dependencies of each workspace crate, as `(name, features asked for)`.
fn dependencies() -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let needed = package["dependencies"].as_array().into_iter().flatten();
            let needed = needed.filter(|dependency| dependency["kind"] != "dev").map(|dependency| {
                let features = dependency["features"].as_array().into_iter().flatten().map(text).collect();
                (text(&dependency["name"]), features)
            });
            (text(&package["name"]), needed.collect())
        })
        .collect()
}

/// Files that git knows, so that build output and a neighbour's notes do not count.
fn tracked(suffix: &str) -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().expect("git runs");
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let files: Vec<PathBuf> =
        names.split('\0').filter(|name| name.ends_with(suffix)).map(|name| root().join(name)).collect();
    assert!(!files.is_empty(), "no {suffix} files");
    files.into_iter().filter(|file| file.exists()).collect()
}

#[test]
fn arrows_point_down() {
    let dependencies = dependencies();
    for (height, layer) in LAYERS.iter().enumerate() {
        let above: Vec<&str> = LAYERS[height..].concat();
        for name in *layer {
            for (dependency, _) in &dependencies[*name] {
                // Within a layer there are no arrows either.
                assert!(!above.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
                assert!(!DEVELOPMENT.contains(&dependency.as_str()), "{name} depends on {dependency}");
            }
        }
    }
}

#[test]
fn every_crate_has_a_layer_or_is_for_development() {
    let layers = LAYERS.concat();
    for name in dependencies().keys() {
        assert!(
            layers.contains(&name.as_str()) || DEVELOPMENT.contains(&name.as_str()),
            "{name} has no place"
        );
    }
}

#[test]
fn pure_crates_stay_pure() {
    let dependencies = dependencies();
    for name in PURE {
        for (dependency, features) in &dependencies[*name] {
            assert!(!IMPURE.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
            let client = dependency == "ipvs" && features.iter().any(|feature| feature == "client");
            assert!(!client, "{name} must not use the client of ipvs");
        }
    }
}

#[test]
fn unsafe_code_is_in_one_crate() {
    let allowed = root().join("crates/lvsd-net");
    // In two parts, so that this file is no exception.
    let block = concat!("unsafe", " {");
    for file in tracked(".rs").iter().filter(|file| !file.starts_with(&allowed)) {
        let text = fs::read_to_string(file).expect("a source file");
        assert!(!text.contains(block), "unsafe code in {}", file.display());
    }
}

#[test]
fn architecture_names_every_crate() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for name in dependencies().keys().filter(|name| *name != "lvsd-e2e") {
        assert!(page.contains(&format!("`{name}`")), "ARCHITECTURE.md does not know {name}");
    }
}

/// Every path in backticks of the documents exists, so that a newcomer is not sent to a place that has moved.
#[test]
fn documents_name_places_that_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).expect("a document");
        let quoted = text.split('`').skip(1).step_by(2).filter(|word| !word.contains(char::is_whitespace));
        let places = ["crates/", "xtask/", "tests/", "conf/", "contrib/", "man/", "docs/"];
        for place in quoted.filter(|word| places.iter().any(|prefix| word.starts_with(prefix))) {
            // A man page is named with its section: man/lvsd.8.
            assert!(root().join(place).exists(), "{document} names {place}, which does not exist");
        }
    }
}

#[test]
fn the_ci_script_runs_what_the_readme_promises() {
    let script = fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
    assert!(script.contains("cargo xtask ci"), "{script}");
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    for command in ["cargo xtask demo", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md lacks {command}");
    }
}

/// The manual pages are clean mdoc. That a page refers to one that this host does not have is no fault of the page.
#[test]
fn manual_pages_are_clean() {
    let pages = ["man/lvsd.8", "man/lvsctl.8", "man/lvsd.conf.5"];
    let output = Command::new("mandoc")
        .args(["-Tlint", "-Wstyle"])
        .args(pages)
        .current_dir(root())
        .output()
        .expect("mandoc runs; `cargo xtask setup` installs it");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let harmless = ["referenced manual not found", "outdated mandoc.db"];
    let faults: Vec<_> =
        text.lines().filter(|line| !harmless.iter().any(|known| line.contains(known))).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}
