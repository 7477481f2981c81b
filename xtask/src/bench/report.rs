//! The table at the end of a measurement. Pure, but for printing.

/// What lvsd is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// At most this part of the peer's value.
    Ratio(f64),
    /// At most this value.
    Limit(f64),
    /// Nothing is promised.
    None,
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// Our value, if there is one.
    pub(super) lvsd: Option<f64>,
    /// The peer's.
    pub(super) keepalived: Option<f64>,
    /// What ours is to be.
    pub(super) target: Target,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        Some(self.lvsd? / self.keepalived?).filter(|ratio| ratio.is_finite())
    }

    /// Is the target met? `None` without a target.
    pub(super) fn is_met(&self) -> Option<bool> {
        match self.target {
            Target::Ratio(limit) => Some(self.ratio().is_some_and(|ratio| ratio <= limit)),
            Target::Limit(limit) => Some(self.lvsd.is_some_and(|value| value <= limit)),
            Target::None => None,
        }
    }
}

/// The table as lines: values, ratio, target, and whether it is met.
pub(super) fn table(rows: &[Row]) -> Vec<String> {
    let width = rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
    let head =
        format!("{:width$}  {:>10}  {:>10}  {:>6}  {:16}", "", "lvsd", "keepalived", "ratio", "target");
    let number = |value: Option<f64>, digits| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let line = |row: &Row| {
        let target = match row.target {
            Target::Ratio(limit) => format!("ratio <= {limit:.2}"),
            Target::Limit(limit) => format!("<= {limit:.2}"),
            Target::None => String::new(),
        };
        let verdict = row.is_met().map_or("", |is_met| if is_met { "met" } else { "MISSED" });
        let [ours, theirs] = [row.lvsd, row.keepalived].map(|value| number(value, 2));
        let ratio = number(row.ratio(), 2);
        format!("{:width$}  {ours:>10}  {theirs:>10}  {ratio:>6}  {target:16}  {verdict}", row.what)
            .trim_end()
            .to_owned()
    };
    std::iter::once(head.trim_end().to_owned()).chain(rows.iter().map(line)).collect()
}

/// Prints the table and how many targets are met.
pub(super) fn print(rows: &[Row]) {
    println!();
    table(rows).iter().for_each(|line| println!("{line}"));
    let verdicts: Vec<_> = rows.iter().filter_map(Row::is_met).collect();
    let met = verdicts.iter().filter(|is_met| **is_met).count();
    println!("\n{met} of {} targets met", verdicts.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lvsd: Option<f64>, keepalived: Option<f64>, target: Target) -> Row {
        Row { what: "start".to_owned(), lvsd, keepalived, target }
    }

    #[test]
    fn a_target_is_met_up_to_its_limit_and_never_without_a_value() {
        for (lvsd, keepalived, target, met) in [
            (Some(7.0), Some(10.0), Target::Ratio(0.7), Some(true)),
            (Some(7.1), Some(10.0), Target::Ratio(0.7), Some(false)),
            (Some(7.0), None, Target::Ratio(0.7), Some(false)),
            (Some(7.0), Some(0.0), Target::Ratio(0.7), Some(false)),
            (Some(36.0), None, Target::Limit(36.09), Some(true)),
            (None, Some(1.0), Target::Limit(36.09), Some(false)),
            (Some(1.0), Some(1.0), Target::None, None),
        ] {
            assert_eq!(row(lvsd, keepalived, target).is_met(), met, "{lvsd:?} {keepalived:?} {target:?}");
        }
    }

    #[test]
    fn a_missed_target_is_plain_to_see() {
        let rows = [
            row(Some(5.0), Some(10.0), Target::Ratio(0.7)),
            row(Some(8.0), Some(10.0), Target::Ratio(0.7)),
            row(Some(8.0), None, Target::None),
        ];
        let lines = table(&rows);
        assert!(lines[1].ends_with("ratio <= 0.70     met"), "{}", lines[1]);
        assert!(lines[2].contains("0.80") && lines[2].ends_with("MISSED"), "{}", lines[2]);
        assert!(lines[3].ends_with('-'), "{}", lines[3]);
    }
}
