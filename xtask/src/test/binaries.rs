//! The test binaries and programs of the workspace, as Cargo tells of them.

use crate::{Failure, cargo};
use lvsd_lab::Program;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// Where the ignored tests of a binary run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// As root in namespaces of this machine.
    Host,
    /// In a kernel with IPVS.
    Guest,
}

/// A built test binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binary {
    /// Its package.
    pub(super) package: String,
    /// Its target: for unit tests the package's own name, with underscores if it is a library.
    pub(super) target: String,
    /// Where it was built.
    pub(super) path: PathBuf,
    /// The directory of its package, in which Cargo would run it.
    pub(super) directory: PathBuf,
}

impl Binary {
    pub(super) fn name(&self) -> String {
        let is_unit_tests = self.package == self.target.replace('_', "-");
        if is_unit_tests { self.package.clone() } else { format!("{}/{}", self.package, self.target) }
    }

    pub(super) fn place(&self) -> Place {
        let needs_ipvs = self.target.starts_with("ipvs_") || self.target.starts_with("kernel");
        if needs_ipvs { Place::Guest } else { Place::Host }
    }

    /// Names of its ignored tests that contain `filter`.
    pub(super) fn ignored_tests(&self, filter: &str) -> Vec<String> {
        let list = Program::new(&self.path).args(["--ignored", "--list", "--format", "terse"]);
        let list = list.directory(&self.directory).check().unwrap_or_default();
        let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
        names.filter(|name| name.contains(filter)).map(str::to_owned).collect()
    }
}

/// All that a build makes.
#[derive(Debug, Default)]
pub(super) struct Binaries {
    /// Test binaries, by package and target.
    pub(super) all: Vec<Binary>,
    /// The programs, by name.
    pub(super) programs: BTreeMap<String, PathBuf>,
    /// Is there a library among the packages? Only libraries have examples to test.
    pub(super) has_library: bool,
}

impl Binaries {
    /// Builds the programs and the tests of these packages; of the whole workspace if none is named.
    pub(super) fn build(packages: &[String]) -> Result<Self, Failure> {
        let mut binaries = Self::default();
        for words in [["build", "--bins"], ["test", "--no-run"]] {
            let messages = cargo::run(&[&words, selection(packages).as_slice()].concat())?;
            messages.iter().for_each(|message| binaries.note(message));
        }
        binaries.all.sort_by_key(Binary::name);
        Ok(binaries)
    }

    /// Takes what is of interest from one of Cargo's messages.
    fn note(&mut self, message: &Value) {
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        if text("/reason") != Some("compiler-artifact") {
            return;
        }
        let (Some(path), Some(target), Some(manifest)) =
            (text("/executable"), text("/target/name"), text("/manifest_path").map(PathBuf::from))
        else {
            return;
        };
        if message.pointer("/profile/test").and_then(Value::as_bool) != Some(true) {
            self.programs.insert(target.to_owned(), path.into());
            return;
        }
        self.has_library |= text("/target/kind/0") == Some("lib");
        let directory = manifest.parent().map(PathBuf::from).unwrap_or_default();
        // `path+file:///…/crates/ipvs#0.1.0` or `…#lvsd-e2e@0.1.0`.
        let id = text("/package_id").unwrap_or_default();
        let package =
            id.rsplit_once('#').and_then(|(_, name)| name.split_once('@')).map(|(name, _)| name.to_owned());
        let package =
            package.or_else(|| Some(directory.file_name()?.to_str()?.to_owned())).unwrap_or_default();
        self.all.push(Binary { package, target: target.to_owned(), path: path.into(), directory });
    }
}

/// Cargo's words for some packages, or for all if none is named.
pub(super) fn selection(packages: &[String]) -> Vec<&str> {
    if packages.is_empty() {
        return vec!["--workspace"];
    }
    packages.iter().flat_map(|package| ["--package", package]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn artifact(id: &str, target: &str, is_test: bool, executable: Option<&str>) -> Value {
        json!({
            "reason": "compiler-artifact", "package_id": id, "manifest_path": "/w/crates/lvsd-net/Cargo.toml",
            "target": { "name": target, "kind": [if target == "lvsd_net" { "lib" } else { "test" }] }, "profile": { "test": is_test }, "executable": executable,
        })
    }

    #[test]
    fn test_binaries_and_programs_are_told_apart() {
        let mut binaries = Binaries::default();
        binaries.note(&artifact(
            "path+file:///w/crates/lvsd-net#0.1.0",
            "lvsd_net",
            true,
            Some("/t/lvsd_net-1"),
        ));
        binaries.note(&artifact(
            "path+file:///w/tests#lvsd-e2e@0.1.0",
            "ipvs_lab",
            true,
            Some("/t/ipvs_lab-1"),
        ));
        binaries.note(&artifact("path+file:///w/crates/lvsd#0.1.0", "lvsd", false, Some("/t/lvsd")));
        binaries.note(&artifact("registry+x#libc@0.2.1", "libc", false, None));
        binaries.note(&json!({ "reason": "build-finished", "success": true }));
        assert!(binaries.has_library);
        let names: Vec<_> = binaries.all.iter().map(Binary::name).collect();
        assert_eq!(names, ["lvsd-net", "lvsd-e2e/ipvs_lab"]);
        let places: Vec<_> = binaries.all.iter().map(Binary::place).collect();
        assert_eq!(places, [Place::Host, Place::Guest]);
        assert_eq!(binaries.all[0].directory, PathBuf::from("/w/crates/lvsd-net"));
        assert_eq!(binaries.programs, BTreeMap::from([("lvsd".to_owned(), PathBuf::from("/t/lvsd"))]));
    }
}
