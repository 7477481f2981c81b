//! How many addresses an advert can carry.
//!
//! Its count is one octet, and over IPv4 an advert that does not fit the interface is not sent at all: the host would be a master
//! that nobody hears. So addresses beyond the limit are held like `virtual_ipaddress_excluded`, which is where other routers of the
//! field put them, too.

use std::mem;

use lvsd_model::{Auth, Family, Instance, InterfaceName, Version, VrrpConfig};

/// MTU of an interface that does not exist yet, or is not named.
const USUAL_MTU: u32 = 1500;
/// The address count is one octet.
const MAX_COUNT: usize = 255;
/// VRRP header, before the addresses.
const HEADER: usize = 8;
/// VRRPv2 over IPv4: authentication data, behind the addresses.
const AUTHENTICATION: usize = 8;
/// `auth_type AH`: between the IP header and the VRRP header.
const AUTHENTICATION_HEADER: usize = 24;
/// `auth_hmac`: the trailer.
const SIGNATURE: usize = 28;

/// Moves what does not fit into adverts to the front of the excluded addresses; says so for each instance.
pub(crate) fn fit(config: &mut VrrpConfig, mtu_of: impl Fn(&InterfaceName) -> Option<u32>) -> Vec<String> {
    let mut problems = Vec::new();
    for instance in &mut config.instances {
        let mtu = instance.interface.as_ref().and_then(&mtu_of).unwrap_or(USUAL_MTU);
        let room = room(instance, mtu);
        if instance.addresses.len() <= room {
            continue;
        }
        let mut excess = instance.addresses.split_off(room);
        if let Some(first) = excess.first() {
            problems.push(format!(
                "vrrp_instance {}: an advert has room for {room} addresses; {} from {} on are held, but not advertised",
                instance.name,
                excess.len(),
                first.address
            ));
        }
        excess.append(&mut mem::take(&mut instance.excluded));
        instance.excluded = excess;
    }
    problems
}

/// How many addresses fit.
fn room(instance: &Instance, mtu: u32) -> usize {
    let (ip_header, address, authentication) = match (instance.family, instance.version) {
        (Family::V4, Version::V2) => (20, 4, AUTHENTICATION),
        (Family::V4, Version::V3) => (20, 4, 0),
        (Family::V6, _) => (40, 16, 0),
    };
    let authentication = authentication
        + match instance.auth {
            Some(Auth::Ah(_)) => AUTHENTICATION_HEADER,
            Some(Auth::Hmac(_)) => SIGNATURE,
            Some(Auth::Pass(_)) | None => 0,
        };
    let mtu = usize::try_from(mtu).unwrap_or(usize::MAX);
    (mtu.saturating_sub(ip_header + HEADER + authentication) / address).min(MAX_COUNT)
}
