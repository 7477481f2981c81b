//! Real scripts in temporary directories.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lvsd_model::{Invocation, ReadableFile, RunAs, Script, ScriptPolicy};
use nix::unistd::Uid;

use super::*;

/// Long enough that only a hang reaches it.
const DEADLINE: Duration = Duration::from_secs(20);

fn script(source: &str, invocation: Invocation) -> Script {
    let argv = source.split_whitespace().map(str::to_owned).collect();
    Script { source: source.to_owned(), argv, invocation, run_as: None }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("a writable directory");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("our own file");
}

/// A directory that is safe by the rules up to here: /tmp is sticky, and this one is ours alone.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    directory
}

fn enforcing(user: Option<&str>) -> Runner {
    let default_user = user.map(|user| RunAs { user: user.to_owned(), group: None });
    Runner::new(ScriptPolicy { default_user, enforce_security: true, ..ScriptPolicy::default() })
}

fn daemon_user() -> String {
    nix::unistd::User::from_uid(Uid::effective()).expect("answers").expect("exists").name
}

fn lenient() -> Runner {
    Runner::new(ScriptPolicy {
        default_user: Some(RunAs { user: daemon_user(), group: None }),
        ..ScriptPolicy::default()
    })
}

async fn run(prepared: &Prepared, extra: &[&str], limit: Option<Duration>) -> Outcome {
    let extra: Vec<String> = extra.iter().map(|&word| word.to_owned()).collect();
    tokio::time::timeout(DEADLINE, prepared.run(&extra, limit)).await.expect("ends")
}

async fn appears(path: &Path) -> String {
    let reading = async {
        loop {
            match fs::read_to_string(path) {
                Ok(text) if text.ends_with('\n') => return text,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the file appears")
}

#[tokio::test]
async fn exit_status_signal_and_arguments_arrive() {
    let directory = directory();
    let (file, seen) = (directory.path().join("s.sh"), directory.path().join("seen"));
    write(&file, &format!("#!/bin/sh\necho \"$0 $# $1 $4\" >{}\nexit 7\n", seen.display()), 0o755);
    let prepared =
        lenient().prepare(&script(&format!("{} own", file.display()), Invocation::Exec)).expect("runs");
    let outcome = run(&prepared, &["INSTANCE", "a b", "it's"], None).await;
    assert!(matches!(outcome, Outcome::Exited(7)), "{outcome}");
    assert_eq!(fs::read_to_string(&seen).expect("written"), format!("{} 4 own it's\n", file.display()));

    write(&file, "#!/bin/sh\nkill -USR1 $$\n", 0o755);
    let outcome = run(&prepared, &[], None).await;
    assert!(matches!(outcome, Outcome::Signalled(10)), "{outcome}");
}

#[tokio::test]
async fn text_without_interpreter_line_goes_through_the_shell() {
    let directory = directory();
    let file = directory.path().join("plain");
    write(&file, "test \"$1$2\" = onetwo\n", 0o755);
    let prepared =
        lenient().prepare(&script(&format!("{} one", file.display()), Invocation::Exec)).expect("runs");
    assert!(run(&prepared, &["two"], None).await.success());
    assert!(!run(&prepared, &["three"], None).await.success());
}

#[tokio::test]
async fn shell_commands_get_their_operators_and_quoted_arguments() {
    let directory = directory();
    let seen = directory.path().join("seen");
    let line = format!("false || printf '%s;' >{}", seen.display());
    let prepared = lenient().prepare(&script(&line, Invocation::Shell)).expect("runs");
    assert!(run(&prepared, &["GROUP", "it's; $HOME"], None).await.success());
    assert_eq!(fs::read_to_string(seen).expect("written"), "GROUP;it's; $HOME;");
}

#[tokio::test]
async fn bare_names_are_found_in_path_and_missing_ones_are_named() {
    assert!(
        run(&lenient().prepare(&script("true", Invocation::Exec)).expect("runs"), &[], None).await.success()
    );
    let error = lenient().prepare(&script("no-such-program-here x", Invocation::Exec)).expect_err("missing");
    assert!(
        matches!(&error, Refused::NotInPath { program, .. } if program == "no-such-program-here"),
        "{error}"
    );
    let error = lenient().prepare(&script("/no/such/program", Invocation::Exec)).expect_err("missing");
    assert!(matches!(error, Refused::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_executable_is_refused() {
    let directory = directory();
    let file = directory.path().join("data");
    write(&file, "#!/bin/sh\n", 0o644);
    for path in [file.as_path(), directory.path()] {
        let error = lenient()
            .prepare(&script(&path.display().to_string(), Invocation::Exec))
            .expect_err("cannot be executed");
        assert!(matches!(&error, Refused::NotExecutable(named) if named == path), "{error}");
    }
}

#[tokio::test]
async fn an_overrun_ends_the_whole_group() {
    let directory = directory();
    let (file, ready) = (directory.path().join("s.sh"), directory.path().join("pid"));
    // The child of the script ignores SIGTERM, the script obeys: only SIGKILL for the group ends both.
    let text = format!(
        "#!/bin/sh\nsh -c 'trap \"\" TERM; echo $$ >{0}; while :; do sleep 1; done' &\nwait\n",
        ready.display()
    );
    write(&file, &text, 0o755);
    let prepared = lenient().prepare(&script(&file.display().to_string(), Invocation::Exec)).expect("runs");
    let task = tokio::spawn(async move { run(&prepared, &[], Some(Duration::from_millis(400))).await });
    let pid = appears(&ready).await.trim().to_owned();
    assert!(matches!(task.await.expect("no panic"), Outcome::TimedOut));
    gone(&pid).await;
}

#[tokio::test]
async fn a_dropped_run_ends_the_script() {
    let directory = directory();
    let (file, ready) = (directory.path().join("s.sh"), directory.path().join("pid"));
    write(&file, &format!("#!/bin/sh\necho $$ >{}\nexec sleep 1000\n", ready.display()), 0o755);
    let prepared = lenient().prepare(&script(&file.display().to_string(), Invocation::Exec)).expect("runs");
    let task = tokio::spawn(async move { prepared.run(&[], None).await });
    let pid = appears(&ready).await.trim().to_owned();
    task.abort();
    gone(&pid).await;
}

/// Waits until a process has ended (it may remain as an unreaped entry of somebody else).
async fn gone(pid: &str) {
    let status = PathBuf::from(format!("/proc/{pid}/stat"));
    let waiting = async {
        while fs::read_to_string(&status).is_ok_and(|text| !text.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("it ends");
}

#[tokio::test]
async fn scripts_have_a_group_of_their_own_and_a_clean_environment() {
    let directory = directory();
    let seen = directory.path().join("seen");
    let line =
        format!("ps -o pgid= -p $$ >{0}; echo $$ >>{0}; env | grep -c ^LD_ >>{0}; true", seen.display());
    let prepared = lenient().prepare(&script(&line, Invocation::Shell)).expect("runs");
    assert!(run(&prepared, &[], None).await.success());
    let text = fs::read_to_string(seen).expect("written");
    let [group, own, variables] = text.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert_eq!((group, variables), (own, "0"));
}

#[tokio::test]
async fn a_file_that_can_be_read_is_success() {
    let directory = directory();
    let file = directory.path().join("flag");
    let mut flag = FileProbe::new(&ReadableFile(file.display().to_string()));
    assert!(!flag.is_readable(DEADLINE).await);
    write(&file, "", 0o644);
    assert!(flag.is_readable(DEADLINE).await);
}

#[tokio::test]
async fn what_the_kernel_holds_up_is_not_started_a_second_time() {
    let directory = directory();
    let (file, seen) = (directory.path().join("flag"), directory.path().join("seen"));
    write(&file, "", 0o644);
    let mut flag = FileProbe::new(&ReadableFile(file.display().to_string()));
    flag.pending = Some(tokio::spawn(std::future::pending()));
    assert!(!flag.is_readable(Duration::from_millis(1)).await);
    let look = flag.pending.as_ref().expect("the same look goes on");
    look.abort();
    assert!(!flag.is_readable(DEADLINE).await, "its end is an answer");
    assert!(flag.is_readable(DEADLINE).await);

    let prepared =
        lenient().prepare(&script(&format!("echo x >{}", seen.display()), Invocation::Shell)).expect("runs");
    prepared.plan.stuck.store(1, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(run(&prepared, &[], Some(DEADLINE)).await, Outcome::TimedOut));
    assert!(!seen.exists());
    prepared.plan.stuck.store(0, std::sync::atomic::Ordering::Relaxed);
    assert!(run(&prepared, &[], Some(DEADLINE)).await.success() && seen.exists());
}

#[test]
fn unknown_users_and_groups_are_named() {
    let mut wanted = script("true", Invocation::Exec);
    wanted.run_as = Some(RunAs { user: "no-such-user".to_owned(), group: None });
    let error = lenient().prepare(&wanted).expect_err("unknown");
    assert_eq!(error.to_string(), "user no-such-user does not exist");
    wanted.run_as = Some(RunAs { user: daemon_user(), group: Some("no-such-group".to_owned()) });
    let error = lenient().prepare(&wanted).expect_err("unknown");
    assert_eq!(error.to_string(), "group no-such-group does not exist");
}

#[tokio::test]
#[ignore = "needs root"]
async fn as_root_privileges_are_dropped_with_all_groups() {
    assert!(Uid::effective().is_root(), "needs root");
    let directory = directory();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    let seen = directory.path().join("seen");
    let mut wanted = script(&format!("id >{}", seen.display()), Invocation::Shell);
    wanted.run_as = Some(RunAs { user: "nobody".to_owned(), group: Some("daemon".to_owned()) });
    let prepared = lenient().prepare(&wanted).expect("runs");
    assert!(run(&prepared, &[], None).await.success());
    let text = fs::read_to_string(&seen).expect("written");
    assert!(text.contains("uid=65534(nobody) gid=1(daemon) groups=1(daemon)\n"), "{text}");

    let all_groups = Runner::new(ScriptPolicy { all_groups: true, ..ScriptPolicy::default() });
    let prepared = all_groups.prepare(&wanted).expect("runs");
    assert!(run(&prepared, &[], None).await.success());
    let text = fs::read_to_string(&seen).expect("written");
    // The database gives the group that it runs as, and the user's own groups if it has any beside it.
    let expected = String::from_utf8(
        std::process::Command::new("id").args(["-G", "nobody"]).output().expect("id runs").stdout,
    );
    for group in expected.expect("numbers").split_whitespace().skip(1) {
        assert!(text.contains(&format!("{group}(")), "{group} in {text}");
    }
    assert!(text.contains("groups=1(daemon)"), "{text}");
}

#[tokio::test]
#[ignore = "needs root"]
async fn as_root_what_others_can_change_is_refused() {
    assert!(Uid::effective().is_root(), "needs root");
    let directory = directory();
    let file = directory.path().join("s.sh");
    write(&file, "#!/bin/sh\n", 0o755);
    let link = directory.path().join("link");
    symlink(&file, &link).expect("a link");
    let by = |path: &Path| script(&path.display().to_string(), Invocation::Exec);
    let runner = enforcing(Some("root"));
    runner.prepare(&by(&file)).expect("safe");
    let prepared = runner.prepare(&by(&link)).expect("safe through a link");
    assert!(run(&prepared, &[], None).await.success());
    runner.prepare(&script("/bin/false", Invocation::Exec)).expect("merged /usr is no reason");

    let flaw = |path: &Path| match runner.prepare(&by(path)) {
        Err(Refused::Insecure(insecure)) => insecure.flaw,
        other => panic!("{other:?}"),
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o757)).expect("ours");
    let found = flaw(&link);
    assert_eq!((found.component, found.mode), (file.clone(), 0o757));
    // Group write is fine for the root group only.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o775)).expect("ours");
    runner.prepare(&by(&file)).expect("root's group");
    chown(&file, None, Some(1)).expect("root may");
    assert_eq!(flaw(&file).gid, 1);
    chown(&file, Some(65534), Some(0)).expect("root may");
    let found = flaw(&file);
    assert_eq!(found.uid, 65534);
    // Somebody else's directory on the way is as bad, unless it runs as somebody else.
    chown(&file, Some(0), Some(0)).expect("root may");
    chown(directory.path(), Some(65534), None).expect("root may");
    assert_eq!(flaw(&link).component, directory.path());
    enforcing(Some("nobody")).prepare(&by(&link)).expect("nobody may run what nobody can change");
    let prepared = lenient().prepare(&by(&link)).expect("without enforcement it runs");
    assert!(prepared.insecure().is_some());
    assert!(runner.prepare(&script("true", Invocation::Exec)).expect("safe").insecure().is_none());
    // The words of a shell command count too.
    let line = script(&format!("true && {}", file.display()), Invocation::Shell);
    assert!(matches!(runner.prepare(&line), Err(Refused::Insecure(_))));
}

#[test]
fn a_loop_of_links_is_an_error() {
    let directory = directory();
    let link = directory.path().join("loop");
    symlink(&link, &link).expect("a link");
    let error = lenient().prepare(&script(&link.display().to_string(), Invocation::Exec)).expect_err("loops");
    assert!(matches!(error, Refused::NotFound { .. }), "{error}");
}
