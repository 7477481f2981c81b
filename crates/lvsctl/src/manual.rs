//! The generated part of lvsctl(8): every command with its options, as mdoc.

use std::fmt::Write;

use clap::{Arg, Command};

/// One subsection per command.
pub(crate) fn section(program: &Command) -> String {
    program.get_subcommands().map(|command| subsection(&[program.get_name()], command)).collect()
}

fn subsection(before: &[&str], command: &Command) -> String {
    let mut path = before.to_vec();
    path.push(command.get_name());
    if command.has_subcommands() {
        return command.get_subcommands().map(|inner| subsection(&path, inner)).collect();
    }
    let mut out = format!(".Ss {}\n", escape(&path.join(" ")));
    // Writing to a string cannot fail.
    let _ = writeln!(out, ".Nm {}", path.get(1..).unwrap_or_default().join(" "));
    shown(command).for_each(|argument| out.push_str(&synopsis(argument)));
    let about = command.get_long_about().or_else(|| command.get_about());
    for (number, text) in about.map(ToString::to_string).unwrap_or_default().split("\n\n").enumerate() {
        out.push_str(if number == 0 { ".Pp\n" } else { "" });
        out.push_str(&paragraph(text));
    }
    let mut arguments = shown(command).peekable();
    if arguments.peek().is_some() {
        out.push_str(".Bl -tag -width Ds\n");
        arguments.for_each(|argument| out.push_str(&item(argument)));
        out.push_str(".El\n");
    }
    out
}

fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_hide_set() && argument.get_id() != "help")
}

/// How it stands in the synopsis.
fn synopsis(argument: &Arg) -> String {
    let many = argument.get_num_args().is_some_and(|range| range.max_values() > 1)
        || matches!(argument.get_action(), clap::ArgAction::Append);
    let dots = if many { " ..." } else { "" };
    let words = format!("{}{dots}", words(argument));
    if argument.is_required_set() { format!(".{words}\n") } else { format!(".Op {words}\n") }
}

/// Its macros: `Fl i Ar ID`.
fn words(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    let value: String =
        names.iter().filter(|_| takes_value).map(|name| format!("Ar {}", escape(name))).collect();
    match (argument.get_long(), argument.get_short()) {
        (Some(long), _) if value.is_empty() => format!("Fl \\-{}", escape(long)),
        (Some(long), _) => format!("Fl \\-{} {value}", escape(long)),
        (None, Some(short)) if value.is_empty() => format!("Fl {short}"),
        (None, Some(short)) => format!("Fl {short} {value}"),
        (None, None) => value,
    }
}

fn item(argument: &Arg) -> String {
    let short = argument.get_short().filter(|_| argument.get_long().is_some());
    let short = short.map(|letter| format!("Fl {letter} , ")).unwrap_or_default();
    let mut out = format!(".It {short}{}\n", words(argument));
    let help = argument.get_long_help().or_else(|| argument.get_help());
    out.push_str(&paragraph(&format!("{}.", help.map(ToString::to_string).unwrap_or_default())));
    let values = argument.get_possible_values();
    if !values.is_empty() && argument.get_action().takes_values() {
        let values: Vec<_> = values.iter().map(|value| value.get_name().to_owned()).collect();
        out.push_str(&paragraph(&format!("One of: {}.", values.join(", "))));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        out.push_str(&paragraph(&format!("Default: {}.", defaults.join(", "))));
    }
    out
}

/// Each sentence on lines of its own, as mdoc wants it; the last one may lack its full stop.
fn paragraph(text: &str) -> String {
    let text = text.replace('\n', " ");
    let sentences = text
        .trim_end_matches('.')
        .split_inclusive(". ")
        .map(|sentence| sentence.trim_end_matches([' ', '.']));
    sentences.map(|sentence| lvsd_config::man::paragraph(&format!("{sentence}."))).collect()
}

fn escape(text: &str) -> String {
    text.replace('-', "\\-")
}
