//! The daemon and the peer as one pair, in every protocol and in both roles.

use lvsd_e2e::{Cast, Make, Node, Site, Wire, good, in_parallel};
use lvsd_lab::{Need, Rival, require};
use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

/// What the clocks of two processes and of the capture may differ by.
const JITTER: Duration = Duration::from_millis(10);

/// Who has the better priority, or at equal priorities the higher address.
#[derive(Clone, Copy, Debug)]
struct Row {
    wire: Wire,
    better: Make,
    other: Make,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wire, better, other } = self;
        write!(f, "{wire}: {better} over {other}")
    }
}

/// Both ways round, in every protocol.
fn rows(rival: Rival) -> Vec<Row> {
    let (us, peer) = (Make::subject(), Make::Keepalived(rival));
    let both = |wire| [Row { wire, better: us, other: peer }, Row { wire, better: peer, other: us }];
    Wire::every().flat_map(both).collect()
}

fn since(earlier: SystemTime, later: SystemTime) -> Duration {
    good(later.duration_since(earlier))
}

/// The virtual addresses are announced by that node, after `moment`.
#[track_caller]
fn announced(site: &Site, node: &Node, moment: SystemTime, vips: &[IpAddr]) {
    for &vip in vips {
        site.wait(moment, &format!("{vip} announced"), |frame| node.announced(frame, vip));
    }
}

/// The better one leads; stops, and the other follows within its skew; returns and leads again; dies, and the other
/// follows when the adverts fail to come.
fn fails_over_and_back(row: &Row) {
    let (wire, vips) = (row.wire, row.wire.vips());
    let site = Site::new();
    let [better, other] = [site.node("better", 1), site.node("other", 2)];
    let strong = wire.router(&better, &other, 150).config();
    let start = SystemTime::now();
    let mut first = better.start(row.better, &strong);
    site.wait_advert(start, &better, "the first advert", |advert| advert.priority == 150);
    let second = other.start(row.other, &wire.router(&other, &better, 100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    site.settled(SystemTime::now(), &better, &[&other], vips[0]);
    assert_eq!(site.adverts(&other), [], "a backup speaks");

    let stop = SystemTime::now();
    first.finish();
    let resigned = site.wait_advert(stop, &better, "its resignation", |advert| advert.priority == 0).at;
    let taken = site.wait_advert(stop, &other, "the take-over", |advert| advert.priority == 100).at;
    let took = since(resigned, taken);
    assert!(took + JITTER >= wire.skew(100) && took < wire.down_time(100), "took over after {took:?}");
    announced(&site, &other, resigned, &vips);
    site.settled(taken, &other, &[&better], vips[1]);

    let back = SystemTime::now();
    let mut first = better.start(row.better, &strong);
    first.wait_note("INSTANCE lab MASTER 150");
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    announced(&site, &better, back, &vips);
    site.settled(back, &better, &[&other], vips[0]);
    let resigns = site.adverts(&other).iter().any(|(_, advert)| advert.priority == 0);
    assert!(!resigns, "who is outbid yields in silence");

    let killed = first.kill();
    let last = site.adverts(&better).last().map(|(at, _)| *at).filter(|at| *at < killed);
    let taken = site.wait_advert(killed, &other, "the take-over", |advert| advert.priority == 100).at;
    let took = since(last.unwrap_or(killed), taken);
    assert!(took + JITTER >= wire.least_down_time(row.other, 100), "took over too early, after {took:?}");
    announced(&site, &other, killed, &vips);
    for vip in vips {
        other.wait_holds(vip);
        // What it left stays until it starts again, as after a power failure.
        assert!(better.holds(vip));
    }
    second.wait_notes("INSTANCE lab MASTER 100", 2);
}

/// Two masters of one priority meet: who has the higher address stays.
fn a_tie_is_for_the_higher_address(row: &Row) {
    let (wire, vips) = (row.wire, row.wire.vips());
    let site = Site::new();
    let [low, high] = [site.node("low", 1), site.node("high", 2)];
    good(low.link.cut());
    good(high.link.cut());
    let first = high.start(row.better, &wire.router(&high, &low, 100).config());
    let second = low.start(row.other, &wire.router(&low, &high, 100).config());
    first.wait_note("INSTANCE lab MASTER 100");
    second.wait_note("INSTANCE lab MASTER 100");
    let met = SystemTime::now();
    good(low.link.mend());
    good(high.link.mend());
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.settled(met, &high, &[&low], vips[0]);
    announced(&site, &high, met, &vips);
    assert_eq!(
        first.notes(),
        ["INSTANCE lab BACKUP 100", "INSTANCE lab MASTER 100"],
        "the higher one never yields"
    );
}

#[test]
#[ignore = "needs root and namespaces"]
fn fails_over_with_keepalived_2_2_7() {
    require!(Need::Root, Need::Rival(Rival::V2_2_7), Make::subject().need());
    in_parallel(rows(Rival::V2_2_7), 6, fails_over_and_back);
}

#[test]
#[ignore = "needs root and namespaces"]
fn fails_over_with_keepalived_2_3_3() {
    require!(Need::Root, Need::Rival(Rival::V2_3_3), Make::subject().need());
    in_parallel(rows(Rival::V2_3_3), 6, fails_over_and_back);
}

#[test]
#[ignore = "needs root and namespaces"]
fn ties_with_keepalived_2_2_7() {
    require!(Need::Root, Need::Rival(Rival::V2_2_7), Make::subject().need());
    in_parallel(rows(Rival::V2_2_7), 6, a_tie_is_for_the_higher_address);
}

#[test]
#[ignore = "needs root and namespaces"]
fn ties_with_keepalived_2_3_3() {
    require!(Need::Root, Need::Rival(Rival::V2_3_3), Make::subject().need());
    in_parallel(rows(Rival::V2_3_3), 6, a_tie_is_for_the_higher_address);
}

/// All three makes on one LAN: whoever of them is left and best leads, in whatever order they go and come.
fn three_makes_agree(wire: &Wire) {
    let vips = wire.vips();
    let site = Site::new();
    let nodes = [site.node("us", 1), site.node("newer", 2), site.node("older", 3)];
    let makes = [Make::subject(), Make::Keepalived(Rival::V2_3_3), Make::Keepalived(Rival::V2_2_7)];
    // Every make is the best, the second and the last once, where adverts are fast.
    let turns = if wire.version == 2 { 1 } else { 3 };
    for turn in 0..turns {
        let priority = |index: usize| [150, 120, 100][(index + turn) % 3];
        let mut seats: Vec<_> = (0..3)
            .map(|index| {
                let node = &nodes[index];
                let config = wire.router(node, node, priority(index)).config();
                (priority(index), index, node.start(makes[index], &config))
            })
            .collect();
        seats.sort_by_key(|(priority, ..)| std::cmp::Reverse(*priority));
        for (_, index, director) in &mut seats {
            let others: Vec<_> = nodes.iter().filter(|node| !std::ptr::eq(*node, &nodes[*index])).collect();
            site.settled(SystemTime::now(), &nodes[*index], &others, vips[0]);
            director.finish();
        }
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn all_three_makes_share_a_lan() {
    require!(Need::Root, Need::Rival(Rival::V2_2_7), Need::Rival(Rival::V2_3_3), Make::subject().need());
    let multicast = |wire: &Wire| wire.cast == Cast::Multicast;
    in_parallel(Wire::every().filter(multicast).collect(), 3, three_makes_agree);
}
