//! Every file of `resources/valid` has a snapshot of its model and no diagnostic above a hint; every file of
//! `resources/invalid` has one of everything that is said about it, and both kinds are read from the repository.

use std::path::{Path, PathBuf};

use lvsd_config::{Format, Loaded, Options, Severity, SystemFiles, load, render};

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn configurations(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the directory exists");
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            found.extend(configurations(&path));
        } else if path.extension().is_some_and(|extension| extension == "conf") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> Loaded {
    load(&SystemFiles, path, &Options::default())
}

/// What is said, with paths relative to the crate.
fn said(loaded: &Loaded, format: Format) -> String {
    let prefix = format!("{}/", crate_dir().join("resources").display());
    render(&loaded.diagnostics, &loaded.sources, format).replace(&prefix, "")
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

#[test]
fn valid_files_mean_what_their_snapshot_says() {
    for path in configurations(&crate_dir().join("resources/valid")) {
        let loaded = read(&path);
        assert!(loaded.diagnostics.worst() <= Some(Severity::Hint), "{}", said(&loaded, Format::Concise));
        insta::assert_json_snapshot!(
            format!("valid-{}", name(&path)),
            loaded.config.expect("no error, so a model")
        );
    }
}

#[test]
fn invalid_files_are_explained_as_their_snapshot_says() {
    for path in configurations(&crate_dir().join("resources/invalid")) {
        let loaded = read(&path);
        assert!(loaded.diagnostics.worst() >= Some(Severity::Tolerated), "{}", path.display());
        assert_eq!(loaded.config.is_none(), loaded.diagnostics.count(Severity::Error) > 0);
        let full = said(&loaded, Format::Full { color: false });
        insta::assert_snapshot!(format!("invalid-{}", name(&path)), full);
    }
}

#[test]
fn one_line_and_json_renderings_tell_the_same() {
    let loaded = read(&crate_dir().join("resources/invalid/preprocessor.conf"));
    insta::assert_snapshot!("concise-preprocessor", said(&loaded, Format::Concise));
    insta::assert_snapshot!("json-preprocessor", said(&loaded, Format::Json));
}

#[test]
fn samples_are_clean() {
    let directory = crate_dir().join("../../conf");
    let samples = configurations(&directory);
    assert!(samples.len() >= 10);
    for path in samples {
        for id in ["", "b"] {
            let options = Options { config_id: id.to_owned(), ..Options::default() };
            let loaded = load(&SystemFiles, &path, &options);
            assert!(loaded.diagnostics.worst() <= Some(Severity::Hint), "{}", said(&loaded, Format::Concise));
            assert!(loaded.config.is_some());
        }
    }
}

/// Configurations found in the field, when they are at hand: none may be refused that keepalived finds clean.
#[test]
fn configurations_of_the_field_load() {
    let directory = crate_dir().join("../../../shared/corpus/wild");
    let Ok(index) = std::fs::read_to_string(directory.join("index.tsv")) else { return };
    for line in index.lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        let loaded = read(&directory.join(fields[0]));
        let clean = fields[2] == "0" && fields[4] == "0";
        if clean {
            assert_eq!(loaded.diagnostics.count(Severity::Error), 0, "{}", said(&loaded, Format::Concise));
        }
    }
}
