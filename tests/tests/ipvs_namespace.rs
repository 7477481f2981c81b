//! `net_namespace_ipvs`: the processes in one network namespace, IPVS in another.

use lvsd_e2e::{Make, Router, Service, Site, good, ip, table, wait_table};
use lvsd_lab::{Need, require};

#[test]
#[ignore = "needs a kernel with IPVS"]
fn the_table_is_in_the_other_namespace() {
    require!(Need::Root, Need::Ipvs);
    let (_site, [one, two]) = Site::with_pair();
    let config = |timeout: u32| {
        let globals =
            format!("global_defs {{\n lvs_timeouts tcpfin {timeout}\n lvs_sync_daemon eth0 lab id 7\n}}\n");
        let service = Service::tcp("10.0.0.100 80", "NAT").server("10.0.0.11 80", "");
        let router = Router::usual(150).config();
        format!("net_namespace_ipvs {}\n{globals}{router}{service}", two.host.namespace().name())
    };
    let lines = ["-A -t 10.0.0.100:80 -s rr", "-a -t 10.0.0.100:80 -r 10.0.0.11:80 -m -w 1"];
    let mut running = one.start(Make::Lvsd, &config(7));
    running.wait_note("INSTANCE lab MASTER 150");
    assert!(one.holds(ip("10.0.0.100")), "the address stays where the processes are");
    wait_table(&two.host, lines);
    assert_eq!(table(&one.host), Vec::<String>::new());
    let timeouts = good(two.host.check("ipvsadm -L --timeout"));
    assert!(timeouts.contains(" 7 "), "{timeouts}");
    let daemons = || good(two.host.check("ipvsadm -L --daemon"));
    good(lvsd_lab::until(lvsd_e2e::SOON, "the sync daemon", || daemons().contains("master sync daemon")));
    // Somebody else's change there is healed.
    good(two.host.check("ipvsadm -C"));
    wait_table(&two.host, lines);
    running.finish();
    wait_table::<&str>(&two.host, []);
}
