//! Reads configurations and prints what there is to say about them: `check [--concise|--json|--model] FILE...`.
#![expect(clippy::print_stdout, reason = "a command-line example")]

use std::path::Path;

use lvsd_config::{Format, Options, Severity, SystemFiles, load, render};

fn main() {
    let mut format = Some(Format::Full { color: false });
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--concise" => format = Some(Format::Concise),
            "--json" => format = Some(Format::Json),
            "--model" => format = None,
            file => {
                let loaded = load(&SystemFiles, Path::new(file), &Options::default());
                match format {
                    Some(format) => print!("{}", render(&loaded.diagnostics, &loaded.sources, format)),
                    None => println!("{:#?}", loaded.config),
                }
                let count = |severity| loaded.diagnostics.count(severity);
                let (errors, tolerated, hints) =
                    (count(Severity::Error), count(Severity::Tolerated), count(Severity::Hint));
                println!("{file}: {errors} errors, {tolerated} warnings, {hints} hints");
            }
        }
    }
}
