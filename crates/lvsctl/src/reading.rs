//! Reads a configuration file as the daemon would.

use std::io::Write;
use std::path::Path;

use lvsd_config::{Format, Loaded, Severity, SystemFiles, render};
use lvsd_model::Config;

use crate::Failure;

/// What a file means. Its errors are said on standard error; mistakes that the daemon tolerates are not.
pub(crate) fn configuration(path: &Path, config_id: Option<&str>) -> Result<Config, Failure> {
    let options = lvsd::reading_options(config_id);
    let Loaded { config, diagnostics, sources, .. } = lvsd_config::load(&SystemFiles, path, &options);
    config.ok_or_else(|| {
        let text = render(&diagnostics, &sources, Format::Concise);
        let errors = text.lines().zip(&diagnostics).filter(|(_, one)| one.severity == Severity::Error);
        let text: String = errors.map(|(line, _)| format!("{line}\n")).collect();
        // Who does not listen does not change it.
        let _ = std::io::stderr().write_all(text.as_bytes());
        Failure::Unusable(path.display().to_string())
    })
}
