//! Tells events beside scripts: lines on FIFOs, and mail. Both processes of the family use it.
//!
//! [`Line`] and [`Letter`] are the formats, pure. [`Outlets`] holds what a plan asks for: FIFOs that are written without ever
//! waiting, programs that read them, and a task that talks to the mail server.
//!
//! This crate must never make its caller wait for a reader or for a mail server, and never let a name from a configuration
//! become a header or a command of a mail. What could not be told is counted, and said once. Start reading at [`Outlets`].

mod fifo;
mod letter;
mod line;
mod mailer;
mod outlets;
mod reader;
mod smtp;

pub use letter::{Letter, Sender};
pub use line::{Bearing, Line, Subject, Word};
pub use outlets::Outlets;
