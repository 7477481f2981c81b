//! Reads the configuration, and judges whether it may be used.

use std::path::PathBuf;

use lvsd_config::{Format, Loaded, Options, Severity, SystemFiles, render};
use lvsd_model::Config;

use crate::cli::Cli;
use crate::observation::DiagnosticCounts;

/// Where the configuration is, unless the command line says otherwise.
pub(crate) const DEFAULT_PATH: &str = "/etc/lvsd/lvsd.conf";
/// Where it is on a machine that has just moved over.
pub(crate) const FALLBACK_PATH: &str = "/etc/keepalived/keepalived.conf";

/// What reading a configuration depends on, on this host: the identity (the host's name unless given) and the
/// environment.
#[must_use]
pub fn reading_options(config_id: Option<&str>) -> Options {
    Options {
        config_id: config_id.map_or_else(host_name, str::to_owned),
        // Others than UTF-8 cannot be named in the configuration.
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        seed: unpredictable(),
        ..Options::default()
    }
}

/// A number that is another one in every process. A daemon keeps its own, so that a reload of the same text makes the same
/// configuration of it.
fn unpredictable() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

/// What refuses a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Errors only.
    Tolerant,
    /// `--strict`: tolerated mistakes too. `strict_config` in the configuration does the same.
    Strict,
}

/// Everything that reading it needs, so that a reload reads it in the same way.
#[derive(Clone, Debug)]
pub(crate) struct Loader {
    pub(crate) path: PathBuf,
    pub(crate) options: Options,
    pub(crate) strictness: Strictness,
    /// `-s`: overrides `net_namespace`.
    pub(crate) namespace: Option<String>,
}

impl Loader {
    /// As the command line says; the text is a notice about the place, if one is due.
    pub(crate) fn new(cli: &Cli) -> (Self, Option<String>) {
        let (path, notice) = match &cli.use_file {
            Some(path) => (path.clone(), None),
            None => default_path(|path| PathBuf::from(path).exists()),
        };
        let strict_includes = cli.all_config;
        let options = Options { strict_includes, ..reading_options(cli.config_id.as_deref()) };
        let strictness = if cli.strict { Strictness::Strict } else { Strictness::Tolerant };
        (Self { path, options, strictness, namespace: cli.namespace.clone() }, notice)
    }

    /// Reads the files; they are small, but their file system may be slow.
    pub(crate) fn read(&self) -> Loaded {
        let mut loaded = lvsd_config::load(&SystemFiles, &self.path, &self.options);
        if let (Some(config), Some(name)) = (&mut loaded.config, &self.namespace) {
            config.globals.net_namespace = Some(name.clone());
        }
        loaded
    }

    /// The configuration, if it may be used, or why not.
    pub(crate) fn accept(&self, loaded: Loaded) -> Result<Config, Refusal> {
        let counts = counts(&loaded);
        if !loaded.readable() {
            return Err(Refusal::Unreadable(self.path.clone()));
        }
        let Some(config) = loaded.config else { return Err(Refusal::Errors(counts.errors)) };
        let strict = self.strictness == Strictness::Strict || config.globals.strict_config;
        if strict && counts.tolerated > 0 { Err(Refusal::Mistakes(counts.tolerated)) } else { Ok(config) }
    }
}

/// Why a configuration is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0} cannot be read")]
    Unreadable(PathBuf),
    #[error("it has {0} errors")]
    Errors(u64),
    #[error("it has {0} mistakes that strict_config does not tolerate")]
    Mistakes(u64),
    #[error("{0} can only be changed by a restart")]
    NeedsRestart(&'static str),
    #[error("reading it failed")]
    Panic,
}

/// How many findings there are of each severity.
pub(crate) fn counts(loaded: &Loaded) -> DiagnosticCounts {
    let count = |severity| loaded.diagnostics.count(severity) as u64;
    DiagnosticCounts {
        errors: count(Severity::Error),
        tolerated: count(Severity::Tolerated),
        hints: count(Severity::Hint),
    }
}

/// Each finding as one line of the log.
pub(crate) fn log(loaded: &Loaded) {
    let text = render(&loaded.diagnostics, &loaded.sources, Format::Concise);
    for (line, diagnostic) in text.lines().zip(&loaded.diagnostics) {
        match diagnostic.severity {
            Severity::Error => tracing::error!("{line}"),
            Severity::Tolerated => tracing::warn!("{line}"),
            Severity::Hint => tracing::info!("{line}"),
        }
    }
}

fn default_path(exists: impl Fn(&str) -> bool) -> (PathBuf, Option<String>) {
    if !exists(DEFAULT_PATH) && exists(FALLBACK_PATH) {
        let notice = format!("{DEFAULT_PATH} does not exist; using {FALLBACK_PATH}");
        return (PathBuf::from(FALLBACK_PATH), Some(notice));
    }
    (PathBuf::from(DEFAULT_PATH), None)
}

/// The default of `--config-id`, as of keepalived's: the host name up to its first dot.
fn host_name() -> String {
    let whole =
        nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    whole.split('.').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rivals_file_is_used_only_without_one_of_our_own() {
        let (path, notice) = default_path(|_| true);
        assert_eq!((path, notice), (PathBuf::from(DEFAULT_PATH), None));
        let (path, notice) = default_path(|path| path == FALLBACK_PATH);
        assert_eq!(path, PathBuf::from(FALLBACK_PATH));
        assert!(notice.is_some_and(|text| text.contains(FALLBACK_PATH)));
        let (path, notice) = default_path(|_| false);
        assert_eq!((path, notice), (PathBuf::from(DEFAULT_PATH), None));
    }
}
