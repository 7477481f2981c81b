//! The keyword section of lvsd.conf(5), out of the keyword table.

use std::fmt::Write;

use crate::keywords::{Context, Row, SECTIONS, Section, State};

/// The line before the generated part of the page.
const BEGIN: &str = ".\\\" BEGIN KEYWORDS (generated; see cargo xtask gen)\n";

/// The line after it.
const END: &str = ".\\\" END KEYWORDS\n";

/// Longest line of text; mandoc finds fault with more than 80.
const WIDTH: usize = 78;

/// The keywords of every block as mdoc: one subsection per block.
#[must_use]
pub fn keyword_section_mdoc() -> String {
    SECTIONS.iter().map(section).collect()
}

/// A page with its generated part made anew; a page without the two markers stays as it is.
#[must_use]
pub fn render_man_page(template: &str) -> String {
    let parts = template.split_once(BEGIN).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(END)?;
        Some((head, tail))
    });
    match parts {
        Some((head, tail)) => format!("{head}{BEGIN}{}{END}{tail}", keyword_section_mdoc()),
        None => template.to_owned(),
    }
}

fn section(section: &Section) -> String {
    let title = match section.context {
        Context::Root => "Root level".to_owned(),
        Context::Preprocessor => "Preprocessor".to_owned(),
        Context::AddressLine => "Addresses".to_owned(),
        Context::RouteLine => "Routes".to_owned(),
        Context::RuleLine => "Rules".to_owned(),
        other => other.path().to_owned(),
    };
    let mut out = format!(".Ss {title}\n");
    if matches!(section.context, Context::AddressLine | Context::RouteLine | Context::RuleLine) {
        out.push_str(&paragraph(&format!("These words stand on {}.", section.context.path())));
    }
    out.push_str(".Bl -tag -width Ds\n");
    out.extend(section.rows.iter().map(item));
    out.push_str(".El\n");
    out
}

fn item(row: &Row) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match row.args {
        "none" | "" => writeln!(out, ".It Ic {}", argument(row.name)),
        args if args.starts_with(row.name) => writeln!(out, ".It Ic {}", argument(args)),
        args => writeln!(out, ".It Ic {} No {}", argument(row.name), argument(args)),
    };
    out.push_str(&paragraph(&format!("{}.", row.meaning)));
    if !matches!(row.default, "" | "none" | "off" | "-") {
        out.push_str(&paragraph(&format!("Default: {}.", row.default)));
    }
    let range = row.range();
    if !range.is_empty() {
        out.push_str(&paragraph(&format!("Range: {range}.")));
    }
    if let Some(instead) = row.deprecated {
        out.push_str(&paragraph(&format!("Deprecated: write {instead}.")));
    }
    match row.state {
        State::Works => {}
        State::NoEffect(why) => {
            let name = capital(row.state.name());
            out.push_str(&paragraph(&format!("{name}: {why}.")));
        }
        State::Pending => out.push_str(&paragraph(&format!("{}.", capital(row.state.name())))),
    }
    out.push_str(&example(row));
    out
}

/// A use of the keyword, line for line.
fn example(row: &Row) -> String {
    let lines: String = row.example.lines().map(|line| format!("\\&{}\n", escape(line))).collect();
    if lines.is_empty() { lines } else { format!(".Bd -literal -offset indent -compact\n{lines}.Ed\n") }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// One argument of a macro, in quotes, so that no word in it is taken for a macro or delimiter.
fn argument(text: &str) -> String {
    format!("\"\\&{}\"", escape(text).replace('"', "\\(dq"))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('^', "\\(ha").replace('~', "\\(ti")
}

/// Text in lines that are short enough and begin with no control character.
#[must_use]
pub fn paragraph(text: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let word = escape(word);
        // mdoc wants each sentence to begin a line.
        let begins = out.ends_with('.') && word.starts_with(|first: char| first.is_uppercase());
        if length > 0 && (begins || length + 1 + word.len() > WIDTH) {
            out.push('\n');
            length = 0;
        }
        if length > 0 {
            out.push(' ');
            length += 1;
        } else if word.starts_with(['.', '\'']) {
            out.push_str("\\&");
            length += 2;
        }
        out.push_str(&word);
        length += word.len();
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/lvsd.conf.5");
        let page = std::fs::read_to_string(path).expect("the page is there");
        assert!(page.contains(BEGIN) && page.contains(END));
        assert!(render_man_page(&page) == page, "run `cargo xtask gen`");
    }

    #[test]
    fn only_the_part_between_the_markers_is_replaced() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let made = render_man_page(&page);
        assert!(made.starts_with("before\n") && made.ends_with("after\n") && !made.contains("old\n"));
        assert_eq!(render_man_page(&made), made);
        assert_eq!(render_man_page("no markers"), "no markers");
    }
}
