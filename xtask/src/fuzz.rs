//! Coverage-guided fuzzing: of the configuration language, step by step (lexer, preprocessor, parser, lowering), of packets (bfd, adverts), and of
//! what an election is told (election).
//!
//! The targets are in `fuzz/`, a workspace of its own. They need cargo-fuzz and nothing else: stable Rust will do, since
//! code without `unsafe` has little to gain from a sanitizer.

use crate::Failure;
use lvsd_config::keywords::SECTIONS;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// What is fuzzed: the steps of reading in their order, then packets.
const TARGETS: [&str; 7] = ["lexer", "preprocessor", "parser", "lowering", "bfd", "adverts", "election"];

/// Pieces of the language that are no keywords.
const PIECES: &[&str] = &[
    "{",
    "}",
    "\\x0A",
    "\\x22",
    "'",
    "#",
    "!",
    "\\\\\\x0A",
    "$A=",
    "$A",
    "${A}",
    "@id ",
    "@^id ",
    "~SEQ(a,3)",
    "~SEQx(a,1,2,9)",
    "~LST(a,1,2)",
    "~LST({a,b},{1,2})",
    "include other.conf\\x0A",
    "${_RANDOM 1 5}",
    "\\x0A====\\x0A",
    "192.0.2.1",
    "2001:db8::1",
    "/24",
    "255",
    "0.01",
    "-1",
    "weight",
    "reverse",
    "{{",
    "}}",
];

/// What to fuzz.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these; all of them, one after the other, if none is named.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    targets: Vec<String>,
    /// How long each is fuzzed, in minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Longest input, in bytes.
    #[arg(long, default_value_t = 4096)]
    longest: u32,
}

/// Fuzzes until the time is over or something is found, which is kept under `fuzz/artifacts`.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask is not in a workspace")?;
    let work = root.join("fuzz/target/corpus");
    let chosen: Vec<&str> = match options.targets.as_slice() {
        [] => TARGETS.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    fs::create_dir_all(&work)?;
    let dictionary = work.join("keywords.dict");
    fs::write(&dictionary, self::dictionary())?;
    let seeds = seeds(root, &work)?;
    for target in chosen {
        let grown = work.join(target);
        fs::create_dir_all(&grown)?;
        let status = Command::new(env!("CARGO"))
            .current_dir(root)
            // The fuzzer's own instruments are in its flags, so it has a directory of its own, too.
            .env_remove("CARGO_TARGET_DIR")
            .args(["fuzz", "run", "--sanitizer=none", target])
            .args([&grown, &root.join("fuzz/corpus").join(target), &seeds])
            .args(["--", "-timeout=10", "-rss_limit_mb=1024"])
            .arg(format!("-max_total_time={}", options.minutes * 60))
            .arg(format!("-max_len={}", options.longest))
            .arg(format!("-dict={}", dictionary.display()))
            .status()
            .map_err(|error| format!("cargo fuzz: {error}; install it with `cargo install cargo-fuzz`"))?;
        if !status.success() {
            return Err(format!("{target}: something was found, or cargo-fuzz is not installed").into());
        }
        println!("fuzz: {target}: {} minutes without a finding", options.minutes);
    }
    Ok(ExitCode::SUCCESS)
}

/// Every keyword, and the pieces.
fn dictionary() -> String {
    let names: BTreeSet<&str> =
        SECTIONS.iter().flat_map(|section| section.rows).map(|row| row.name).collect();
    names.iter().chain(PIECES).map(|word| format!("\"{word}\"\n")).collect()
}

/// One directory with every configuration of the repository in it.
fn seeds(root: &Path, work: &Path) -> Result<PathBuf, Failure> {
    let directory = work.join("seeds");
    fs::create_dir_all(&directory)?;
    let mut waiting = vec![root.join("conf"), root.join("crates/lvsd-config/resources")];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if let Some(name) =
                path.file_name().filter(|_| path.extension().is_some_and(|it| it == "conf"))
            {
                fs::copy(&path, directory.join(name))?;
            }
        }
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_target_and_a_corpus() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        for target in TARGETS {
            assert!(fuzz.join("fuzz_targets").join(target).with_extension("rs").is_file(), "{target}");
            let corpus: Vec<_> = fs::read_dir(fuzz.join("corpus").join(target)).expect("a corpus").collect();
            assert!((1..100).contains(&corpus.len()), "{target}: {} files", corpus.len());
        }
    }

    #[test]
    fn the_dictionary_has_only_escapes_that_the_fuzzer_knows() {
        // https://llvm.org/docs/LibFuzzer.html#dictionaries
        for line in dictionary().lines() {
            let mut rest = line;
            while let Some((_, escaped)) = rest.split_once('\\') {
                assert!(escaped.starts_with(['\\', '"', 'x']), "{line}");
                rest = escaped.get(1..).unwrap_or_default();
            }
        }
    }

    #[test]
    fn the_dictionary_has_a_word_per_line() {
        let text = dictionary();
        assert!(text.lines().count() > 400);
        assert!(
            text.lines().all(|line| line.len() > 2 && line.starts_with('"') && line.ends_with('"')),
            "{text}"
        );
    }
}
