//! `--config-test`: would this configuration do here what it says?

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use lvsd_config::{Format, Loaded, render};
use serde_json::json;

use crate::cli::{Cli, FindingsFormat};
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

    const fn summary(self) -> &'static str {
        match self {
            Self::Good => "runs as written",
            Self::Tolerated => "starts, but not all of it is as it should be",
            Self::WillNotStart => "will not start",
            Self::Unreadable => "cannot be read",
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
    let (loaded, verdict) = judge(&loader);
    let notes = cli.notes().into_iter().chain(notice);
    let text = match cli.format {
        FindingsFormat::Text => {
            let notes = notes.map(|note| format!("note: {note}\n"));
            notes.chain(std::iter::once(full(&loader, &loaded, verdict, color))).collect()
        }
        FindingsFormat::Concise => render(&loaded.diagnostics, &loaded.sources, Format::Concise),
        FindingsFormat::Json => json(&loader, &loaded, verdict, notes.collect()),
    };
    let said = match output {
        // What a program reads goes where a pipe takes it from.
        None if cli.format == FindingsFormat::Json => io::stdout().write_all(text.as_bytes()),
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

fn judge(loader: &Loader) -> (Loaded, Verdict) {
    let mut loaded = loader.read();
    // As the daemon would judge it, before this host has its say.
    let strict_config = loaded.config.as_ref().is_some_and(|config| config.globals.strict_config);
    let refused = strict_config && counts(&loaded).tolerated > 0;
    host::examine(&mut loaded);
    let verdict = match (loaded.readable(), refused) {
        (false, _) => Verdict::Unreadable,
        (true, true) => Verdict::WillNotStart,
        (true, false) => Verdict::of(counts(&loaded), loader.strictness),
    };
    (loaded, verdict)
}

/// The findings as people read them, and what follows from them.
fn full(loader: &Loader, loaded: &Loaded, verdict: Verdict, color: bool) -> String {
    let mut text = render(&loaded.diagnostics, &loaded.sources, Format::Full { color });
    let summary = verdict.summary();
    let DiagnosticCounts { errors, tolerated, hints } = counts(loaded);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {summary} ({errors} errors, {tolerated} warnings, {hints} hints)",
        loader.path.display()
    );
    text
}

/// The same for a program: one object, on one line.
fn json(loader: &Loader, loaded: &Loaded, verdict: Verdict, notes: Vec<String>) -> String {
    let DiagnosticCounts { errors, tolerated, hints } = counts(loaded);
    let object = json!({
        "file": loader.path.display().to_string(),
        "status": verdict.status(),
        "summary": verdict.summary(),
        "errors": errors,
        "warnings": tolerated,
        "hints": hints,
        "notes": notes,
        "diagnostics": lvsd_config::to_json(&loaded.diagnostics, &loaded.sources),
    });
    format!("{object}\n")
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
