//! What we ask for, as requests.

use super::attrs::RequestAttr;
use super::dest::{encode_dest, encode_dest_key};
use super::message::{Command, Request};
use super::service::{encode_key, encode_service};
use crate::types::{Op, ServiceKey};

/// A change of the table.
pub fn op(op: &Op) -> Request {
    let key = |key: &ServiceKey| RequestAttr::Service(encode_key(key));
    match op {
        Op::AddService(s) => Request::new(Command::NewService, [RequestAttr::Service(encode_service(s))]),
        Op::EditService(s) => Request::new(Command::SetService, [RequestAttr::Service(encode_service(s))]),
        Op::DelService(service) => Request::new(Command::DelService, [key(service)]),
        Op::AddDest(service, dest) => {
            Request::new(Command::NewDest, [key(service), RequestAttr::Dest(encode_dest(dest))])
        }
        Op::EditDest(service, dest) => {
            Request::new(Command::SetDest, [key(service), RequestAttr::Dest(encode_dest(dest))])
        }
        Op::DelDest(service, dest) => {
            Request::new(Command::DelDest, [key(service), RequestAttr::Dest(encode_dest_key(dest))])
        }
    }
}

/// All services, as a dump.
pub fn dump_services() -> Request {
    Request::new(Command::GetService, [])
}

/// The destinations of a service, as a dump; none if there is no such service.
pub fn dump_dests(service: &ServiceKey) -> Request {
    Request::new(Command::GetDest, [RequestAttr::Service(encode_key(service))])
}

/// The running sync daemons, as a dump.
pub fn dump_daemons() -> Request {
    Request::new(Command::GetDaemon, [])
}

/// The timeouts.
pub fn timeouts() -> Request {
    Request::new(Command::GetConfig, [])
}

/// General information.
pub fn info() -> Request {
    Request::new(Command::GetInfo, [])
}

/// Removes every service and destination.
pub fn flush() -> Request {
    Request::new(Command::Flush, [])
}

/// Sets all counters to 0.
pub fn zero() -> Request {
    Request::new(Command::Zero, [])
}
