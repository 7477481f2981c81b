//! The packet sockets: one for each interface.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lvsd_model::InterfaceName;
use lvsd_net::{Device, Heading, MAX_DATAGRAM, Mac, SegmentSocket, uptime};
use lvsd_vrrp::Time;
use lvsd_vrrp::radar::{MacAddress, Overheard, Radar, parse};

/// When it is looked whether interfaces have come or gone.
const REFRESH: Duration = Duration::from_secs(1);
/// Packets taken from one interface in one look; a flood costs no more.
const PACKETS: usize = 4096;

#[derive(Debug, Default)]
struct Ear {
    socket: Option<SegmentSocket>,
    /// Why there is none.
    deaf: Option<String>,
}

/// An ear on each interface.
#[derive(Debug, Default)]
pub(super) struct Ears {
    ears: BTreeMap<InterfaceName, Ear>,
    buffer: Vec<u8>,
    refreshed: Option<Instant>,
}

impl Ears {
    /// Listens on these interfaces and no others.
    pub(super) fn want<'a>(&mut self, interfaces: impl Iterator<Item = &'a InterfaceName>) {
        let mut before = std::mem::take(&mut self.ears);
        for interface in interfaces {
            let ear = before.remove(interface);
            self.ears.entry(interface.clone()).or_insert_with(|| ear.unwrap_or_default());
        }
        self.refreshed = None;
    }

    /// Why an interface is not listened to.
    pub(super) fn deaf(&self, interface: &InterfaceName) -> Option<&str> {
        self.ears.get(interface)?.deaf.as_deref()
    }

    /// Takes in all that waits.
    pub(super) fn listen(&mut self, radar: &mut Radar) {
        if self.refreshed.is_none_or(|at| at.elapsed() >= REFRESH) {
            self.refreshed = Some(Instant::now());
            self.ears.iter_mut().for_each(|(interface, ear)| ear.refresh(interface));
        }
        self.buffer.resize(MAX_DATAGRAM, 0);
        for (interface, ear) in &mut self.ears {
            let Some(socket) = &mut ear.socket else { continue };
            hear(socket, interface, &mut self.buffer, radar);
            socket.see_departures(radar.watches_departures(interface));
        }
    }
}

impl Ear {
    /// An interface that was made anew under its old name is another one.
    fn refresh(&mut self, interface: &InterfaceName) {
        let name = interface.as_str();
        let index = nix::net::if_::if_nametoindex(name).ok();
        if self.socket.as_ref().map(|socket| socket.device().index) == index && index.is_some() {
            return;
        }
        self.socket = None;
        let opened = index.ok_or_else(|| "there is no such interface".to_owned()).and_then(|index| {
            SegmentSocket::open(Device { index, name: name.to_owned() }).map_err(|error| error.to_string())
        });
        match opened {
            Ok(socket) => (self.socket, self.deaf) = (Some(socket), None),
            Err(error) => self.deaf = Some(error),
        }
    }
}

fn hear(socket: &SegmentSocket, interface: &InterfaceName, buffer: &mut [u8], radar: &mut Radar) {
    let now = Time::after_start(uptime());
    for _ in 0..PACKETS {
        // An interface that is down is told of by its own events.
        let Ok(Some(seen)) = socket.receive(buffer) else { return };
        let mac = seen.mac.map(|Mac(octets)| MacAddress(octets));
        let Some(overheard) = parse(seen.ethertype, seen.packet) else { continue };
        match (seen.heading, overheard) {
            (Heading::In, overheard) => radar.overhear(now, interface, mac, &overheard),
            (Heading::Out, Overheard::Advert(sighting)) => radar.left(interface, &sighting),
            (Heading::Out, Overheard::Binding { .. } | Overheard::Malformed) => {}
        }
    }
}
