//! What the keeper wants of the kernel.

use ipvs::client::load_module;
use ipvs::{Client, Dest, DestStatus, IpvsError, Op, Service, ServiceKey, Stats};
use tokio::time::{Duration, Instant};

/// The part of the kernel's IPVS that the keeper uses.
pub(crate) trait Kernel {
    /// All services.
    async fn services(&mut self) -> Result<Vec<(Service, Stats)>, IpvsError>;
    /// The destinations of one.
    async fn dests(&mut self, key: &ServiceKey) -> Result<Vec<(Dest, DestStatus)>, IpvsError>;
    /// Makes changes in order: as many results.
    async fn apply(&mut self, ops: &[Op]) -> Vec<Result<(), IpvsError>>;
    /// Removes everything.
    async fn flush(&mut self) -> Result<(), IpvsError>;
}

/// Where a [`Kernel`] comes from.
pub(crate) trait Connect {
    type Kernel: Kernel;

    /// Opens the kernel's IPVS, loading its module if that is needed.
    async fn connect(&mut self) -> Result<Self::Kernel, IpvsError>;
}

impl Kernel for Client {
    async fn services(&mut self) -> Result<Vec<(Service, Stats)>, IpvsError> {
        self.dump_services().await
    }

    async fn dests(&mut self, key: &ServiceKey) -> Result<Vec<(Dest, DestStatus)>, IpvsError> {
        self.dump_dests(key).await
    }

    async fn apply(&mut self, ops: &[Op]) -> Vec<Result<(), IpvsError>> {
        Self::apply(self, ops).await
    }

    async fn flush(&mut self) -> Result<(), IpvsError> {
        Self::flush(self).await
    }
}

/// How often the module is tried to be loaded.
const LOAD_EVERY: Duration = Duration::from_secs(60);

/// The running kernel.
#[derive(Debug, Default)]
pub(crate) struct Host {
    last_load: Option<Instant>,
}

impl Connect for Host {
    type Kernel = Client;

    async fn connect(&mut self) -> Result<Client, IpvsError> {
        match Client::open().await {
            Err(IpvsError::NoIpvs) if self.last_load.is_none_or(|last| last.elapsed() >= LOAD_EVERY) => {
                self.last_load = Some(Instant::now());
                if let Err(error) = load_module().await {
                    tracing::debug!(%error, "the module ip_vs could not be loaded");
                    return Err(IpvsError::NoIpvs);
                }
                Client::open().await
            }
            opened => opened,
        }
    }
}
