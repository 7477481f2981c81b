//! Checked-in files that are made from the code: written, or compared with what would be written.

use crate::Failure;
use clap_complete::Shell;
use std::process::{Command, ExitCode, Stdio};
use std::{fs, io, path::Path};

/// What makes a file's new text from its present one (empty when there is no such file). A generator of a whole file
/// ignores the present text; one of a section keeps the rest.
type Generator = fn(&str) -> Result<String, Failure>;

/// The generated files, by their paths from the root of the workspace.
const FILES: &[(&str, Generator)] = &[
    ("man/lvsd.conf.5", |page| Ok(lvsd_config::man::render_man_page(page))),
    ("docs/diagnostics.md", |_| Ok(lvsd_config::diagnostics_page())),
    ("man/lvsd.8", |page| with_section(page, "BEGIN metrics", "END metrics", &lvsd::manual_section())),
    ("man/lvsctl.8", |page| with_section(page, "BEGIN commands", "END commands", &lvsctl::manual_section())),
    ("docs/config.schema.json", |_| Ok(lvsctl::schema()?)),
    ("contrib/completions/lvsd.bash", |_| completions(Shell::Bash, lvsd::command())),
    ("contrib/completions/_lvsd", |_| completions(Shell::Zsh, lvsd::command())),
    ("contrib/completions/lvsd.fish", |_| completions(Shell::Fish, lvsd::command())),
    ("contrib/completions/lvsctl.bash", |_| completions(Shell::Bash, lvsctl::command())),
    ("contrib/completions/_lvsctl", |_| completions(Shell::Zsh, lvsctl::command())),
    ("contrib/completions/lvsctl.fish", |_| completions(Shell::Fish, lvsctl::command())),
];

/// The manual as web pages, made from its pages above; only where mandoc is installed.
const WEB_PAGES: &[(&str, Generator)] = &[
    ("docs/man/lvsd.8.html", |_| web_page("lvsd.8")),
    ("docs/man/lvsctl.8.html", |_| web_page("lvsctl.8")),
    ("docs/man/lvsd.conf.5.html", |_| web_page("lvsd.conf.5")),
];

/// Where pages of others are.
const OTHERS: &str = "https://manpages.debian.org/";

/// A page of the manual as HTML. References to our own pages are links to their neighbours.
fn web_page(name: &str) -> Result<String, Failure> {
    let output = Command::new("mandoc")
        .args(["-T", "html", "-I", "os=lvsd", "-O"])
        .arg(format!("toc,man={OTHERS}%N.%S"))
        .arg(root()?.join("man").join(name))
        .output()?;
    if output.stdout.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let page = String::from_utf8(output.stdout)?;
    let own = WEB_PAGES.iter().filter_map(|(path, _)| path.rsplit('/').next()?.strip_suffix(".html"));
    Ok(own.fold(page, |page, own| page.replace(&format!("{OTHERS}{own}\""), &format!("{own}.html\""))))
}

fn has_mandoc() -> bool {
    // An empty page is one.
    Command::new("mandoc").arg("/dev/null").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn root() -> Result<&'static Path, Failure> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask is not in a workspace")?)
}

/// The completions of a program for a shell.
fn completions(shell: Shell, mut program: clap::Command) -> Result<String, Failure> {
    let name = program.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut program, name, &mut text);
    Ok(String::from_utf8(text)?)
}

/// What to do about a file that is not as it would be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Say so, and fail.
    Check,
}

/// Goes through all generated files.
pub(crate) fn run(mode: Mode) -> Result<ExitCode, Failure> {
    let root = root()?;
    let mut drifted = drifted_of(root, FILES, mode)?;
    if has_mandoc() {
        drifted.extend(drifted_of(root, WEB_PAGES, mode)?);
    } else {
        println!("gen: mandoc is not installed, docs/man is left as it is");
    }
    for path in &drifted {
        match mode {
            Mode::Write => println!("gen: wrote {path}"),
            Mode::Check => println!("gen: {path} is not what `cargo xtask gen` makes"),
        }
    }
    let is_failure = mode == Mode::Check && !drifted.is_empty();
    Ok(if is_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The paths of the files that were not as they would be generated.
fn drifted_of<'a>(root: &Path, files: &[(&'a str, Generator)], mode: Mode) -> Result<Vec<&'a str>, Failure> {
    let mut drifted = Vec::new();
    for &(path, generator) in files {
        let file = root.join(path);
        let present = match fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{path}: {error}").into()),
        };
        let wanted =
            generator(present.as_deref().unwrap_or_default()).map_err(|error| format!("{path}: {error}"))?;
        if present.as_ref() != Some(&wanted) {
            drifted.push(path);
            if mode == Mode::Write {
                if let Some(directory) = file.parent() {
                    fs::create_dir_all(directory)?;
                }
                fs::write(&file, wanted).map_err(|error| format!("{path}: {error}"))?;
            }
        }
    }
    Ok(drifted)
}

/// Replaces what is between two marker lines of a text, each containing its marker.
fn with_section(text: &str, begin: &str, end: &str, section: &str) -> Result<String, Failure> {
    let after_line = |from: usize| text[from..].find('\n').map(|length| from + length + 1);
    let start = text.find(begin).and_then(after_line).ok_or_else(|| format!("no line has {begin:?}"))?;
    let stop =
        text[start..].find(end).map(|length| start + length).ok_or_else(|| format!("no line has {end:?}"))?;
    let stop = text[..stop].rfind('\n').map_or(start, |newline| newline + 1).max(start);
    let newline = if section.is_empty() || section.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{}{section}{newline}{}", &text[..start], &text[stop..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "before\n.\\\" BEGIN made\nold\n.\\\" END made\nafter\n";

    fn one(_: &str) -> Result<String, Failure> {
        Ok("one\n".to_owned())
    }

    #[test]
    fn drift_is_found_told_and_mended() {
        let root = tempfile::tempdir().unwrap();
        let files: &[(&str, Generator)] = &[("missing", one), ("stale", one), ("fresh", one)];
        fs::write(root.path().join("stale"), "two\n").unwrap();
        fs::write(root.path().join("fresh"), "one\n").unwrap();
        assert_eq!(drifted_of(root.path(), files, Mode::Check).unwrap(), ["missing", "stale"]);
        assert!(!root.path().join("missing").exists(), "a check writes nothing");
        assert_eq!(drifted_of(root.path(), files, Mode::Write).unwrap(), ["missing", "stale"]);
        assert!(drifted_of(root.path(), files, Mode::Check).unwrap().is_empty());
    }

    #[test]
    fn a_generator_that_fails_names_its_file() {
        let root = tempfile::tempdir().unwrap();
        let files: &[(&str, Generator)] = &[("page", |_| Err("no table".into()))];
        let failure = drifted_of(root.path(), files, Mode::Check).unwrap_err();
        assert_eq!(failure.to_string(), "page: no table");
    }

    #[test]
    fn a_section_is_replaced_between_its_markers_only() {
        let page = with_section(PAGE, "BEGIN made", "END made", "new\n").unwrap();
        assert_eq!(page, PAGE.replace("old", "new"));
        assert_eq!(with_section(&page, "BEGIN made", "END made", "old").unwrap(), PAGE);
        let empty = with_section(PAGE, "BEGIN made", "END made", "").unwrap();
        assert_eq!(empty, PAGE.replace("old\n", ""));
        assert_eq!(with_section(&empty, "BEGIN made", "END made", "old\n").unwrap(), PAGE);
    }

    #[test]
    fn a_page_without_markers_is_refused() {
        assert!(with_section("text\n", "BEGIN", "END", "x").is_err());
        assert!(with_section("BEGIN\ntext\n", "BEGIN", "END", "x").is_err());
    }
}
