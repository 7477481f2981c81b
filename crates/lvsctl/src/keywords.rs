//! `lvsctl keywords`: the keyword table for people and programs.

use std::io::Write;

use lvsd_config::keywords::{Context, Row, SECTIONS, State, Tier};
use serde::Serialize;

use crate::cli::{Format, Keywords};
use crate::{Failure, Status};

/// One row, as it is told.
#[derive(Debug, Serialize)]
struct Keyword {
    block: &'static str,
    name: &'static str,
    arguments: &'static str,
    default: &'static str,
    /// What its words may be, where there are limits; else empty.
    range: String,
    meaning: &'static str,
    /// A use of it, as it may stand in a file.
    example: &'static str,
    state: &'static str,
    /// Why it has no effect or is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<&'static str>,
    /// 1 for what nearly everybody uses, to 3 for what is rare.
    tier: u8,
}

impl Keyword {
    fn new(context: Context, row: &'static Row) -> Self {
        let reason = match row.state {
            State::NoEffect(why) => Some(why),
            State::Works | State::Pending => None,
        };
        let tier = match row.tier {
            Tier::One => 1,
            Tier::Two => 2,
            Tier::Three => 3,
        };
        let block = context.path();
        let &Row { name, args: arguments, default, meaning, example, deprecated, .. } = row;
        let (state, range) = (row.state.name(), row.range());
        Self { block, name, arguments, default, range, meaning, example, state, reason, deprecated, tier }
    }

    fn matches(&self, pattern: &str) -> bool {
        if pattern.contains('/') {
            format!("{}/{}", self.block, self.name).contains(pattern)
        } else {
            self.name.contains(pattern)
        }
    }

    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { name, arguments, .. } = self;
        match *arguments {
            "" | "none" => writeln!(out, "{name}")?,
            whole if whole.starts_with(name) => writeln!(out, "{whole}")?,
            rest => writeln!(out, "{name} {rest}")?,
        }
        let block = if self.block.is_empty() { "the root level" } else { self.block };
        writeln!(out, "    {}", self.meaning)?;
        writeln!(out, "    in:      {block}")?;
        if !matches!(self.default, "" | "-") {
            writeln!(out, "    default: {}", self.default)?;
        }
        if !self.range.is_empty() {
            writeln!(out, "    range:   {}", self.range)?;
        }
        match self.reason {
            Some(reason) => writeln!(out, "    state:   {}: {reason}", self.state)?,
            None => writeln!(out, "    state:   {}", self.state)?,
        }
        if let Some(instead) = self.deprecated {
            writeln!(out, "    deprecated: write {instead}")?;
        }
        for (at, line) in self.example.lines().enumerate() {
            let label = if at == 0 { "example:" } else { "" };
            writeln!(out, "    {label:<9}{line}")?;
        }
        writeln!(out)
    }
}

pub(crate) fn print(wanted: &Keywords, out: &mut impl Write) -> Result<Status, Failure> {
    let pattern = wanted.pattern.as_deref().unwrap_or_default();
    let all = SECTIONS.iter().flat_map(|section| section.rows.iter().map(|row| (section.context, row)));
    let found: Vec<_> = all
        .map(|(context, row)| Keyword::new(context, row))
        .filter(|keyword| keyword.matches(pattern))
        .collect();
    match wanted.format {
        Format::Text => found.iter().try_for_each(|keyword| keyword.write(out))?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &found)?;
            writeln!(out)?;
        }
    }
    Ok(if found.is_empty() { Status::OTHERWISE } else { Status::GOOD })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pattern: &str, format: Format) -> (String, Status) {
        let mut out = Vec::new();
        let wanted = Keywords { format, pattern: Some(pattern.to_owned()) };
        let status = print(&wanted, &mut out).expect("memory takes everything");
        (String::from_utf8(out).expect("text"), status)
    }

    #[test]
    fn a_keyword_is_explained_in_each_of_its_blocks() {
        let (text, status) = said("nopreempt", Format::Text);
        assert_eq!(status, Status::GOOD);
        assert!(text.starts_with("nopreempt\n    ") && text.contains("in:      vrrp_instance\n"), "{text}");
        let (text, _) = said("HTTP_GET/url/pa", Format::Text);
        assert!(text.starts_with("path"), "{text}");
        assert_eq!(text.matches("state:").count(), 1, "{text}");
    }

    #[test]
    fn nothing_found_is_no_failure_but_told() {
        assert_eq!(said("no_such_keyword", Format::Text), (String::new(), Status::OTHERWISE));
        assert_eq!(said("no_such_keyword", Format::Json), ("[]\n".to_owned(), Status::OTHERWISE));
    }

    #[test]
    fn the_whole_table_is_there_as_json() {
        let (text, _) = said("", Format::Json);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(rows.len(), SECTIONS.iter().map(|section| section.rows.len()).sum::<usize>());
        assert!(rows.iter().all(|row| row["meaning"].is_string() && row["state"].is_string()));
        let priority = rows.iter().find(|row| row["block"] == "vrrp_instance" && row["name"] == "priority");
        assert_eq!(priority.expect("there is one")["range"], "1..255");
    }
}
