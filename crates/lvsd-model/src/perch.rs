//! Where an instance is on the network: the one place that knows which interface is for what.

use crate::units::{Family, InterfaceName};
use crate::vlink::{AdvertsBy, OwnLink, VirtualLink};
use crate::vrrp::{Instance, Transport};

/// The interfaces of an instance, each by what it is for. They differ when it has one of its own (`use_vmac`, `use_ipvlan`).
#[derive(Clone, Copy, Debug)]
pub struct Perch<'a> {
    instance: &'a Instance,
}

impl Instance {
    /// Where it is on the network.
    #[must_use]
    pub const fn perch(&self) -> Perch<'_> {
        Perch { instance: self }
    }

    /// The interface that adverts leave and come in by: short for that of its [`Perch`].
    #[must_use]
    pub const fn advert_interface(&self) -> Option<&InterfaceName> {
        self.perch().adverts()
    }
}

impl<'a> Perch<'a> {
    /// The interface that adverts leave and come in by: for a unicast instance that has none, its VRF.
    #[must_use]
    pub const fn adverts(self) -> Option<&'a InterfaceName> {
        match (&self.instance.own_link, self.base()) {
            (Some(OwnLink { link, adverts: AdvertsBy::Link }), _) => Some(&link.name),
            (Some(OwnLink { adverts: AdvertsBy::Base, .. }) | None, Some(base)) => Some(base),
            (Some(OwnLink { adverts: AdvertsBy::Base, .. }) | None, None) => self.instance.vrf.as_ref(),
        }
    }

    /// The interface of virtual addresses that name none.
    #[must_use]
    pub const fn addresses(self) -> Option<&'a InterfaceName> {
        match &self.instance.own_link {
            Some(own) => Some(&own.link.name),
            None => self.base(),
        }
    }

    /// The interface whose own address adverts bear when none is configured. An IPv4 VMAC has no address of its own and borrows its
    /// base's; over IPv6 an advert leaves from an address that its interface has.
    #[must_use]
    pub const fn source(self) -> Option<&'a InterfaceName> {
        match (&self.instance.own_link, self.instance.family) {
            (Some(own), Family::V4) if own.link.is_vmac() => self.base(),
            // The address of the VRF itself is for its own ends; the route to a peer says which is the source.
            (None, _) => self.base(),
            (Some(_), _) => self.adverts(),
        }
    }

    /// The interface by which the membership reports of other hosts come in: there all frames do, whatever is above it.
    #[must_use]
    pub const fn reports(self) -> Option<&'a InterfaceName> {
        self.base()
    }

    /// The interfaces on which this host is a member of the group of its adverts while somebody of the family lives; none for a
    /// unicast instance.
    ///
    /// Where adverts come in, so that the end of one process is no departure. And where they take their source from: the report of a
    /// VMAC over IPv4 bears a virtual address, by which nobody knows whose it is; that of its base bears the address of the adverts.
    pub fn memberships(self) -> impl Iterator<Item = &'a InterfaceName> {
        let adverts = self.adverts();
        let source = self.source().filter(|source| adverts != Some(*source));
        let is_multicast = matches!(self.instance.transport, Transport::Multicast { .. });
        adverts.into_iter().chain(source).filter(move |_| is_multicast)
    }

    /// VMACs of the instance that no adverts leave by, so that switches may forget where they are.
    pub fn quiet_vmacs(self) -> impl Iterator<Item = &'a VirtualLink> {
        let links = self.instance.virtual_links().filter(|link| link.is_vmac());
        links.filter(move |link| self.adverts() != Some(&link.name))
    }

    const fn base(self) -> Option<&'a InterfaceName> {
        self.instance.interface.as_ref()
    }
}
