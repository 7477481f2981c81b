//! `lvsctl check`: the daemon's own check, for several files.

use std::ffi::OsString;
use std::path::Path;

use crate::Status;
use crate::cli::Check;

/// From the best to the worst.
const ORDER: [u8; 5] = [0, 5, 4, 6, 1];

/// Checks each file; the findings go where the daemon's check writes them.
pub(crate) fn check(wanted: &Check) -> Status {
    let statuses = wanted.files.iter().map(|file| lvsd::check(words(wanted, file)));
    Status(worst(statuses))
}

/// The daemon's command line for one file.
fn words(wanted: &Check, file: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["--config-test".into(), "--use-file".into(), file.into()];
    words.extend(["--format".into(), wanted.format.name().into()]);
    if wanted.strict {
        words.push("--strict".into());
    }
    if wanted.all_config {
        words.push("--all-config".into());
    }
    if let Some(id) = &wanted.config_id {
        words.extend(["--config-id".into(), id.into()]);
    }
    words
}

fn worst(statuses: impl Iterator<Item = u8>) -> u8 {
    let badness = |status: &u8| ORDER.iter().position(|known| known == status).unwrap_or(ORDER.len());
    statuses.max_by_key(badness).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_file_decides() {
        assert_eq!(worst([0, 5, 0].into_iter()), 5);
        assert_eq!(worst([5, 4, 5].into_iter()), 4);
        assert_eq!(worst([4, 6, 0].into_iter()), 6);
        assert_eq!(worst([0, 0].into_iter()), 0);
    }
}
