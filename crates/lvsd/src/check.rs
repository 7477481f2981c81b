//! `--config-test`: would this configuration do here what it says?

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use lvsd_config::{Format, render};

use crate::cli::Cli;
use crate::host;
use crate::loader::{Loader, Strictness, counts};
use crate::observation::DiagnosticCounts;

/// How a check comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Runs as written.
    Good,
    /// The daemon would refuse to start.
    WillNotStart,
    /// It would start, and leave something out.
    Tolerated,
    /// There is nothing to check.
    Unreadable,
}

impl Verdict {
    const fn status(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::WillNotStart => 4,
            Self::Tolerated => 5,
            Self::Unreadable => 6,
        }
    }

    const fn of(counts: DiagnosticCounts, strictness: Strictness) -> Self {
        let hints_matter = matches!(strictness, Strictness::Strict);
        if counts.errors > 0 {
            Self::WillNotStart
        } else if counts.tolerated > 0 || (hints_matter && counts.hints > 0) {
            Self::Tolerated
        } else {
            Self::Good
        }
    }
}

/// Checks the configuration, says what was found, and returns the exit status.
pub(crate) fn check(cli: &Cli, output: Option<&Path>) -> u8 {
    let (loader, notice) = Loader::new(cli);
    let color = output.is_none() && io::stderr().is_terminal();
    let (mut text, verdict) = judge(&loader, color);
    let notes = cli.notes().into_iter().chain(notice);
    text.insert_str(0, &notes.map(|note| format!("note: {note}\n")).collect::<String>());
    let said = match output {
        None => io::stderr().write_all(text.as_bytes()),
        Some(path) => OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes())),
    };
    // The verdict is known, but whoever asked does not see the reasons.
    if said.is_err() { 1 } else { verdict.status() }
}

fn judge(loader: &Loader, color: bool) -> (String, Verdict) {
    let mut loaded = loader.read();
    // As the daemon would judge it, before this host has its say.
    let strict_config = loaded.config.as_ref().is_some_and(|config| config.globals.strict_config);
    let refused = strict_config && counts(&loaded).tolerated > 0;
    host::examine(&mut loaded);
    let mut text = render(&loaded.diagnostics, &loaded.sources, Format::Full { color });
    let counts = counts(&loaded);
    let verdict = match (loaded.readable(), refused) {
        (false, _) => Verdict::Unreadable,
        (true, true) => Verdict::WillNotStart,
        (true, false) => Verdict::of(counts, loader.strictness),
    };
    let summary = match verdict {
        Verdict::Good => "runs as written",
        Verdict::Tolerated => "starts, but not all of it is as it should be",
        Verdict::WillNotStart => "will not start",
        Verdict::Unreadable => "cannot be read",
    };
    let DiagnosticCounts { errors, tolerated, hints } = counts;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {summary} ({errors} errors, {tolerated} warnings, {hints} hints)",
        loader.path.display()
    );
    (text, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let of = |errors, tolerated, hints, strictness| {
            Verdict::of(DiagnosticCounts { errors, tolerated, hints }, strictness).status()
        };
        use Strictness::{Strict, Tolerant};
        assert_eq!(of(0, 0, 0, Strict), 0);
        assert_eq!(of(0, 0, 9, Tolerant), 0);
        assert_eq!(of(0, 0, 9, Strict), 5);
        assert_eq!(of(0, 1, 0, Tolerant), 5);
        assert_eq!(of(1, 1, 1, Tolerant), 4);
    }
}
