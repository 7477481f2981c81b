//! `lvsctl events`: what has happened, and what happens.

use std::io::Write;

use lvsd::control::Event;

use crate::cli::{Events, Format};
use crate::{Failure, Status, daemon};

pub(crate) fn print(wanted: &Events, out: &mut impl Write) -> Result<Status, Failure> {
    let mut path = format!("/v1/events?follow={}", wanted.follow);
    if let Some(after) = wanted.after {
        path.push_str(&format!("&after={after}"));
    }
    daemon::events(&wanted.daemon.socket(), &path, |line, event| {
        match wanted.format {
            Format::Text => writeln!(out, "{}", sentence(&event))?,
            Format::Json => out.write_all(line)?,
        }
        out.flush()
    })?;
    Ok(Status::GOOD)
}

fn sentence(event: &Event) -> String {
    let Event { number, kind, subject, text, time, .. } = event;
    format!("{time:.3} #{number} {kind} {subject}: {text}")
}
