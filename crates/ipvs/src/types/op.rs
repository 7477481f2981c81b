//! Single changes of a table.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Dest, DestKey, Service, ServiceKey};

/// One change the kernel can make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// A new service; `EEXIST` if there is one of that key.
    AddService(Service),
    /// Other properties for a service, its connections and destinations kept; `ESRCH` if there is none.
    EditService(Service),
    /// No such service any more, nor its destinations; `ESRCH` if there is none.
    DelService(ServiceKey),
    /// A new destination; `EEXIST` if there is one of that key, `ESRCH` without its service.
    AddDest(ServiceKey, Dest),
    /// Other properties for a destination, its connections kept; `ENOENT` if there is none.
    EditDest(ServiceKey, Dest),
    /// No such destination any more; `ENOENT` if there is none.
    DelDest(ServiceKey, DestKey),
}

impl Op {
    /// The service it changes.
    pub const fn service_key(&self) -> &ServiceKey {
        match self {
            Self::AddService(service) | Self::EditService(service) => service.key(),
            Self::DelService(key)
            | Self::AddDest(key, _)
            | Self::EditDest(key, _)
            | Self::DelDest(key, _) => key,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddService(service) => write!(f, "add service {} {}", service.key(), service.scheduler()),
            Self::EditService(service) => write!(f, "edit service {} {}", service.key(), service.scheduler()),
            Self::DelService(key) => write!(f, "delete service {key}"),
            Self::AddDest(key, d) => write!(f, "add {} {} weight {} to {key}", d.key, d.forward, d.weight),
            Self::EditDest(key, d) => write!(f, "edit {} {} weight {} of {key}", d.key, d.forward, d.weight),
            Self::DelDest(key, dest) => write!(f, "delete {dest} of {key}"),
        }
    }
}
