//! What `docs/diagnostics.md` says about each kind of diagnostic, with an example of wrong and right that the tests run.

use super::{Rule, lvs, routing, text, vrrp, words};
use crate::diagnostic::Severity;

/// The explanation of a [`Rule`].
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// What is explained.
    pub rule: Rule,
    /// How serious it can be, the usual case (that of the example) first.
    pub severities: &'static [Severity],
    /// Why it matters, in a few sentences.
    pub why: &'static str,
    /// A configuration with this mistake and no other.
    pub wrong: Example,
    /// The same without it.
    pub right: Example,
    /// Who finds it.
    pub found: Found,
}

/// What it takes to find a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The text.
    InText,
    /// The host: `lvsd -t` looks, where the files, users and interfaces are.
    OnHost,
    /// Nothing in this version: no keyword is in that state.
    Nowhere,
}

/// A configuration, or a part of one.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    text: &'static str,
    frame: Frame,
}

/// What is around an example, so that it can be short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Nothing: it is a whole file.
    File,
    /// An instance that lacks nothing.
    Instance,
    /// A virtual server that lacks nothing.
    Service,
    /// Its real server, without a check.
    Server,
}

impl Frame {
    const fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::File => ("", ""),
            Self::Instance => (
                "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    \
                 virtual_ipaddress { 192.0.2.1/24 }\n",
                "}\n",
            ),
            Self::Service => (
                "virtual_server 192.0.2.1 80 {\n    protocol TCP\n",
                "    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}\n",
            ),
            Self::Server => (
                "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n",
                "    }\n}\n",
            ),
        }
    }

    const fn indent(self) -> &'static str {
        match self {
            Self::File => "",
            Self::Instance | Self::Service => "    ",
            Self::Server => "        ",
        }
    }
}

/// What stands at the end of the line that is wrong.
pub const MARK: &str = "# <-";

impl Example {
    /// The whole file as it is shown: bytes that cannot be shown have a name in angle brackets.
    #[must_use]
    pub fn shown(&self) -> String {
        let (before, after) = self.frame.around();
        let indent = self.frame.indent();
        let lines = self.text.lines().map(|line| format!("{indent}{line}\n"));
        format!("{before}{}{after}", lines.collect::<String>())
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let text = self.shown().replace("<NUL>", "\0").replace("<1100 letters>", &"x".repeat(1100));
        match text.split_once("<byte E9>") {
            Some((before, after)) => [before.as_bytes(), &[0xe9], after.as_bytes()].concat(),
            None => text.into_bytes(),
        }
    }

    /// The line with the mistake, from 1.
    #[must_use]
    pub fn marked_line(&self) -> Option<usize> {
        self.shown().lines().position(|line| line.contains(MARK)).map(|index| index + 1)
    }
}

impl Explanation {
    pub(super) const fn new(
        severities: &'static [Severity],
        rule: Rule,
        why: &'static str,
        wrong: &'static str,
        right: &'static str,
    ) -> Self {
        let (wrong, right) =
            (Example { text: wrong, frame: Frame::File }, Example { text: right, frame: Frame::File });
        Self { rule, severities, why, wrong, right, found: Found::InText }
    }

    /// Both examples stand in a frame.
    pub(super) const fn within(mut self, frame: Frame) -> Self {
        self.wrong.frame = frame;
        self.right.frame = frame;
        self
    }

    /// It can have these severities.
    pub(super) const fn at(mut self, severities: &'static [Severity]) -> Self {
        self.severities = severities;
        self
    }

    pub(super) const fn on_host(mut self) -> Self {
        self.found = Found::OnHost;
        self
    }

    /// No text of this version has the mistake.
    pub(super) const fn nowhere(mut self) -> Self {
        self.found = Found::Nowhere;
        self
    }
}

/// Refuses the configuration.
pub(super) const fn error(
    rule: Rule,
    why: &'static str,
    wrong: &'static str,
    right: &'static str,
) -> Explanation {
    Explanation::new(&[Severity::Error], rule, why, wrong, right)
}

/// Something is left out.
pub(super) const fn warning(
    rule: Rule,
    why: &'static str,
    wrong: &'static str,
    right: &'static str,
) -> Explanation {
    Explanation::new(&[Severity::Tolerated], rule, why, wrong, right)
}

/// Works as written, and may not be what was meant.
pub(super) const fn hint(
    rule: Rule,
    why: &'static str,
    wrong: &'static str,
    right: &'static str,
) -> Explanation {
    Explanation::new(&[Severity::Hint], rule, why, wrong, right)
}

/// Every explanation, in the order of the documentation.
pub fn explanations() -> impl Iterator<Item = &'static Explanation> {
    [text::EXPLANATIONS, words::EXPLANATIONS, vrrp::EXPLANATIONS, routing::EXPLANATIONS, lvs::EXPLANATIONS]
        .into_iter()
        .flatten()
}

/// The explanation of one rule.
#[must_use]
pub fn explain(rule: Rule) -> Option<&'static Explanation> {
    explanations().find(|explanation| explanation.rule == rule)
}
