//! Every test of the workspace, in tiers: what needs nothing; what needs root and namespaces of this kernel; what needs
//! a kernel with IPVS.
//!
//! A test of the upper tiers is `#[ignore]`d with the reason. Test binaries called `ipvs_*` or `kernel*` run theirs in
//! the guest, all others on this machine. Everything is built first, once; then the binaries are run directly.

mod binaries;
mod guest;
mod host;
mod outcome;

use crate::{Failure, setup};
use binaries::{Binaries, Binary, Place};
use lvsd_lab::{SKIP_LOG, setup::Part, skips_are_failures};
use nix::unistd::geteuid;
use outcome::{Outcome, Tally};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What to run.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Only what needs neither root nor network nor a guest.
    #[arg(long)]
    quick: bool,
    /// Only the tests of this package; may be given several times.
    #[arg(long, short)]
    package: Vec<String>,
    /// Only tests whose names contain this.
    filter: Option<String>,
}

/// Runs the tests and prints the closing count.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let filter = options.filter.as_deref().unwrap_or_default();
    let binaries = Binaries::build(&options.package)?;
    let scratch = tempfile::tempdir()?;
    let skips = Skips(scratch.path());
    let mut tally = Tally::default();
    for binary in &binaries.all {
        tally.add(host::run(binary, &binaries, host::Tests::Plain, filter, &skips));
    }
    if binaries.has_library {
        tally.add(host::run_doc_tests(&options.package, filter));
    }
    if !options.quick {
        run_privileged(&binaries, filter, &skips, &mut tally)?;
    }
    tally.move_to_skipped(skips.count());
    if !filter.is_empty() && tally == Tally::default() {
        return Err(format!("no test has {filter:?} in its name").into());
    }
    Ok(close(&tally))
}

/// The upper tiers, as far as this user may run them.
fn run_privileged(
    binaries: &Binaries,
    filter: &str,
    skips: &Skips<'_>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let at = |place| {
        let here = binaries.all.iter().filter(move |binary| binary.place() == place);
        here.filter_map(|binary| {
            let tests = binary.ignored_tests(filter);
            (!tests.is_empty()).then_some((binary, tests))
        })
    };
    let (on_host, in_guest): (Vec<_>, Vec<_>) = (at(Place::Host).collect(), at(Place::Guest).collect());
    if !geteuid().is_root() {
        let count = on_host.iter().chain(&in_guest).map(|(_, tests)| tests.len()).sum();
        println!("skipped {count} tests: they need root");
        tally.add(Outcome::skipped(count));
        return Ok(());
    }
    if !on_host.is_empty() || !in_guest.is_empty() {
        setup(&Part::ALL)?;
    }
    for (binary, _) in &on_host {
        tally.add(host::run(binary, binaries, host::Tests::Privileged, filter, skips));
    }
    for outcome in guest::run(&in_guest, binaries, skips) {
        tally.add(outcome);
    }
    Ok(())
}

/// The directory where test binaries leave a line per test that found it could not run; each run has a file of its own,
/// for two guests cannot append to one.
struct Skips<'a>(&'a Path);

impl Skips<'_> {
    fn log(&self, run: &str) -> PathBuf {
        self.0.join(run.replace('/', "-"))
    }

    fn count(&self) -> usize {
        let files = fs::read_dir(self.0).into_iter().flatten().flatten();
        let texts = files.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
        texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .inspect(|line| println!("skipped {line}"))
            .count()
    }
}

fn close(tally: &Tally) -> ExitCode {
    for failure in &tally.failures {
        println!("failed: {failure}");
    }
    let is_good = tally.failed == 0 && (tally.skipped == 0 || !skips_are_failures());
    println!("{}", tally.closing_line());
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Environment of every test binary: where the built programs are, and where skips are counted.
fn environment(binary: &Binary, binaries: &Binaries, skip_log: &Path) -> Vec<(String, String)> {
    let mut variables = vec![
        ("CARGO_MANIFEST_DIR".to_owned(), binary.directory.display().to_string()),
        ("CARGO_PKG_NAME".to_owned(), binary.package.clone()),
        (SKIP_LOG.to_owned(), skip_log.display().to_string()),
    ];
    variables.extend(binaries.programs.iter().map(|(name, path)| {
        (format!("{}_BIN", name.to_uppercase().replace('-', "_")), path.display().to_string())
    }));
    variables
}
