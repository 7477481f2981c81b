//! Tests run in a kernel with IPVS, each in a process of its own, in as few boots as sensible: a boot takes tests off a
//! queue by the batch, and two boots at a time share it.

use super::{
    Skips,
    binaries::{Binaries, Binary},
    environment,
    outcome::Outcome,
};
use lvsd_lab::{Guest, quote};
use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Beyond this a test hangs.
const TEST_LIMIT: Duration = Duration::from_secs(180);
/// A boot older than this starts no more tests; what is left of its batch goes back to the queue.
const BOOT_AGE: Duration = Duration::from_secs(270);
/// Tests that one boot takes at most. A boot costs about as much as a test.
const BATCH: usize = 12;
/// Boots side by side.
const BOOTS: usize = 2;
/// Starts a line of the script's own in its output.
const SIGN: &str = "@@lvsd ";

/// One test of one binary.
#[derive(Clone, Copy)]
struct Job<'a> {
    binary: &'a Binary,
    test: &'a str,
}

impl Job<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.binary.name(), self.test)
    }
}

/// Runs these tests of these binaries.
pub(super) fn run(suites: &[(&Binary, Vec<String>)], binaries: &Binaries, skips: &Skips<'_>) -> Vec<Outcome> {
    let jobs = suites.iter().flat_map(|(binary, tests)| tests.iter().map(|test| Job { binary, test }));
    let queue: Mutex<VecDeque<Job<'_>>> = Mutex::new(jobs.collect());
    let count = queue.lock().unwrap_or_else(PoisonError::into_inner).len();
    // Two boots only where each has enough to do.
    let boots = if count > BATCH / 2 { BOOTS } else { 1 };
    let batch = count.div_ceil(boots).clamp(1, BATCH);
    let number = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let jobs: Vec<_> = {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                let taken = queue.len().min(batch);
                queue.drain(..taken).collect()
            };
            if jobs.is_empty() {
                return outcomes;
            }
            let boot = number.fetch_add(1, Ordering::Relaxed);
            let (outcome, left) = boot_for(&jobs, binaries, &skips.log(&format!("guest-{boot}")));
            outcomes.push(outcome);
            queue.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..boots).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Runs a batch in one boot. Gives what became of it, and the tests that it did not get to.
fn boot_for<'a>(
    jobs: &[Job<'a>],
    binaries: &Binaries,
    skip_log: &std::path::Path,
) -> (Outcome, Vec<Job<'a>>) {
    let mut reader = Reader::new(jobs);
    let guest = Guest::new().limit(BOOT_AGE + TEST_LIMIT);
    let ran = guest.run(&script(jobs, binaries, skip_log), &mut |line| reader.line(line));
    let (mut outcome, mut left) = reader.finish();
    if let Err(error) = ran {
        println!("guest: {error}");
        if left.len() == jobs.len() {
            // It did not even start the first; the next boot would not either.
            let failures =
                left.drain(..).map(|job| Outcome::failed(format!("{}: no guest to run in", job.name())));
            failures.for_each(|failure| outcome.add(failure));
        }
    }
    (outcome, left)
}

/// Runs every job and tells, in lines of its own, which one starts and how it ended.
fn script(jobs: &[Job<'_>], binaries: &Binaries, skip_log: &std::path::Path) -> String {
    let mut text = String::new();
    for (number, Job { binary, test }) in jobs.iter().enumerate() {
        let _ = writeln!(text, "[ $SECONDS -lt {} ] || exit 0", BOOT_AGE.as_secs());
        let _ = writeln!(text, "cd {}", quote(&binary.directory.display().to_string()));
        for (variable, value) in environment(binary, binaries, skip_log) {
            let _ = writeln!(text, "export {variable}={}", quote(&value));
        }
        let path = quote(&binary.path.display().to_string());
        let _ = writeln!(text, "echo '{SIGN}start {number}'");
        let _ = writeln!(
            text,
            "timeout -k 5 {} {path} --ignored --exact {} --test-threads=1 --color=never 2>&1",
            TEST_LIMIT.as_secs(),
            quote(test)
        );
        let _ = writeln!(text, "echo; echo \"{SIGN}end {number} $? $SECONDS\"");
    }
    text
}

/// Follows the output of a [`script`].
struct Reader<'a, 'j> {
    jobs: &'j [Job<'a>],
    unstarted: BTreeSet<usize>,
    running: Option<usize>,
    output: String,
    outcome: Outcome,
}

impl<'a, 'j> Reader<'a, 'j> {
    fn new(jobs: &'j [Job<'a>]) -> Self {
        let unstarted = (0..jobs.len()).collect();
        Self { jobs, unstarted, running: None, output: String::new(), outcome: Outcome::default() }
    }

    fn line(&mut self, line: &str) {
        let Some(sign) = line.strip_prefix(SIGN) else {
            self.output.push_str(line);
            self.output.push('\n');
            return;
        };
        let mut words = sign.split(' ');
        let (verb, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
        match (verb, number) {
            (Some("start"), Some(number)) => {
                self.unstarted.remove(&number);
                self.running = Some(number);
                self.output.clear();
            }
            (Some("end"), Some(number)) if self.running == Some(number) => {
                self.running = None;
                self.end(number, words.next() == Some("0"));
            }
            _ => {}
        }
    }

    fn end(&mut self, number: usize, is_success: bool) {
        let Some(name) = self.jobs.get(number).map(Job::name) else { return };
        let read = Outcome::read(&self.output, &name);
        if is_success && read.is_some_and(|read| (read.passed, read.failed) == (1, 0)) {
            println!("{name}: 1 passed (in the guest)");
            self.outcome.add(Outcome { passed: 1, ..Outcome::default() });
        } else {
            println!("{}\n{name}: failed (in the guest)", self.output);
            self.outcome.add(Outcome::failed(name));
        }
    }

    /// What became of those that were started; and those that were not.
    fn finish(mut self) -> (Outcome, Vec<Job<'a>>) {
        if let Some(job) = self.running.take().and_then(|number| self.jobs.get(number)) {
            println!("{}\n{}: broke off (in the guest)", self.output, job.name());
            self.outcome.add(Outcome::failed(format!("{}: broke off", job.name())));
        }
        let left = self.unstarted.iter().filter_map(|&number| self.jobs.get(number).copied()).collect();
        (self.outcome, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary() -> Binary {
        let [path, directory] = ["/t/kernel-1", "/w"].map(Into::into);
        Binary { package: "ipvs".to_owned(), target: "kernel".to_owned(), path, directory }
    }

    fn read(count: usize, output: &str) -> (String, Vec<String>, Vec<String>) {
        let binary = binary();
        let tests: Vec<_> = (0..count).map(|number| format!("t{number}")).collect();
        let jobs: Vec<_> = tests.iter().map(|test| Job { binary: &binary, test }).collect();
        let mut reader = Reader::new(&jobs);
        output.lines().for_each(|line| reader.line(line));
        let (outcome, left) = reader.finish();
        (outcome.closing_line(), outcome.failures, left.iter().map(Job::name).collect())
    }

    const PASSED: &str = "test result: ok. 1 passed; 0 failed; 0 ignored";

    #[test]
    fn a_test_passes_by_its_result_and_its_status() {
        let good = format!("@@lvsd start 0\n{PASSED}\n@@lvsd end 0 0 1\n");
        assert_eq!(read(1, &good), ("1 passed, 0 failed".to_owned(), vec![], vec![]));
        for bad in
            [good.replace("0 0 1", "0 124 1"), good.replace("1 passed", "0 passed"), good.replace(PASSED, "")]
        {
            let failures = vec!["ipvs/kernel t0".to_owned()];
            assert_eq!(read(1, &bad), ("0 passed, 1 failed".to_owned(), failures, vec![]), "{bad}");
        }
    }

    #[test]
    fn a_guest_that_dies_fails_the_running_test_and_leaves_the_others() {
        let output = format!("@@lvsd start 0\n{PASSED}\n@@lvsd end 0 0 1\n@@lvsd start 1\nkernel panic\n");
        let failures = vec!["ipvs/kernel t1: broke off".to_owned()];
        assert_eq!(
            read(3, &output),
            ("1 passed, 1 failed".to_owned(), failures, vec!["ipvs/kernel t2".to_owned()])
        );
    }

    #[test]
    fn a_test_cannot_pass_for_another() {
        let output = format!("@@lvsd start 0\n{PASSED}\n@@lvsd end 1 0 1\n");
        assert_eq!(read(2, &output).0, "0 passed, 1 failed");
    }
}
