//! Virtual servers as configuration text.

use std::fmt;

/// One `virtual_server` whose checks are quick; as text, a whole configuration or a part of one.
#[derive(Clone, Debug)]
pub struct Service {
    head: String,
    lines: Vec<String>,
    servers: Vec<(String, String)>,
}

impl Service {
    /// A check that connects.
    pub const CONNECT: &'static str = "TCP_CHECK {\n  }";

    /// A service (`10.0.0.100 80`, `fwmark 7`, `group NAME`), round robin. Its servers are checked every half second, or
    /// every tenth once they have failed, and the first time one second after the start.
    pub fn new(head: &str) -> Self {
        let lines =
            ["lvs_sched rr", "delay_loop 0.5", "delay_before_retry 0.1", "warmup 0", "connect_timeout 3"];
        Self { head: head.to_owned(), lines: lines.map(str::to_owned).into(), servers: Vec::new() }
    }

    /// A TCP service with this forwarding method.
    pub fn tcp(head: &str, method: &str) -> Self {
        Self::new(head).line("protocol TCP").line(&format!("lvs_method {method}"))
    }

    /// A UDP service with this forwarding method.
    pub fn udp(head: &str, method: &str) -> Self {
        Self::new(head).line("protocol UDP").line(&format!("lvs_method {method}"))
    }

    /// Adds a line, in place of one with the same keyword.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        let keyword = |line: &str| line.split_whitespace().next().map(str::to_owned);
        self.lines.retain(|other| keyword(other) != keyword(line));
        self.lines.push(line.to_owned());
        self
    }

    /// Adds a real server (`10.0.0.11 80`) and the lines of its block.
    #[must_use]
    pub fn server(mut self, address: &str, lines: &str) -> Self {
        self.servers.push((address.to_owned(), lines.to_owned()));
        self
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "virtual_server {} {{", self.head)?;
        self.lines.iter().try_for_each(|line| writeln!(f, " {line}"))?;
        for (address, lines) in &self.servers {
            writeln!(f, " real_server {address} {{\n  {lines}\n }}")?;
        }
        f.write_str("}\n")
    }
}
