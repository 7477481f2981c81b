//! What `SSL_GET` shows of this host, and whom it believes.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `SSL`: the same for every check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TlsClient {
    /// `ca`: whom `tls_verify` believes; `None`: the system's roots.
    pub authorities: Option<PathBuf>,
    /// `certificate` and `key`, for servers that want to know who asks.
    pub identity: Option<TlsIdentity>,
}

/// A certificate with its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TlsIdentity {
    /// The certificate, and those between it and an authority.
    pub certificate: PathBuf,
    /// The private key; may be the same file.
    pub key: PathBuf,
    /// What the key is encrypted with.
    pub password: Option<Password>,
}

/// A password, which is in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Password(String);

impl Password {
    /// As written.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// As written; only for what needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Something to show in its place.
    #[must_use]
    pub fn masked() -> Self {
        Self("********".to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(********)")
    }
}
