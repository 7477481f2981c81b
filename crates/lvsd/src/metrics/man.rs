//! The metrics section of lvsd(8).

use std::fmt::Write;

use super::table::TABLE;

/// The list of metrics in mdoc, for the part of `man/lvsd.8` between its markers.
#[must_use]
pub fn manual_section() -> String {
    let mut text = String::from(".Bl -tag -width Ds\n");
    for metric in TABLE {
        // Writing to a string cannot fail.
        let _ = writeln!(text, ".It Va {} Pq {}", metric.name, metric.kind.word());
        text.push_str(&lvsd_config::man::paragraph(metric.help));
        if !metric.labels.is_empty() {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!(".Va {label}")).collect();
            let _ = writeln!(text, "Labels:\n{} .", labels.join(" ,\n"));
        }
    }
    text.push_str(".El\n");
    text
}
