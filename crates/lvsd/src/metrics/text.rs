//! Writes Prometheus text (exposition format 0.0.4).

use std::fmt::{self, Write};
use std::time::Duration;

use super::table::Metric;

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Signed(i64),
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Whole(value.into())
    }
}

impl From<u8> for Value {
    fn from(value: u8) -> Self {
        Self::Whole(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Signed(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::Real(value.as_secs_f64())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
        }
    }
}

/// A page under construction. Each metric is written once, all its series together, as the format demands.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Writes one metric; without series it leaves no trace.
    pub(super) fn metric(&mut self, metric: &'static Metric, fill: impl FnOnce(&mut Series<'_>)) {
        fill(&mut Series { text: &mut self.text, metric, headed: false });
    }

    /// Writes a metric that has no labels.
    pub(super) fn single(&mut self, metric: &'static Metric, value: impl Into<Value>) {
        self.metric(metric, |series| series.add(&[], value));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The series of one metric.
pub(super) struct Series<'a> {
    text: &'a mut String,
    metric: &'static Metric,
    headed: bool,
}

impl Series<'_> {
    /// Adds a series; one value for each label of the metric, in the table's order.
    pub(super) fn add(&mut self, labels: &[&str], value: impl Into<Value>) {
        debug_assert_eq!(labels.len(), self.metric.labels.len(), "{}", self.metric.name);
        // Writing to a string cannot fail.
        let _ = self.write(labels, value.into());
    }

    fn write(&mut self, labels: &[&str], value: Value) -> fmt::Result {
        let Metric { name, kind, help, .. } = self.metric;
        if !self.headed {
            self.headed = true;
            writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.word())?;
        }
        self.text.push_str(name);
        let mut opening = '{';
        for (label, value) in self.metric.labels.iter().zip(labels) {
            write!(self.text, "{opening}{label}=\"")?;
            escape(self.text, value);
            self.text.push('"');
            opening = ',';
        }
        if opening == ',' {
            self.text.push('}');
        }
        writeln!(self.text, " {value}")
    }
}

fn escape(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            other => text.push(other),
        }
    }
}
