//! What one run of a check can end in.

use std::fmt;

use lvsd_model::Weight;

/// Why a run failed: a closed set, fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// No connection within the time.
    ConnectTimeout,
    /// The server's host refused the connection.
    Refused,
    /// There is no way to the server.
    Unreachable,
    /// The connection was cut by the other side.
    Reset,
    /// Connected, but no complete answer within the time.
    ResponseTimeout,
    /// The connection was closed without any answer.
    NoData,
    /// The answer is not what the protocol allows.
    Protocol,
    /// The TLS handshake failed.
    Tls,
    /// A status code outside the accepted ranges, an SMTP reply that refuses, a DNS answer with an error.
    Status,
    /// Another digest than configured.
    Digest,
    /// The content of the answer is not what is asked for.
    Content,
    /// The program said no.
    Exit,
    /// The program was killed by a signal that was not ours.
    Signal,
    /// The program ran for too long and was killed.
    ScriptTimeout,
    /// The BFD session with the server is not up.
    SessionDown,
    /// Anything else the system reported.
    Other,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::ConnectTimeout,
        Self::Refused,
        Self::Unreachable,
        Self::Reset,
        Self::ResponseTimeout,
        Self::NoData,
        Self::Protocol,
        Self::Tls,
        Self::Status,
        Self::Digest,
        Self::Content,
        Self::Exit,
        Self::Signal,
        Self::ScriptTimeout,
        Self::SessionDown,
        Self::Other,
    ];

    /// The word for logs and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectTimeout => "connect_timeout",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::ResponseTimeout => "response_timeout",
            Self::NoData => "no_data",
            Self::Protocol => "protocol",
            Self::Tls => "tls",
            Self::Status => "status",
            Self::Digest => "digest",
            Self::Content => "content",
            Self::Exit => "exit",
            Self::Signal => "signal",
            Self::ScriptTimeout => "script_timeout",
            Self::SessionDown => "session_down",
            Self::Other => "other",
        }
    }
}

/// A failed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why, as a class.
    pub cause: Cause,
    /// The particulars in words, such as `/login: status 503`; may be empty.
    pub detail: String,
}

impl Failure {
    /// A failure with its particulars.
    #[must_use]
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.name())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server answered as it should.
    Success {
        /// The weight that the check found (`misc_dynamic`); `None` is the configured one.
        weight: Option<Weight>,
    },
    /// The server did not.
    Failure(Failure),
    /// The run says nothing about the server, because something on this host kept it from happening (an address to bind
    /// that is not here, no descriptors left, a program that is not there). It is tried again at the next interval.
    Skipped {
        /// What was in the way.
        reason: String,
    },
}

impl Outcome {
    /// A success that says nothing about the weight.
    pub const SUCCESS: Self = Self::Success { weight: None };

    /// A failure with its particulars.
    #[must_use]
    pub fn failure(cause: Cause, detail: impl Into<String>) -> Self {
        Self::Failure(Failure::new(cause, detail))
    }
}
