//! Real servers and clients: small, real, blocking HTTP and UDP on `std`, as threads whose sockets are on some host.

mod client;
mod server;

pub use client::{Client, Load, Next, Report, Target};
pub use server::{Answer, Server, UdpEcho};
