//! Rows of a matrix, at the same time: each mostly waits for its timers.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    thread,
};

/// Runs `test` on every row, a few at the same time.
///
/// # Panics
/// A row failed. All others were run too; each failure has been shown with the name of its row.
#[track_caller]
pub fn in_parallel<R: Display + Send + Sync>(rows: Vec<R>, width: usize, test: impl Fn(&R) + Sync) {
    let left = Mutex::new(rows.into_iter());
    let next = || left.lock().ok()?.next();
    let failed: Mutex<Vec<String>> = Mutex::default();
    let worker = || {
        while let Some(row) = next() {
            let name = row.to_string();
            let run = thread::scope(|scope| {
                let named = thread::Builder::new().name(name.clone());
                named.spawn_scoped(scope, || test(&row)).map(thread::ScopedJoinHandle::join)
            });
            if !matches!(run, Ok(Ok(()))) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(name);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(worker);
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    assert!(failed.is_empty(), "failed: {failed:#?}");
}
