//! What test runs say, counted.

/// What became of the tests of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    /// Which failed, for the end of the report.
    pub(super) failures: Vec<String>,
}

impl Outcome {
    /// Tests that could not be run.
    pub(super) fn skipped(count: usize) -> Self {
        Self { skipped: count, ..Self::default() }
    }

    /// One test, or a run as a whole, that failed.
    pub(super) fn failed(what: String) -> Self {
        Self { failed: 1, failures: vec![what], ..Self::default() }
    }

    /// Reads all the result lines in the output of test binaries. `None` when there is none: then the run broke off.
    pub(super) fn read(output: &str, name: &str) -> Option<Self> {
        let results: Vec<&str> =
            output.lines().filter_map(|line| line.strip_prefix("test result: ")).collect();
        if results.is_empty() {
            return None;
        }
        let sum = |what| results.iter().map(|line| count(line, what)).sum();
        Some(Self {
            passed: sum(" passed"),
            failed: sum(" failed"),
            skipped: 0,
            failures: output.lines().filter_map(failed_test).map(|test| format!("{name} {test}")).collect(),
        })
    }
}

/// All outcomes together.
pub(super) type Tally = Outcome;

impl Tally {
    pub(super) fn add(&mut self, outcome: Self) {
        self.passed += outcome.passed;
        self.failed += outcome.failed;
        self.skipped += outcome.skipped;
        self.failures.extend(outcome.failures);
    }

    /// Counts as skipped what the test harness took for passed, since they returned at once and said so elsewhere.
    pub(super) fn move_to_skipped(&mut self, count: usize) {
        self.passed = self.passed.saturating_sub(count);
        self.skipped += count;
    }

    /// `3 passed, 0 failed`, and the skipped ones if there are any.
    pub(super) fn closing_line(&self) -> String {
        let Self { passed, failed, skipped, .. } = self;
        let skipped = if *skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        format!("{passed} passed, {failed} failed{skipped}")
    }
}

/// The number before `what` in `ok. 3 passed; 0 failed; ...`.
fn count(line: &str, what: &str) -> usize {
    let before = line.split_once(what).map(|(before, _)| before);
    before.and_then(|text| text.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

/// The name in `test some::name ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 3 tests
test a ... ok
test b::c ... FAILED
test d ... ignored, needs root

test result: FAILED. 12 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn every_result_line_counts() {
        let outcome = Outcome::read(OUTPUT, "suite").unwrap();
        assert_eq!((outcome.passed, outcome.failed, outcome.skipped), (14, 1, 0));
        assert_eq!(outcome.failures, ["suite b::c"]);
    }

    #[test]
    fn output_without_a_result_is_no_outcome() {
        assert_eq!(Outcome::read("running 3 tests\ntest a ... ok\n", "suite"), None);
    }

    #[test]
    fn the_closing_line_names_skips_only_when_there_are_some() {
        let mut tally = Tally { passed: 5, ..Tally::default() };
        assert_eq!(tally.closing_line(), "5 passed, 0 failed");
        tally.move_to_skipped(2);
        tally.add(Outcome::failed("x".to_owned()));
        assert_eq!(tally.closing_line(), "3 passed, 1 failed, 2 skipped");
    }
}
