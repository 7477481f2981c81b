//! Sync daemons in bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU8, NonZeroU16};

use super::attrs::{DaemonAttr, DaemonReplyAttr, ReplyAttr, RequestAttr};
use super::message::{Command, Reply, Request};
use super::wire::Nested;
use super::{DecodeError, required};
use crate::types::{Daemon, DaemonRole, IfName};

const fn state(role: DaemonRole) -> u32 {
    match role {
        DaemonRole::Master => 1,
        DaemonRole::Backup => 2,
    }
}

/// Asks to start a daemon.
pub fn new_daemon(daemon: &Daemon) -> Request {
    let mut attrs = vec![
        DaemonAttr::State(state(daemon.role)),
        DaemonAttr::Interface(daemon.interface.as_str().to_owned()),
        DaemonAttr::SyncId(daemon.sync_id.into()),
    ];
    attrs.extend(daemon.max_len.map(|len| DaemonAttr::MaxLen(len.get())));
    attrs.extend(daemon.group.map(|group| match group {
        IpAddr::V4(group) => DaemonAttr::Group(group.octets()),
        IpAddr::V6(group) => DaemonAttr::Group6(group.octets()),
    }));
    attrs.extend(daemon.port.map(|port| DaemonAttr::Port(port.get())));
    attrs.extend(daemon.ttl.map(|ttl| DaemonAttr::Ttl(ttl.get())));
    Request::new(Command::NewDaemon, [RequestAttr::Daemon(Nested(attrs))])
}

/// Asks to stop a daemon.
pub fn stop_daemon(role: DaemonRole) -> Request {
    Request::new(Command::DelDaemon, [RequestAttr::Daemon(Nested(vec![DaemonAttr::State(state(role))]))])
}

/// Reads a daemon from an answer to [`dump_daemons`](super::dump_daemons).
///
/// # Errors
/// When it is another kind of answer, or one without meaning to us.
pub fn decode_daemon(reply: &Reply) -> Result<Daemon, DecodeError> {
    let attrs = reply.expect(Command::NewDaemon)?;
    let nested = attrs.iter().find_map(|attr| match attr {
        ReplyAttr::Daemon(nested) => Some(nested),
        _ => None,
    });
    let (mut role, mut interface, mut sync_id) = (None, None, None);
    let (mut max_len, mut group, mut port, mut ttl) = (None, None, None, None);
    for attr in required("IPVS_CMD_ATTR_DAEMON", nested)? {
        match attr {
            DaemonReplyAttr::State(v) => role = Some(decode_role(*v)?),
            DaemonReplyAttr::Interface(v) => interface = Some(v.clone()),
            DaemonReplyAttr::SyncId(v) => sync_id = Some(*v),
            DaemonReplyAttr::MaxLen(v) => max_len = NonZeroU16::new(*v),
            DaemonReplyAttr::Group(v) => group = Some(IpAddr::V4(Ipv4Addr::from(*v))),
            DaemonReplyAttr::Group6(v) => group = Some(IpAddr::V6(Ipv6Addr::from(*v))),
            DaemonReplyAttr::Port(v) => port = NonZeroU16::new(*v),
            DaemonReplyAttr::Ttl(v) => ttl = NonZeroU8::new(*v),
            DaemonReplyAttr::Other(_) => {}
        }
    }
    let interface = IfName::new(required("IPVS_DAEMON_ATTR_MCAST_IFN", interface)?);
    let sync_id = required("IPVS_DAEMON_ATTR_SYNC_ID", sync_id)?;
    Ok(Daemon {
        role: required("IPVS_DAEMON_ATTR_STATE", role)?,
        interface: interface.map_err(|e| DecodeError::value("IPVS_DAEMON_ATTR_MCAST_IFN", e))?,
        sync_id: u8::try_from(sync_id)
            .map_err(|_| DecodeError::value("IPVS_DAEMON_ATTR_SYNC_ID", sync_id))?,
        max_len,
        group,
        port,
        ttl,
    })
}

fn decode_role(state: u32) -> Result<DaemonRole, DecodeError> {
    match state {
        1 => Ok(DaemonRole::Master),
        2 => Ok(DaemonRole::Backup),
        other => Err(DecodeError::value("IPVS_DAEMON_ATTR_STATE", other)),
    }
}
