//! `MISC_CHECK` with real programs.

use lvsd_model::{Invocation, MiscCheck, Script};

use super::*;

fn misc(argv: &[&str], timeout: Duration) -> CheckKind {
    let script = Script {
        source: argv.join(" "),
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        invocation: Invocation::Exec,
        run_as: None,
    };
    CheckKind::Misc(MiscCheck { script, timeout, dynamic: true })
}

#[test]
fn the_exit_status_is_the_result() {
    block_on(async {
        assert_eq!(probe(misc(&["/bin/sh", "-c", "exit 0"], LONG)).await, Outcome::SUCCESS);
        assert_cause(&probe(misc(&["/bin/sh", "-c", "exit 1"], LONG)).await, Cause::Exit);
        let outcome = probe(misc(&["/bin/sh", "-c", "exit 42"], LONG)).await;
        assert_eq!(outcome, Outcome::Success { weight: Weight::new(40).ok() });
        assert_cause(&probe(misc(&["/bin/sh", "-c", "kill -9 $$"], LONG)).await, Cause::Signal);
    });
}

#[test]
fn a_program_that_does_not_end_is_ended() {
    block_on(async {
        let started = Instant::now();
        assert_cause(&probe(misc(&["/bin/sleep", "600"], SHORT)).await, Cause::ScriptTimeout);
        assert_prompt(started, SHORT);
    });
}

#[test]
fn a_program_that_is_not_there_says_nothing_about_the_server() {
    block_on(async {
        let kind = misc(&["/no/such/program"], LONG);
        let probes = probes();
        assert!(probes.refusal(&kind).is_some_and(|reason| reason.contains("/no/such/program")));
        assert_eq!(probes.refusal(&misc(&["/bin/true"], LONG)), None);
        assert!(matches!(probes.run(&due(kind)).await, Outcome::Skipped { .. }));
    });
}
