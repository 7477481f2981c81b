//! Timeouts and general information in bytes.

use super::attrs::{InfoAttr, ReplyAttr, RequestAttr};
use super::message::{Command, Reply, Request};
use super::{DecodeError, required};
use crate::types::{Info, Timeouts, Version};

/// Asks to set timeouts; those that are 0 are left out and stay as they are.
pub fn set_timeouts(timeouts: &Timeouts) -> Request {
    let attrs = [
        (timeouts.tcp, RequestAttr::TimeoutTcp(timeouts.tcp)),
        (timeouts.tcp_fin, RequestAttr::TimeoutTcpFin(timeouts.tcp_fin)),
        (timeouts.udp, RequestAttr::TimeoutUdp(timeouts.udp)),
    ];
    let set = attrs.into_iter().filter(|(seconds, _)| *seconds != 0).map(|(_, attr)| attr);
    Request::new(Command::SetConfig, set.collect::<Vec<_>>())
}

/// Reads the answer to [`timeouts`](super::timeouts).
///
/// # Errors
/// When it is another kind of answer.
pub fn decode_timeouts(reply: &Reply) -> Result<Timeouts, DecodeError> {
    let mut timeouts = Timeouts::default();
    for attr in reply.expect(Command::SetConfig)? {
        match attr {
            ReplyAttr::TimeoutTcp(v) => timeouts.tcp = *v,
            ReplyAttr::TimeoutTcpFin(v) => timeouts.tcp_fin = *v,
            ReplyAttr::TimeoutUdp(v) => timeouts.udp = *v,
            _ => {}
        }
    }
    Ok(timeouts)
}

/// Reads the answer to [`info`](super::info).
///
/// # Errors
/// When it is another kind of answer, or something is missing.
pub fn decode_info(reply: &Reply) -> Result<Info, DecodeError> {
    let attrs = match reply {
        Reply::Info(attrs) => attrs,
        Reply::Malformed { error, .. } => return Err(error.clone()),
        Reply::Attrs { command, .. } => return Err(DecodeError::Unexpected { command: *command }),
    };
    let (mut version, mut size) = (None, None);
    for attr in attrs {
        match attr {
            InfoAttr::Version(v) => version = Some(*v),
            InfoAttr::ConnTabSize(v) => size = Some(*v),
            InfoAttr::Other(_) => {}
        }
    }
    let [_, major, minor, patch] = required("IPVS_INFO_ATTR_VERSION", version)?.to_be_bytes();
    Ok(Info {
        version: Version { major, minor, patch },
        conn_table_size: required("IPVS_INFO_ATTR_CONN_TAB_SIZE", size)?,
    })
}
