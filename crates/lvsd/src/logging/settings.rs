//! Which lines are wanted, and where; as a value that children inherit through an environment variable.

use std::os::fd::AsFd;
use std::str::FromStr;

use nix::sys::stat::fstat;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::Cli;

/// A syslog facility (RFC 5424 §6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Facility {
    User,
    Daemon,
    /// local0 to local7.
    Local(u8),
}

impl Facility {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Daemon => 3,
            Self::Local(which) => 16 + which,
        }
    }
}

impl FromStr for Facility {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "user" => return Ok(Self::User),
            "daemon" => return Ok(Self::Daemon),
            _ => {}
        }
        match text.strip_prefix("local").unwrap_or(text).parse() {
            Ok(which @ 0..=7) => Ok(Self::Local(which)),
            _ => Err("must be 0 to 7, local0 to local7, user or daemon"),
        }
    }
}

impl std::fmt::Display for Facility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User => f.write_str("user"),
            Self::Daemon => f.write_str("daemon"),
            Self::Local(which) => write!(f, "local{which}"),
        }
    }
}

/// Where lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sinks {
    pub(crate) stderr: bool,
    pub(crate) journal: bool,
    pub(crate) syslog: Option<Facility>,
}

/// Everything about logging that children inherit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) level: LevelFilter,
    pub(crate) sinks: Sinks,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: LevelFilter::INFO, sinks: Sinks { stderr: true, ..Sinks::default() } }
    }
}

impl LogSettings {
    /// The variable that carries them to children.
    pub(crate) const VARIABLE: &'static str = "LVSD_LOG";

    /// As the command line says; without a word about it, to the journal when that is where standard error goes.
    pub(crate) fn new(cli: &Cli, stderr_is_journal: bool) -> Self {
        let level = match cli.log_detail {
            0 => LevelFilter::INFO,
            1 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        let syslog = cli.log_facility.filter(|_| !cli.no_syslog);
        let journal = syslog.is_none() && stderr_is_journal;
        let stderr = cli.log_console || (syslog.is_none() && !journal);
        Self { level, sinks: Sinks { stderr, journal, syslog } }
    }

    /// As one word.
    pub(crate) fn to_variable(self) -> String {
        let mut text = self.level.to_string();
        let Sinks { stderr, journal, syslog } = self.sinks;
        if stderr {
            text.push_str(",stderr");
        }
        if journal {
            text.push_str(",journal");
        }
        if let Some(facility) = syslog {
            text.push_str(",syslog=");
            text.push_str(&facility.to_string());
        }
        text
    }

    /// From that word; what it does not understand, it leaves at its default.
    pub(crate) fn from_variable(text: &str) -> Self {
        let mut words = text.split(',');
        let level = words.next().and_then(|word| word.parse().ok()).unwrap_or(LevelFilter::INFO);
        let mut sinks = Sinks::default();
        for word in words {
            match word {
                "stderr" => sinks.stderr = true,
                "journal" => sinks.journal = true,
                other => sinks.syslog = other.strip_prefix("syslog=").and_then(|name| name.parse().ok()),
            }
        }
        Self { level, sinks }
    }
}

/// Whether standard error is connected to the journal, by what the service manager says in JOURNAL_STREAM.
pub(crate) fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stat) = fstat(std::io::stderr().as_fd()) else { return false };
    stream == format!("{}:{}", stat.st_dev, stat.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(line: &str, journal: bool) -> LogSettings {
        let words = std::iter::once("lvsd").chain(line.split_whitespace()).map(Into::into);
        LogSettings::new(&Cli::read(words).expect("well-formed"), journal)
    }

    #[test]
    fn the_command_line_chooses_the_sinks() {
        let to = |line, journal| settings(line, journal).sinks;
        let daemon = Some(Facility::Daemon);
        assert_eq!(to("", false), Sinks { stderr: true, journal: false, syslog: None });
        assert_eq!(to("", true), Sinks { stderr: false, journal: true, syslog: None });
        assert_eq!(to("-l", true), Sinks { stderr: true, journal: true, syslog: None });
        assert_eq!(to("-S daemon", true), Sinks { stderr: false, journal: false, syslog: daemon });
        assert_eq!(to("-S daemon -l", false), Sinks { stderr: true, journal: false, syslog: daemon });
        assert_eq!(to("-S daemon -G", false), Sinks { stderr: true, journal: false, syslog: None });
        assert_eq!(settings("-D", false).level, LevelFilter::DEBUG);
        assert_eq!(settings("-DDD", false).level, LevelFilter::TRACE);
    }

    #[test]
    fn children_inherit_exactly_the_same() {
        for line in ["", "-D", "-DD -l -S 7", "-S user", "-S daemon -l"] {
            for journal in [false, true] {
                let settings = settings(line, journal);
                assert_eq!(LogSettings::from_variable(&settings.to_variable()), settings, "{line}");
            }
        }
        let strange = LogSettings::from_variable("loud,telegraph");
        assert_eq!((strange.level, strange.sinks), (LevelFilter::INFO, Sinks::default()));
    }
}
