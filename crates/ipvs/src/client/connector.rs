//! Opens the kernel's IPVS and loads its module where that is needed, but not all the time.

use std::time::Duration;

use tokio::time::Instant;

use super::{Client, LoadError, load_module};
use crate::error::IpvsError;

/// How often the module is tried to be loaded.
const LOAD_EVERY: Duration = Duration::from_secs(60);

/// Opens clients for one who tries again and again.
#[derive(Debug, Default)]
pub struct Connector {
    last_load: Option<Instant>,
}

impl Connector {
    /// Opens a client. Without IPVS in the kernel its module is loaded first, at most once a minute; why that fails is
    /// `told`.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub async fn connect(&mut self, told: impl FnOnce(&LoadError)) -> Result<Client, IpvsError> {
        match Client::open().await {
            Err(IpvsError::NoIpvs) if self.last_load.is_none_or(|last| last.elapsed() >= LOAD_EVERY) => {
                self.last_load = Some(Instant::now());
                if let Err(error) = load_module().await {
                    told(&error);
                    return Err(IpvsError::NoIpvs);
                }
                Client::open().await
            }
            opened => opened,
        }
    }
}
