//! What the spectator sees: lines with the time since the start; colours never carry the meaning.

use std::{fmt, time::Instant};

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    /// Escape sequences of ECMA-48.
    Always,
    /// Plain text.
    Never,
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::Never => "never",
        })
    }
}

/// How a piece of text looks on a terminal with colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Heading,
    Good,
    Bad,
    Faint,
}

/// The output, with a clock.
#[derive(Debug)]
pub(super) struct Screen {
    colour: Colour,
    start: Instant,
}

impl Screen {
    pub(super) fn new(colour: Colour) -> Self {
        Self { colour, start: Instant::now() }
    }

    /// The text in its style.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Heading => "1;36",
            Style::Good => "32",
            Style::Bad => "1;31",
            Style::Faint => "2",
        };
        match self.colour {
            Colour::Always => format!("\x1b[{code}m{text}\x1b[0m"),
            Colour::Never => text.to_owned(),
        }
    }

    /// A line without time.
    pub(super) fn plain(&self, text: &str) {
        println!("{text}");
    }

    /// A line of an act.
    pub(super) fn say(&self, text: &str) {
        println!("{}   {text}", self.time());
    }

    /// The title of an act.
    pub(super) fn title(&self, text: &str) {
        println!("\n{} {}", self.time(), self.paint(Style::Heading, text));
    }

    fn time(&self) -> String {
        let time = format!("[{:7.2} s]", self.start.elapsed().as_secs_f64());
        self.paint(Style::Faint, &time)
    }
}
