//! What is counted, next to nothing else: plain numbers that only grow.

use crate::wire::Reject;

/// Packets and changes of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounters {
    /// Packets believed.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets not believed for their TTL.
    pub ttl: u64,
    /// Times that the session came Up.
    pub ups: u64,
    /// Times that it left Up.
    pub downs: u64,
}

/// Packets that were not believed, one field for each [`Reject`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectCounters {
    /// [`Reject::Version`].
    pub version: u64,
    /// [`Reject::Length`].
    pub length: u64,
    /// [`Reject::Multiplier`].
    pub multiplier: u64,
    /// [`Reject::Multipoint`].
    pub multipoint: u64,
    /// [`Reject::MyDiscriminator`].
    pub my_discriminator: u64,
    /// [`Reject::NoSession`].
    pub no_session: u64,
    /// [`Reject::YourDiscriminator`].
    pub your_discriminator: u64,
    /// [`Reject::Authentication`].
    pub authentication: u64,
    /// [`Reject::Ttl`].
    pub ttl: u64,
}

impl RejectCounters {
    /// All of them, each with its name, fit for a metric's label.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 9] {
        [
            ("version", self.version),
            ("length", self.length),
            ("multiplier", self.multiplier),
            ("multipoint", self.multipoint),
            ("my_discriminator", self.my_discriminator),
            ("no_session", self.no_session),
            ("your_discriminator", self.your_discriminator),
            ("authentication", self.authentication),
            ("ttl", self.ttl),
        ]
    }

    /// Counts one.
    pub(crate) const fn count(&mut self, reject: Reject) {
        let field = match reject {
            Reject::Version => &mut self.version,
            Reject::Length => &mut self.length,
            Reject::Multiplier => &mut self.multiplier,
            Reject::Multipoint => &mut self.multipoint,
            Reject::MyDiscriminator => &mut self.my_discriminator,
            Reject::NoSession => &mut self.no_session,
            Reject::YourDiscriminator => &mut self.your_discriminator,
            Reject::Authentication => &mut self.authentication,
            Reject::Ttl => &mut self.ttl,
        };
        *field = field.saturating_add(1);
    }
}
