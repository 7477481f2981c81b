//! Two routers of priority 99 and 100 with three scripts of weight 3 each, started one after the other: the scripts count before the
//! first election, so nobody is master who should not be, in either order.

use std::time::Duration;

use lvsd_vrrp::{Edge, State};

use crate::lan::Lan;
use crate::random::Random;
use crate::support::{effect, instance, only, script, track_script};

const WORSE: usize = 0;
const BETTER: usize = 1;

/// Boots both, 30 s apart, and gives the number of times that each became MASTER.
fn started(order: [usize; 2]) -> [u64; 2] {
    let mut lan = Lan::new(Random::new(1), false);
    for base in [99, 100] {
        let mut config = only(instance("vi", 1, base));
        let names = ["nag", "zero", "pos"];
        config.scripts = names.into_iter().map(script).collect();
        config.instances[0].trackers.scripts = names.map(|name| track_script(name, effect(3))).to_vec();
        lan.add(config);
    }
    for host in order {
        lan.boot(host);
        lan.run(Duration::from_secs(30));
    }
    assert_eq!(lan.masters("vi"), [BETTER]);
    [WORSE, BETTER].map(|host| {
        let router = lan.hosts[host].router.as_ref().expect("alive");
        let view = router.instances().next().expect("an instance");
        let amounts: Vec<i32> = view.adjustments.iter().map(|adjustment| adjustment.amount).collect();
        assert_eq!((view.effective_priority.get(), amounts), (view.base_priority.get() + 9, vec![3, 3, 3]));
        let became = |edge: &&Edge| edge.to == State::Master;
        view.transitions.iter().filter(became).map(|edge| edge.count).sum()
    })
}

#[test]
fn worse_router_started_first_is_master_until_the_better_one_comes() {
    assert_eq!(started([WORSE, BETTER]), [1, 1]);
}

#[test]
fn worse_router_started_second_is_never_master() {
    assert_eq!(started([BETTER, WORSE]), [0, 1]);
}
