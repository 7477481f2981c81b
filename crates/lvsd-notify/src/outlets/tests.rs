use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use lvsd_model::{Invocation, RunAs, Script};

use super::*;

/// How long a test waits for anything.
const SOON: Duration = Duration::from_secs(30);

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(SOON, future).await.expect("in time") })
}

fn plan(paths: &[&Path]) -> NoticePlan {
    let fifo = |path: &&Path| FifoConfig { path: path.to_path_buf(), owner: None, reader: None };
    NoticePlan { fifos: paths.iter().map(fifo).collect(), ..NoticePlan::default() }
}

fn reader(path: &Path) -> std::fs::File {
    let flags = nix::libc::O_NONBLOCK;
    std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).expect("there")
}

fn read(file: &mut std::fs::File) -> String {
    let mut text = Vec::new();
    // The end of what is there, or of all writers.
    let _ = file.read_to_end(&mut text);
    String::from_utf8(text).expect("text")
}

const LINE: Line<'_> = Line::State { subject: Subject::Instance("VI_1"), word: Word::Master, priority: 100 };
const TEXT: &str = "INSTANCE \"VI_1\" MASTER 100\n";

#[test]
fn a_reload_does_not_cut_a_reader_and_the_end_removes_what_we_made() {
    let home = tempfile::tempdir().expect("a directory");
    let (kept, dropped, notes) = (home.path().join("a"), home.path().join("b"), home.path().join("notes"));
    block_on(async {
        let mut outlets = Outlets::new();
        let policy = ScriptPolicy::default();
        assert!(outlets.apply(&plan(&[&dropped, &kept]), &policy, notes.clone()).is_empty());
        let mut listener = reader(&kept);
        outlets.line(LINE);
        assert!(outlets.apply(&plan(&[&kept]), &policy, notes.clone()).is_empty());
        assert!(!dropped.exists());
        outlets.line(LINE);
        assert_eq!(read(&mut listener), TEXT.repeat(2));
        let snapshot = outlets.snapshot();
        let fifos: Vec<_> = snapshot.fifos.iter().map(|fifo| (fifo.written, fifo.lost)).collect();
        assert_eq!(fifos, [(2, 0)], "counters stay with the FIFO");
        outlets.close(Instant::now() + SOON).await;
        assert!(!kept.exists() && !notes.exists());
        assert_eq!(listener.read(&mut [0; 8]).ok(), Some(0), "the reader sees the end");
    });
}

#[test]
fn one_that_somebody_removed_is_made_again_by_a_reload() {
    let home = tempfile::tempdir().expect("a directory");
    let (path, notes) = (home.path().join("a"), home.path().join("notes"));
    block_on(async {
        let mut outlets = Outlets::new();
        outlets.apply(&plan(&[&path]), &ScriptPolicy::default(), notes.clone());
        std::fs::remove_file(&path).expect("there");
        outlets.apply(&plan(&[&path]), &ScriptPolicy::default(), notes.clone());
        let mut listener = reader(&path);
        outlets.line(LINE);
        assert_eq!(read(&mut listener), TEXT);
    });
}

#[test]
fn what_a_killed_predecessor_made_is_ours_to_remove() {
    let home = tempfile::tempdir().expect("a directory");
    let (path, notes) = (home.path().join("a"), home.path().join("notes"));
    block_on(async {
        let mut killed = Outlets::new();
        killed.apply(&plan(&[&path]), &ScriptPolicy::default(), notes.clone());
        // Forgets everything without an end.
        drop(killed);
        assert!(path.exists());
        let mut next = Outlets::new();
        assert!(next.apply(&plan(&[&path]), &ScriptPolicy::default(), notes.clone()).is_empty());
        next.close(Instant::now() + SOON).await;
        assert!(!path.exists());
    });
}

#[test]
fn what_cannot_be_a_fifo_is_a_problem_and_its_lines_are_counted() {
    let home = tempfile::tempdir().expect("a directory");
    let (path, notes) = (home.path().join("a"), home.path().join("notes"));
    std::fs::write(&path, "precious").expect("written");
    block_on(async {
        let mut outlets = Outlets::new();
        let problems = outlets.apply(&plan(&[&path]), &ScriptPolicy::default(), notes.clone());
        assert!(matches!(problems.as_slice(), [one] if one.contains("is no FIFO")), "{problems:?}");
        outlets.line(LINE);
        assert_eq!(outlets.snapshot().fifos.first().map(|fifo| (fifo.written, fifo.lost)), Some((0, 1)));
        outlets.close(Instant::now() + SOON).await;
    });
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "precious");
}

#[test]
fn a_script_reads_every_line_before_it_is_ended() {
    let home = tempfile::tempdir().expect("a directory");
    let (path, notes, log) = (home.path().join("a"), home.path().join("notes"), home.path().join("log"));
    let program = home.path().join("reader.sh");
    let text = "#!/bin/sh\nwhile read -r line; do echo \"$line\" >> \"$1\"; done < \"$2\"\n";
    std::fs::write(&program, text).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("set");
    let words = [program.to_string_lossy().into_owned(), log.to_string_lossy().into_owned()];
    let user = User::from_uid(Uid::effective()).ok().flatten().expect("a user").name;
    let script = Script {
        source: words.join(" "),
        argv: words.to_vec(),
        invocation: Invocation::Exec,
        run_as: Some(RunAs { user, group: None }),
    };
    block_on(async {
        let mut outlets = Outlets::new();
        let mut plan = plan(&[&path]);
        plan.fifos.iter_mut().for_each(|fifo| fifo.reader = Some(script.clone()));
        let problems = outlets.apply(&plan, &ScriptPolicy::default(), notes.clone());
        assert!(problems.is_empty(), "{problems:?}");
        for _ in 0..100 {
            outlets.line(LINE);
        }
        outlets.close(Instant::now() + SOON).await;
        // It has taken all of them out of the FIFO, and may have been ended while it wrote down the last one.
        let written = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(written.starts_with(&TEXT.repeat(99)), "{}", written.len());
    });
}
