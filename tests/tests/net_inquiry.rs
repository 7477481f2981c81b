//! A master whose host, asked after a missed advert, answers by its kernel that nobody there speaks VRRP.

use lvsd_e2e::{Cast, Make, Perch, SOON, Site, Wire, good, in_parallel};
use lvsd_lab::{Need, Rival, require};
use std::{fmt, time::Duration};

/// What the log says of the take-over.
const DENIED: &str = "the master missed an advert and its host says that nobody there speaks VRRP";
const SILENT: &str = "no advert for the down interval";
/// A host is trusted after three questions, each with an advert; and the first may have been before the other was there.
const TRUSTED: usize = 6;

/// Who is killed, and what the other knows then.
struct Case {
    make: Make,
    wire: Wire,
    cause: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.make, self.wire)
    }
}

fn is_killed(case: &Case) {
    let (site, [better, other]) = Site::with_pair();
    let slow = |me, peer, priority| case.wire.router(me, peer, priority).interval(Duration::from_secs(1));
    let mut first = better.start(case.make, &slow(&better, &other, 150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    // Not by what its kernel says by itself.
    let config = slow(&other, &better, 100).line("leave_detection off").config();
    let mut second = other.start(Make::Lvsd, &config);
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(&better, TRUSTED);
    first.kill();
    second.wait_note("INSTANCE lab MASTER 100");
    good(second.wait_log(case.cause, SOON));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_master_is_missed_after_one_advert() {
    require!(Need::Root);
    let case = |wire: &Wire| Case { make: Make::Lvsd, wire: *wire, cause: DENIED };
    in_parallel(Wire::every().collect::<Vec<_>>().iter().map(case).collect(), 4, is_killed);
}

/// keepalived listens to AH only where it speaks it, and with a VMAC on that alone: its kernel denies while it lives, and is not
/// believed.
#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_keepalived_is_missed_after_one_advert_unless_it_cannot_be_asked() {
    let rival = Make::Keepalived(Rival::V2_3_3);
    require!(Need::Root, rival.need());
    let truthful = [
        Wire::new(2, false, Cast::Multicast),
        Wire::new(3, false, Cast::Unicast),
        Wire::new(3, true, Cast::Multicast),
    ];
    let deaf = [Wire::new(2, false, Cast::Multicast).with_ah(), Wire::PLAIN.on(Perch::Vmac)];
    let case = |cause| move |wire| Case { make: rival, wire, cause };
    let cases = truthful.into_iter().map(case(DENIED)).chain(deaf.into_iter().map(case(SILENT)));
    in_parallel(cases.collect(), 4, is_killed);
}
