//! Instances on an interface of their own: which interface counts for what.

use lvsd_model::{AdvertsBy, Family, Instance, MacAddress, OwnLink, Transport, VirtualLink, VirtualLinkKind};
use lvsd_vrrp::{Action, Fault, LinkState, Output, Reception, State};

use crate::support::{HIGH, Host, OWN, instance, ip, link, only};

fn on_vmac(adverts: AdvertsBy, family: Family) -> Instance {
    let mut config = instance("vi", 1, 100);
    config.family = family;
    config.transport = Transport::Multicast { group: Transport::default_group(family) };
    let kind = VirtualLinkKind::Vmac { mac: MacAddress::virtual_router(family, config.vrid) };
    let made = VirtualLink {
        name: link("vrrp.1"),
        base: link("eth0"),
        kind,
        group: None,
        family,
        carries_ipv6: family == Family::V6,
    };
    config.own_link = Some(OwnLink { link: made, adverts });
    config
}

fn sources(host: &mut Host) -> Vec<std::net::IpAddr> {
    let source = |output: Output| match output {
        Output::Instance { action: Action::Send(advert), .. } => Some(advert.source),
        _ => None,
    };
    host.outputs().into_iter().filter_map(source).collect()
}

#[test]
fn it_is_in_fault_until_both_interfaces_are_up() {
    let mut host = Host::start(only(on_vmac(AdvertsBy::Link, Family::V4)));
    assert_eq!(host.view().faults, [Fault::LinkDown(link("vrrp.1"))]);
    host.link("vrrp.1", LinkState::Up);
    assert_eq!(host.state(), State::Backup);
    host.link("eth0", LinkState::Down);
    assert_eq!(host.view().faults, [Fault::LinkDown(link("eth0"))]);
}

#[test]
fn an_ipv4_vmac_lends_the_address_of_its_base() {
    let mut host = Host::start(only(on_vmac(AdvertsBy::Link, Family::V4)));
    host.link("vrrp.1", LinkState::Up);
    let down_at = host.deadline();
    host.run_until(down_at);
    assert_eq!((host.state(), sources(&mut host)), (State::Master, vec![ip(OWN)]));
}

#[test]
fn an_ipv6_vmac_has_an_address_of_its_own_or_a_fault() {
    let mut host = Host::start(only(on_vmac(AdvertsBy::Link, Family::V6)));
    host.link("vrrp.1", LinkState::Up);
    assert_eq!(host.view().faults, [Fault::NoSource]);
    let now = lvsd_vrrp::Time::after_start(host.now);
    host.router.interface_address(now, &link("eth0"), Family::V6, Some(ip("fe80::1")));
    assert_eq!(host.view().faults, [Fault::NoSource], "the base's is not the VMAC's");
    host.router.interface_address(now, &link("vrrp.1"), Family::V6, Some(ip("fe80::1")));
    assert_eq!((host.state(), host.view().source), (State::Backup, Some(ip("fe80::1"))));
}

#[test]
fn adverts_count_where_they_are_expected() {
    for (adverts, counts) in [(AdvertsBy::Link, "vrrp.1"), (AdvertsBy::Base, "eth0")] {
        let config = on_vmac(adverts, Family::V4);
        let mut host = Host::start(only(config.clone()));
        host.link("vrrp.1", LinkState::Up);
        for interface in ["vrrp.1", "eth0"] {
            let reception = host.hear_on(interface, &config, HIGH, 200);
            let accepted = matches!(reception, Reception::Accepted { .. });
            assert_eq!(accepted, interface == counts, "{adverts:?} {interface}");
        }
    }
}

#[test]
fn an_instance_that_gets_a_vmac_is_another_virtual_router() {
    let mut host = Host::master(instance("vi", 1, 100));
    let applied = host.reload(only(on_vmac(AdvertsBy::Link, Family::V4)));
    assert_eq!((applied.added.len(), applied.removed.len()), (1, 1));
    assert!(host.told().contains(&"send 0".to_owned()));
}
