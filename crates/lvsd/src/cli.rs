//! The command line: every option of keepalived's, so that a unit file or script need only change the program's name.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, CommandFactory, Parser};

/// The options. Those without meaning here are accepted, and [`Cli::notes`] says so.
#[derive(Clone, Debug, Parser)]
#[command(name = "lvsd", about = "Linux Virtual Server director: VRRP, health checks, IPVS")]
#[command(disable_version_flag = true, args_override_self = true)]
pub(crate) struct Cli {
    /// Use this configuration file
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) use_file: Option<PathBuf>,
    /// Run only VRRP
    #[arg(short = 'P', long)]
    pub(crate) vrrp: bool,
    /// Run only the health checks
    #[arg(short = 'C', long)]
    pub(crate) check: bool,
    /// Run no BFD: sessions count as down
    #[arg(short = 'B', long = "no_bfd")]
    pub(crate) no_bfd: bool,
    /// Start all processes, with or without configuration for them
    #[arg(long)]
    pub(crate) all: bool,
    /// Log to standard error too
    #[arg(short = 'l', long)]
    pub(crate) log_console: bool,
    /// Log more; twice, everything
    #[arg(short = 'D', long, action = ArgAction::Count)]
    pub(crate) log_detail: u8,
    /// Log to syslog with this facility: 0-7, local0-local7, user, daemon
    #[arg(short = 'S', long, value_name = "FACILITY")]
    pub(crate) log_facility: Option<crate::logging::Facility>,
    /// Never log to syslog
    #[arg(short = 'G', long)]
    pub(crate) no_syslog: bool,
    /// File mode creation mask, octal with a leading 0
    #[arg(short = 'u', long, value_name = "NUMBER", value_parser = parse_umask)]
    pub(crate) umask: Option<u16>,
    /// Also remove configured addresses that somebody else has set
    #[arg(short = 'X', long)]
    pub(crate) release_vips: bool,
    /// Keep the virtual addresses at the end
    #[arg(short = 'V', long)]
    pub(crate) dont_release_vrrp: bool,
    /// Keep the IPVS table at the end
    #[arg(short = 'I', long)]
    pub(crate) dont_release_ipvs: bool,
    /// End when a child process dies
    #[arg(short = 'R', long)]
    pub(crate) dont_respawn: bool,
    /// Stay in the foreground (always so)
    #[arg(short = 'n', long)]
    pub(crate) dont_fork: bool,
    /// Log the configuration as understood
    #[arg(short = 'd', long)]
    pub(crate) dump_conf: bool,
    /// File for the process id of the supervisor
    #[arg(short = 'p', long, value_name = "FILE")]
    pub(crate) pid: Option<PathBuf>,
    /// File for the process id of the VRRP process
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE")]
    pub(crate) vrrp_pid: Option<PathBuf>,
    /// File for the process id of the checker process
    #[arg(short = 'c', long = "checkers_pid", value_name = "FILE")]
    pub(crate) checkers_pid: Option<PathBuf>,
    /// File for the process id of the BFD process
    #[arg(short = 'b', long = "bfd_pid", value_name = "FILE")]
    pub(crate) bfd_pid: Option<PathBuf>,
    /// Log all changes of addresses
    #[arg(short = 'a', long)]
    pub(crate) address_monitoring: bool,
    /// Run in this network namespace
    #[arg(short = 's', long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// An included file that cannot be read refuses the configuration
    #[arg(short = 'e', long)]
    pub(crate) all_config: bool,
    /// Use the lines of the configuration that are marked @ID
    #[arg(short = 'i', long, value_name = "ID")]
    pub(crate) config_id: Option<String>,
    /// Check the configuration and end; findings go to standard error, or to FILE
    #[arg(short = 't', long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) config_test: Option<Option<PathBuf>>,
    /// Refuse tolerated mistakes too; with --config-test also hints
    #[arg(long)]
    pub(crate) strict: bool,
    /// How the findings of --config-test look
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FindingsFormat::Text)]
    pub(crate) format: FindingsFormat,
    /// Print the number of a signal: STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON
    #[arg(long, value_name = "NAME")]
    pub(crate) signum: Option<String>,
    /// Print the digest of a page; must be the first argument, see lvsd --genhash --help
    #[arg(short = 'T', long)]
    pub(crate) genhash: bool,
    /// Print the version on standard error
    #[arg(short = 'v', long)]
    pub(crate) version: bool,

    #[arg(short = 'g', long, value_name = "FILE", num_args = 0..=1, require_equals = true, hide = true)]
    log_file: Option<Option<PathBuf>>,
    #[arg(long, hide = true)]
    flush_log_file: bool,
    #[arg(short = 'x', long, hide = true)]
    snmp: bool,
    #[arg(short = 'A', long, value_name = "FILE", hide = true)]
    snmp_agent_socket: Option<String>,
    #[arg(short = 'm', long, hide = true)]
    core_dump: bool,
    #[arg(short = 'M', long, value_name = "PATTERN", num_args = 0..=1, require_equals = true, hide = true)]
    core_dump_pattern: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub(crate) ignore_sigint: bool,
    #[arg(long, num_args = 0..=1, require_equals = true, hide = true)]
    perf: Option<Option<String>>,
    #[arg(long, num_args = 0..=1, require_equals = true, hide = true)]
    debug: Option<Option<String>>,
    #[arg(long, hide = true)]
    no_mem_check: bool,
    #[arg(short = 'L', hide = true)]
    mem_check_log: bool,
    #[arg(short = 'O', long, hide = true)]
    openssl_mem_check: bool,
    /// Reported, and otherwise ignored
    #[arg(hide = true)]
    extra: Vec<OsString>,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FindingsFormat {
    /// For people, with the lines of the file; in colour on a terminal.
    #[default]
    Text,
    /// A line for each: `file:line:column: severity[id]: text`.
    Concise,
    /// One JSON object on standard output.
    Json,
}

/// What the command line asks for instead of options.
#[derive(Debug)]
pub(crate) enum Misuse {
    /// Help was asked for: this text, exit status 0.
    Help(String),
    /// It is wrong: this text, exit status 1.
    Wrong(String),
}

impl Cli {
    /// Reads a command line, program name first.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, Misuse> {
        Self::try_parse_from(words.into_iter().map(with_equals_sign)).map_err(|error| {
            let text = error.render().to_string();
            if error.use_stderr() { Misuse::Wrong(text) } else { Misuse::Help(text) }
        })
    }

    /// Every option given that does nothing here, and every stray word.
    pub(crate) fn notes(&self) -> Vec<String> {
        let without_effect = [
            (self.log_file.is_some() || self.flush_log_file, "--log-file: redirect standard error instead"),
            (self.snmp || self.snmp_agent_socket.is_some(), "--snmp: there is no SNMP; see /metrics"),
            (self.core_dump || self.core_dump_pattern.is_some(), "--core-dump: see coredumpctl(1)"),
            (self.address_monitoring, "--address-monitoring: see ip-monitor(8)"),
            (self.perf.is_some() || self.debug.is_some(), "--perf, --debug: use --log-detail"),
            (self.no_mem_check || self.mem_check_log || self.openssl_mem_check, "memory checks do not exist"),
        ];
        let options = without_effect
            .into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, note)| format!("option without effect: {note}"));
        let words = self.extra.iter().map(|word| format!("unexpected argument {}", word.display()));
        options.chain(words).collect()
    }
}

/// Every option, as `-x` and `--long`.
pub(crate) fn options() -> Vec<String> {
    let command = Cli::command();
    let spelled = command.get_arguments().flat_map(|argument| {
        let short = argument.get_short().map(|letter| format!("-{letter}"));
        short.into_iter().chain(argument.get_long().map(|name| format!("--{name}")))
    });
    spelled.collect()
}

/// getopt writes an optional argument right behind its letter: `-tFILE` is `-t=FILE` here.
fn with_equals_sign(word: OsString) -> OsString {
    let letter = ["-t", "-g", "-M"].into_iter().find(|letter| {
        word.to_str()
            .and_then(|text| text.strip_prefix(letter))
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('='))
    });
    match (letter, word.to_str()) {
        (Some(letter), Some(text)) => format!("{letter}={}", text.get(2..).unwrap_or_default()).into(),
        _ => word,
    }
}

/// As strtol with base 0 takes it.
fn parse_umask(text: &str) -> Result<u16, String> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    u16::from_str_radix(digits, radix)
        .ok()
        .filter(|mask| *mask <= 0o777)
        .ok_or_else(|| "must be 0 to 0777".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Facility;

    fn read(line: &str) -> Result<Cli, Misuse> {
        Cli::read(std::iter::once("lvsd").chain(line.split_whitespace()).map(OsString::from))
    }

    fn good(line: &str) -> Cli {
        read(line).unwrap_or_else(|misuse| panic!("{line}: {misuse:?}"))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    /// One row for each option of the table, short and long.
    #[test]
    fn every_option_has_its_meaning() {
        type Check = fn(&Cli) -> bool;
        let rows: &[(&str, &str, Check)] = &[
            ("-f a", "--use-file a", |cli| cli.use_file == Some("a".into())),
            ("-P", "--vrrp", |cli| cli.vrrp),
            ("-C", "--check", |cli| cli.check),
            ("-B", "--no_bfd", |cli| cli.no_bfd),
            ("--all", "--all", |cli| cli.all),
            ("-l", "--log-console", |cli| cli.log_console),
            ("-DD", "--log-detail --log-detail", |cli| cli.log_detail == 2),
            ("-S 3", "--log-facility local3", |cli| cli.log_facility == Some(Facility::Local(3))),
            ("-S daemon", "--log-facility=daemon", |cli| cli.log_facility == Some(Facility::Daemon)),
            ("-G", "--no-syslog", |cli| cli.no_syslog),
            ("-u 077", "--umask 63", |cli| cli.umask == Some(0o077)),
            ("-X", "--release-vips", |cli| cli.release_vips),
            ("-V", "--dont-release-vrrp", |cli| cli.dont_release_vrrp),
            ("-I", "--dont-release-ipvs", |cli| cli.dont_release_ipvs),
            ("-R", "--dont-respawn", |cli| cli.dont_respawn),
            ("-n", "--dont-fork", |cli| cli.dont_fork),
            ("-d", "--dump-conf", |cli| cli.dump_conf),
            ("-p a", "--pid a", |cli| cli.pid == Some("a".into())),
            ("-r a", "--vrrp_pid=a", |cli| cli.vrrp_pid == Some("a".into())),
            ("-c a", "--checkers_pid a", |cli| cli.checkers_pid == Some("a".into())),
            ("-b a", "--bfd_pid a", |cli| cli.bfd_pid == Some("a".into())),
            ("-a", "--address-monitoring", |cli| cli.address_monitoring),
            ("-s blue", "--namespace blue", |cli| cli.namespace.as_deref() == Some("blue")),
            ("-e", "--all-config", |cli| cli.all_config),
            ("-i one", "--config-id one", |cli| cli.config_id.as_deref() == Some("one")),
            ("-t", "--config-test", |cli| cli.config_test == Some(None)),
            ("-tlog", "--config-test=log", |cli| cli.config_test == Some(Some("log".into()))),
            ("--strict", "--strict", |cli| cli.strict),
            ("--signum STOP", "--signum=STOP", |cli| cli.signum.as_deref() == Some("STOP")),
            ("-T", "--genhash", |cli| cli.genhash),
            ("-v", "--version", |cli| cli.version),
            ("--ignore-sigint", "--ignore-sigint", |cli| cli.ignore_sigint),
            ("-nlDP -f x", "--dont-fork -l -D --vrrp -fx", |cli| {
                cli.dont_fork && cli.log_console && cli.log_detail == 1 && cli.vrrp && cli.use_file.is_some()
            }),
            // The last one counts.
            ("-f a -f b", "--use-file a --use-file b", |cli| cli.use_file == Some("b".into())),
        ];
        for (short, long, check) in rows {
            assert!(check(&good(short)), "{short}");
            assert!(check(&good(long)), "{long}");
        }
    }

    #[test]
    fn options_without_effect_and_stray_words_are_said() {
        for line in [
            "-g",
            "-gfile",
            "--log-file=x",
            "-x",
            "-A s",
            "-m",
            "-M",
            "--core-dump-pattern=x",
            "-a",
            "--perf",
            "--perf=all",
            "--debug=x",
            "--no-mem-check",
            "-L",
            "-O",
            "--flush-log-file",
        ] {
            assert_eq!(good(line).notes().len(), 1, "{line}");
        }
        assert_eq!(good("one two").notes(), ["unexpected argument one", "unexpected argument two"]);
        assert_eq!(good("-n -l -D -f x").notes(), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_refused_and_help_is_help() {
        for line in ["--no-such", "-Z", "-f", "-p", "-S 8", "-S mail", "-u 8888", "-u x", "--vrrp=yes"] {
            assert!(matches!(read(line), Err(Misuse::Wrong(_))), "{line}");
        }
        assert!(matches!(read("-h"), Err(Misuse::Help(_))));
        assert!(matches!(read("--help"), Err(Misuse::Help(text)) if text.contains("--config-test")));
    }
}
