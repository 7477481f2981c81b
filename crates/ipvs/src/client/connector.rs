//! Opens the kernel's IPVS and loads its module where that is needed, but not all the time.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use netlink_sys::{AsyncSocket, TokioSocket};
use tokio::time::Instant;

use super::{Client, LoadError, NETLINK_GENERIC, load_module};
use crate::error::IpvsError;

/// How often the module is tried to be loaded.
const LOAD_EVERY: Duration = Duration::from_secs(60);

type Opener = Arc<dyn Fn() -> io::Result<TokioSocket> + Send + Sync>;

/// Opens clients for one who tries again and again.
pub struct Connector {
    opener: Opener,
    last_load: Option<Instant>,
}

impl Default for Connector {
    fn default() -> Self {
        Self::opened_by(|| TokioSocket::new(NETLINK_GENERIC))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("last_load", &self.last_load).finish_non_exhaustive()
    }
}

impl Connector {
    /// One for the network namespace in which `opener` makes its sockets, as [`Client::open_with`] has it.
    #[must_use]
    pub fn opened_by(opener: impl Fn() -> io::Result<TokioSocket> + Send + Sync + 'static) -> Self {
        Self { opener: Arc::new(opener), last_load: None }
    }

    /// Opens a client. Without IPVS in the kernel its module is loaded first, at most once a minute; why that fails is
    /// `told`.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub async fn connect(&mut self, told: impl FnOnce(&LoadError)) -> Result<Client, IpvsError> {
        match self.open().await {
            Err(IpvsError::NoIpvs) if self.last_load.is_none_or(|last| last.elapsed() >= LOAD_EVERY) => {
                self.last_load = Some(Instant::now());
                if let Err(error) = load_module().await {
                    told(&error);
                    return Err(IpvsError::NoIpvs);
                }
                self.open().await
            }
            opened => opened,
        }
    }

    async fn open(&self) -> Result<Client, IpvsError> {
        let opener = Arc::clone(&self.opener);
        Client::open_with(move || opener()).await
    }
}
