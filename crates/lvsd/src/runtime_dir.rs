//! The directory for what must not outlive a boot: pid files and the children's journals.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use lvsd_model::Globals;
use nix::unistd::Uid;

/// The variable that overrides it.
pub(crate) const VARIABLE: &str = "LVSD_RUNTIME_DIR";
const DEFAULT: &str = "/run/lvsd";

/// Where it is: as the environment says, else below `/run`, apart for each `net_namespace` and `instance`.
pub(crate) fn path(globals: &Globals) -> PathBuf {
    if let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from).filter(|path| path.is_absolute()) {
        return path;
    }
    path_by_name(globals)
}

fn path_by_name(globals: &Globals) -> PathBuf {
    let names: Vec<String> = [&globals.net_namespace, &globals.instance]
        .into_iter()
        .flatten()
        .map(|name| name.replace('/', "_"))
        .filter(|name| !name.starts_with('.'))
        .collect();
    let base = Path::new(DEFAULT);
    if names.is_empty() { base.to_owned() } else { base.join(names.join("_")) }
}

/// Makes it, if need be. What is in it is believed, so it must not be in the hands of somebody else.
pub(crate) fn ensure(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path)?;
    let found = std::fs::metadata(path)?;
    let ours = [0, Uid::effective().as_raw()].contains(&found.uid());
    if ours && found.mode() & 0o002 == 0 {
        Ok(())
    } else {
        let text =
            format!("owner uid {}, mode {:04o}: others can write to it", found.uid(), found.mode() & 0o7777);
        Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn names_keep_daemons_apart() {
        let named = |net_namespace: Option<&str>, instance: Option<&str>| {
            path_by_name(&Globals {
                net_namespace: net_namespace.map(str::to_owned),
                instance: instance.map(str::to_owned),
                ..Globals::default()
            })
        };
        assert_eq!(named(None, None), Path::new("/run/lvsd"));
        assert_eq!(named(None, Some("a")), Path::new("/run/lvsd/a"));
        assert_eq!(named(Some("blue"), Some("a")), Path::new("/run/lvsd/blue_a"));
        assert_eq!(named(None, Some("../../etc")), Path::new("/run/lvsd"));
        assert_eq!(named(None, Some("a/b")), Path::new("/run/lvsd/a_b"));
    }

    #[test]
    fn a_directory_that_anybody_can_write_to_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("deep/er");
        ensure(&path).expect("made");
        ensure(&path).expect("there");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("ours");
        assert_eq!(ensure(&path).expect_err("unsafe").kind(), io::ErrorKind::PermissionDenied);
    }
}
