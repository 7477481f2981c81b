//! Quorum and hysteresis.

/// Whether a virtual server has its quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Quorum {
    /// Enough weight is alive.
    Met,
    /// It is not: the sorry server's turn, if there is one.
    Lost,
}

/// The thresholds in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thresholds {
    /// Gained at this weight or more.
    gain: u64,
    /// Decides at the beginning.
    quorum: u64,
    /// Lost below this weight.
    keep: u64,
}

impl Thresholds {
    /// Thresholds for a quorum with a margin, where all servers together weigh `total` by configuration.
    ///
    /// A quorum that could never be met is lowered to the total, a margin as large as the quorum does not count, and with
    /// every server alive the quorum is met whatever the margin: otherwise one loss would be for ever.
    pub(crate) fn new(quorum: u32, hysteresis: u32, total: u64) -> Self {
        let quorum = u64::from(quorum).min(total).max(1);
        let margin = Some(u64::from(hysteresis)).filter(|&margin| margin < quorum).unwrap_or(0);
        Self { gain: (quorum + margin).min(total).max(quorum), quorum, keep: quorum - margin }
    }

    /// The state that follows from the weight alive and the state before, if there was one.
    pub(crate) const fn next(self, before: Option<Quorum>, alive: u64) -> Quorum {
        let needed = match before {
            None => self.quorum,
            Some(Quorum::Met) => self.keep,
            Some(Quorum::Lost) => self.gain,
        };
        if alive > 0 && alive >= needed { Quorum::Met } else { Quorum::Lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The states that a series of weights leads through.
    fn states(thresholds: Thresholds, weights: &[u64]) -> Vec<Quorum> {
        let mut state = None;
        let step = |&alive: &u64| {
            let next = thresholds.next(state, alive);
            state = Some(next);
            next
        };
        weights.iter().map(step).collect()
    }

    #[test]
    fn without_a_margin_the_quorum_is_one_threshold() {
        use Quorum::{Lost, Met};
        assert_eq!(states(Thresholds::new(3, 0, 5), &[5, 3, 2, 3, 0]), [Met, Met, Lost, Met, Lost]);
    }

    #[test]
    fn the_margin_works_on_both_sides() {
        use Quorum::{Lost, Met};
        let thresholds = Thresholds::new(3, 1, 9);
        assert_eq!(states(thresholds, &[3, 2, 1, 3, 4, 2, 1]), [Met, Met, Lost, Lost, Met, Met, Lost]);
        assert_eq!(
            states(thresholds, &[2, 3]),
            [Lost, Lost],
            "in the band at the beginning: by the quorum itself"
        );
    }

    #[test]
    fn no_weight_alive_is_no_quorum() {
        assert_eq!(Thresholds::new(1, 0, 0).next(Some(Quorum::Met), 0), Quorum::Lost);
        assert_eq!(Thresholds::new(0, 0, 0).next(None, 0), Quorum::Lost);
    }

    #[test]
    fn what_could_never_be_met_is_lowered() {
        use Quorum::{Lost, Met};
        assert_eq!(states(Thresholds::new(10, 0, 2), &[2, 1, 2]), [Met, Lost, Met], "quorum above the total");
        assert_eq!(
            states(Thresholds::new(2, 1, 2), &[0, 2]),
            [Lost, Met],
            "quorum and margin above the total"
        );
        assert_eq!(states(Thresholds::new(2, 2, 9), &[1, 2]), [Lost, Met], "a margin as large as the quorum");
    }
}
