//! `FILE_CHECK`: a number that an administrator, or a program of his, has written.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use lvsd_health::{Cause, Outcome};
use lvsd_model::{FileCheck, Weight};
use tokio::time::timeout;

/// A number with its sign and some blanks; what is longer is none.
const MAX_LEN: u64 = 64;

/// How long a file system may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(check: &FileCheck) -> Outcome {
    let path = check.path.clone();
    let skipped = |reason: String| Outcome::Skipped { reason };
    match timeout(PATIENCE, tokio::task::spawn_blocking(move || read(&path))).await {
        Ok(Ok(Ok(value))) => outcome(check, value),
        Ok(Ok(Err(error))) => skipped(format!("{}: {error}", check.path)),
        Ok(Err(error)) => skipped(error.to_string()),
        Err(_) => skipped(format!("{} cannot be read in time", check.path)),
    }
}

/// The number in a file; one that is not there, or holds something else, counts as 0.
fn read(path: &str) -> io::Result<i64> {
    // A FIFO must not keep the thread waiting.
    let file = match OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut text = Vec::new();
    file.take(MAX_LEN).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.trim().parse::<i32>().map_or(0, i64::from))
}

fn outcome(check: &FileCheck, value: i64) -> Outcome {
    let sum = value.saturating_mul(check.factor);
    if check.factor == 0 && value != 0 || sum <= i64::from(i32::MIN) {
        return Outcome::failure(Cause::Content, format!("the number in the file is {value}"));
    }
    let weight = (i64::from(check.base.get()) + sum).clamp(0, i64::from(i32::MAX));
    let weight = u32::try_from(weight).ok().and_then(|weight| Weight::new(weight).ok());
    Outcome::Success { weight: weight.filter(|_| check.factor != 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, factor: i64) -> FileCheck {
        FileCheck { name: "f".into(), path: path.into(), base: Weight::new(10).expect("small"), factor }
    }

    fn weight(weight: u32) -> Outcome {
        Outcome::Success { weight: Weight::new(weight).ok() }
    }

    #[test]
    fn the_number_times_the_factor_is_added() {
        for (value, factor, expected) in
            [(0, 1, 10), (5, 1, 15), (-3, 1, 7), (-30, 1, 0), (5, -2, 0), (2_147_483_647, 1, 2_147_483_647)]
        {
            assert_eq!(outcome(&check("", factor), value), weight(expected), "{value} {factor}");
        }
        assert!(matches!(outcome(&check("", 1), i64::from(i32::MIN)), Outcome::Failure(_)));
    }

    #[test]
    fn without_a_factor_only_zero_will_do() {
        assert_eq!(outcome(&check("", 0), 0), Outcome::SUCCESS);
        for value in [1, -1] {
            let failure = Outcome::failure(Cause::Content, format!("the number in the file is {value}"));
            assert_eq!(outcome(&check("", 0), value), failure);
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("file");
        let read = || read(path.to_str().expect("UTF-8")).expect("readable");
        assert_eq!(read(), 0, "not there");
        for (text, value) in [("7\n", 7), (" -12 ", -12), ("", 0), ("x", 0), ("99999999999", 0)] {
            std::fs::write(&path, text).expect("writable");
            assert_eq!(read(), value, "{text:?}");
        }
        std::fs::write(&path, "1".repeat(1 << 20)).expect("writable");
        assert_eq!(read(), 0);
    }
}
