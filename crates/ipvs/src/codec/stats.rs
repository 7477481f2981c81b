//! Counters in bytes.

use super::attrs::{Stats64Attr, StatsAttr};
use crate::types::Stats;

pub(super) fn decode_stats(attrs: &[StatsAttr]) -> Stats {
    let mut stats = Stats::default();
    for attr in attrs {
        match attr {
            StatsAttr::Conns(v) => stats.conns = (*v).into(),
            StatsAttr::InPkts(v) => stats.packets_in = (*v).into(),
            StatsAttr::OutPkts(v) => stats.packets_out = (*v).into(),
            StatsAttr::InBytes(v) => stats.bytes_in = *v,
            StatsAttr::OutBytes(v) => stats.bytes_out = *v,
            StatsAttr::Cps(v) => stats.rates.conns = (*v).into(),
            StatsAttr::InPps(v) => stats.rates.packets_in = (*v).into(),
            StatsAttr::OutPps(v) => stats.rates.packets_out = (*v).into(),
            StatsAttr::InBps(v) => stats.rates.bytes_in = (*v).into(),
            StatsAttr::OutBps(v) => stats.rates.bytes_out = (*v).into(),
            StatsAttr::Other(_) => {}
        }
    }
    stats
}

pub(super) fn decode_stats64(attrs: &[Stats64Attr]) -> Stats {
    let mut stats = Stats::default();
    for attr in attrs {
        match attr {
            Stats64Attr::Conns(v) => stats.conns = *v,
            Stats64Attr::InPkts(v) => stats.packets_in = *v,
            Stats64Attr::OutPkts(v) => stats.packets_out = *v,
            Stats64Attr::InBytes(v) => stats.bytes_in = *v,
            Stats64Attr::OutBytes(v) => stats.bytes_out = *v,
            Stats64Attr::Cps(v) => stats.rates.conns = *v,
            Stats64Attr::InPps(v) => stats.rates.packets_in = *v,
            Stats64Attr::OutPps(v) => stats.rates.packets_out = *v,
            Stats64Attr::InBps(v) => stats.rates.bytes_in = *v,
            Stats64Attr::OutBps(v) => stats.rates.bytes_out = *v,
            Stats64Attr::Other(_) => {}
        }
    }
    stats
}
