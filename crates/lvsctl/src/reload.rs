//! `lvsctl reload`: has the daemon read its configuration again, and tells what it says of it.

use std::io::Write;

use hyper::{Method, StatusCode};
use lvsd::control::Reload;
use serde_json::Value;

use crate::cli::{Format, Reload as Wanted};
use crate::{Failure, Status, daemon};

pub(crate) fn run(wanted: &Wanted, out: &mut impl Write) -> Result<Status, Failure> {
    let socket = wanted.daemon.socket();
    let outcome: Reload =
        daemon::ask(&socket, Method::POST, "/v1/reload", Some(StatusCode::UNPROCESSABLE_ENTITY))?;
    match wanted.format {
        Format::Text => write(&outcome, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &outcome)?;
            writeln!(out)?;
        }
    }
    Ok(if outcome.accepted { Status::GOOD } else { Status::OTHERWISE })
}

fn write(outcome: &Reload, out: &mut impl Write) -> std::io::Result<()> {
    for one in outcome.diagnostics.as_array().into_iter().flatten() {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| one.get(name).and_then(Value::as_u64).unwrap_or_default();
        let (line, column) = (number("line"), number("column"));
        let (severity, id, message) = (text("severity"), text("id"), text("message"));
        writeln!(out, "{}:{line}:{column}: {severity}[{id}]: {message}", text("file"))?;
    }
    let generation = outcome.generation;
    match (&outcome.reason, outcome.accepted, outcome.applied) {
        (Some(reason), ..) => writeln!(out, "refused, nothing has changed: {reason}"),
        (None, true, true) => writeln!(out, "configuration {generation} is in force"),
        (None, ..) => writeln!(out, "configuration {generation} is not in force everywhere yet"),
    }
}
