//! A table in the words of `ipvsadm -Sn`, one line per object.

use ipvs::{
    Checksum, Dest, Family, Forward, Granularity, Protocol, Service, ServiceFlags, ServiceKey, Table,
    TunnelKind,
};

/// Whether connection thresholds are written: `ipvsadm` reads them and never writes them.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Thresholds {
    Written,
    LeftOut,
}

pub(crate) fn lines(table: &Table, thresholds: Thresholds) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in table.iter() {
        lines.push(format!("-A {}{}", key(entry.key()), service(entry.service())));
        let of = key(entry.key());
        lines.extend(entry.dests().values().map(|d| format!("-a {of} -r {}{}", d.key, dest(d, thresholds))));
    }
    lines
}

fn key(key: &ServiceKey) -> String {
    match key {
        ServiceKey::Tuple { protocol, addr, port } => {
            let option = match protocol {
                Protocol::Tcp => "-t",
                Protocol::Udp => "-u",
                Protocol::Sctp => "--sctp-service",
            };
            format!("{option} {}", std::net::SocketAddr::new(*addr, *port))
        }
        ServiceKey::Fwmark { mark, family: Family::V4 } => format!("-f {mark}"),
        ServiceKey::Fwmark { mark, family: Family::V6 } => format!("-f {mark} -6"),
    }
}

fn service(service: &Service) -> String {
    let mut text = format!(" -s {}", service.scheduler());
    if let Some(persistence) = service.persistence() {
        text += &format!(" -p {}", persistence.timeout.get());
        if persistence.granularity != Granularity::host(service.key().family()) {
            text += &match persistence.granularity {
                Granularity::Mask(mask) => format!(" -M {mask}"),
                Granularity::Prefix(len) => format!(" -M {}", len.get()),
            };
        }
        if let Some(engine) = &persistence.engine {
            text += &format!(" --pe {engine}");
        }
    }
    if service.flags().contains(ServiceFlags::ONE_PACKET) {
        text += " -o";
    }
    let flags = service.flags().scheduler_flag_names(service.scheduler());
    if !flags.is_empty() {
        text += &format!(" -b {}", flags.join(","));
    }
    text
}

fn dest(dest: &Dest, thresholds: Thresholds) -> String {
    let forward = match dest.forward {
        Forward::Masq => "-m",
        Forward::Route => "-g",
        Forward::Tunnel(_) => "-i",
        Forward::Local | Forward::Bypass => panic!("not to be written: {dest:?}"),
    };
    let mut text = format!(" {forward} -w {}", dest.weight);
    if thresholds == Thresholds::Written && dest.limits.upper() > 0 {
        text += &format!(" -x {}", dest.limits.upper());
    }
    if thresholds == Thresholds::Written && dest.limits.lower() > 0 {
        text += &format!(" -y {}", dest.limits.lower());
    }
    if let Forward::Tunnel(tunnel) = dest.forward {
        text += &match tunnel.kind {
            TunnelKind::Ipip => return text + " --tun-type ipip",
            TunnelKind::Gue { port } => format!(" --tun-type gue --tun-port {port}"),
            TunnelKind::Gre => " --tun-type gre".to_owned(),
        };
        text += match tunnel.checksum {
            Checksum::None => " --tun-nocsum",
            Checksum::Csum => " --tun-csum",
            Checksum::Remcsum => " --tun-remcsum",
        };
    }
    text
}
