//! The lines of the FIFOs, as keepalived writes them.

use std::fmt;

/// Whose state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// `vrrp_instance`.
    Instance(&'a str),
    /// `vrrp_sync_group`.
    Group(&'a str),
}

impl Subject<'_> {
    /// The word that scripts and FIFOs get.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Instance(_) => "INSTANCE",
            Self::Group(_) => "GROUP",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &str {
        match self {
            Self::Instance(name) | Self::Group(name) => name,
        }
    }
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It is MASTER.
    Master,
    /// It is BACKUP.
    Backup,
    /// It is in FAULT.
    Fault,
    /// The daemon stops.
    Stop,
    /// A reload removed it.
    Deleted,
    /// It is MASTER and hears adverts of a lower priority.
    MasterRxLowerPriority,
    /// It is MASTER and has another priority now.
    MasterPriority,
    /// It is BACKUP and has another priority now.
    BackupPriority,
}

impl Word {
    /// As scripts and FIFOs get it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Fault => "FAULT",
            Self::Stop => "STOP",
            Self::Deleted => "DELETED",
            Self::MasterRxLowerPriority => "MASTER_RX_LOWER_PRI",
            Self::MasterPriority => "MASTER_PRIORITY",
            Self::BackupPriority => "BACKUP_PRIORITY",
        }
    }
}

/// Whether a server or a quorum is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// It is.
    Up,
    /// It is not.
    Down,
}

impl fmt::Display for Bearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
        })
    }
}

/// One event on a FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Of an instance or group.
    State {
        /// Whose.
        subject: Subject<'a>,
        /// What.
        word: Word,
        /// Its priority in force; 0 for a group.
        priority: u8,
    },
    /// Of a virtual server's quorum.
    Service {
        /// Its label.
        service: &'a str,
        /// What it is now.
        bearing: Bearing,
    },
    /// Of a real server.
    Server {
        /// Its label.
        server: &'a str,
        /// The label of its virtual server.
        service: &'a str,
        /// What it is now.
        bearing: Bearing,
    },
}

impl Line<'_> {
    /// What is written: one line. Behind the newline of a line about servers stands a NUL byte: keepalived writes one, and its
    /// readers expect it.
    ///
    /// Names are written as they are, but control characters in them become `?`: a name must not make a second line.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let (text, end) = match self {
            Self::State { subject, word, priority } => {
                let text = format!("{} \"{}\" {} {priority}", subject.kind(), subject.name(), word.as_str());
                (text, "\n")
            }
            Self::Service { service, bearing } => (format!("VS {service} {bearing}"), "\n\0"),
            Self::Server { server, service, bearing } => (format!("RS {server} {service} {bearing}"), "\n\0"),
        };
        let mut line = text.replace(char::is_control, "?");
        line.push_str(end);
        line.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_written_as_keepalived_2_3_3_writes_them() {
        let line = |subject, word, priority| {
            String::from_utf8(Line::State { subject, word, priority }.bytes()).expect("text")
        };
        assert_eq!(line(Subject::Instance("VI_1"), Word::Master, 150), "INSTANCE \"VI_1\" MASTER 150\n");
        assert_eq!(line(Subject::Group("G"), Word::Stop, 0), "GROUP \"G\" STOP 0\n");
        let rises = line(Subject::Instance("VI_2"), Word::MasterPriority, 105);
        assert_eq!(rises, "INSTANCE \"VI_2\" MASTER_PRIORITY 105\n");
    }

    #[test]
    fn servers_have_a_nul_byte_behind_the_newline() {
        let (server, service) = ("[127.0.0.1]:tcp:8001", "[10.7.1.1]:tcp:80");
        let line = Line::Server { server, service, bearing: Bearing::Down };
        assert_eq!(line.bytes(), b"RS [127.0.0.1]:tcp:8001 [10.7.1.1]:tcp:80 DOWN\n\0");
        assert_eq!(Line::Service { service: "FWM 7", bearing: Bearing::Up }.bytes(), b"VS FWM 7 UP\n\0");
    }

    #[test]
    fn a_name_makes_no_second_line() {
        let subject = Subject::Instance("a\nGROUP \"b\" MASTER 0\n\0c");
        let line = Line::State { subject, word: Word::Fault, priority: 1 }.bytes();
        assert_eq!(line, b"INSTANCE \"a?GROUP \"b\" MASTER 0??c\" FAULT 1\n");
    }
}
