//! `lvsctl show config`: the model as JSON, and its schema.

use std::io::Write;

use lvsd_model::{Auth, Config, Password};

use crate::cli::{ConfigFormat, ShowConfig};
use crate::{Failure, Status, reading};

pub(crate) fn print(wanted: &ShowConfig, out: &mut impl Write) -> Result<Status, Failure> {
    let mut config = reading::configuration(&wanted.file, wanted.config_id.as_deref())?;
    // What is shown is pasted into tickets.
    for instance in &mut config.vrrp.instances {
        instance.auth = instance.auth.as_ref().map(Auth::masked);
    }
    if let Some(identity) = &mut config.lvs.tls.identity {
        identity.password = identity.password.as_ref().map(|_| Password::masked());
    }
    match wanted.format {
        ConfigFormat::Json => serde_json::to_writer_pretty(&mut *out, &config)?,
    }
    writeln!(out)?;
    Ok(Status::GOOD)
}

/// The JSON Schema of what `lvsctl show config` prints.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn schema() -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Config))?;
    text.push('\n');
    Ok(text)
}
