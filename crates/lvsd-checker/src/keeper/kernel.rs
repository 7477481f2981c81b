//! What the keeper wants of the kernel.

use ipvs::client::{Connector, LoadError};
use ipvs::{Client, Dest, DestStatus, IpvsError, Op, Service, ServiceKey, Stats};

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

/// The running kernel.
#[derive(Debug, Default)]
pub(crate) struct Host {
    /// Once the first plan has said where.
    connector: Option<Connector>,
}

impl Connect for Host {
    type Kernel = Client;

    async fn connect(&mut self) -> Result<Client, IpvsError> {
        let told = |error: &LoadError| tracing::debug!(%error, "the module ip_vs could not be loaded");
        self.connector.get_or_insert_with(crate::namespace::connector).connect(told).await
    }
}
