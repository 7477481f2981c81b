//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Ask and examine lvsd and its configuration
#[derive(Debug, Parser)]
#[command(name = "lvsctl", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check configuration files, as lvsd --config-test does
    ///
    /// The exit status is the worst of all files: 0 it runs as written, 5 it runs but something in it is skipped or
    /// cannot work as written, 4 it will not start, 6 it cannot be read.
    Check(Check),
    /// Compare the configurations of two nodes of a pair
    ///
    /// Finds what must be the same on both to understand each other's adverts, and what one must have to take over from
    /// the other. The exit status is 1 when something differs.
    Compare(Compare),
    /// Lay a configuration file out in the canonical way
    ///
    /// One statement per line, blocks indented by four blanks, the opening brace behind its keyword; all comments stay.
    /// Definitions, conditional lines, repetitions and includes stay as they are written. The result means the same, or
    /// the file is left as it is and the exit status is 2.
    Fmt(Fmt),
    /// Explain keywords of the configuration language
    ///
    /// The exit status is 1 when no keyword matches.
    Keywords(Keywords),
    /// Tell how a daemon and all that it does is
    Status(Status),
    /// Tell what has happened to a daemon, and what happens
    ///
    /// The daemon remembers its last 1024 events.
    Events(Events),
    /// Tell why a VRRP instance is in its state, and how its priority comes about
    ///
    /// Prints its latest decisions as sentences with the numbers that they were made from, the newest last. The exit
    /// status is 1 when there is no such instance.
    Why(Why),
    /// Tell who else uses which VRID on the segments of a daemon, and what does not fit
    ///
    /// Adverts that a firewall swallows, neighbours that are configured otherwise, two masters, a virtual address that somebody else
    /// answers for, a VRID that strangers use. The exit status is 1 when something does not fit.
    Radar(Radar),
    /// Write what a daemon's flight recorder has into a file
    ///
    /// The last inputs of the elections, up to 8 MiB of them, with the state in which they began. The file is a new one that only
    /// its owner may read: it has the keys and passwords of the configuration in it.
    Record(Record),
    /// Replay a recording of a daemon, and tell what happened in it
    ///
    /// The elections of the recording are held again by the same engine. The exit status is 1 when that comes to another result.
    Replay(Replay),
    /// Have a daemon read its configuration again
    ///
    /// Waits until it is in force, and tells what is to be said about it. The exit status is 1 when it is refused; then
    /// nothing has changed.
    Reload(Reload),
    /// Tell how an election between configuration files would go, before anybody loads them
    ///
    /// Each file is the configuration of a host on one LAN; they are called a, b and so on. All start at once unless told otherwise, and
    /// what happens to them is told as WHAT@TIME. Prints the time line of the elections, held by the daemon's own engine with the packets
    /// that it would send. Scripts succeed unless told to fail. The exit status is 1 when in the end a virtual router has no master, or
    /// more than one.
    Simulate(Box<Simulate>),
    /// Print the digest of a page for HTTP_GET and SSL_GET
    ///
    /// Fetches the page as these checks do, whatever its status is. The exit status is 1 when there is no answer.
    Genhash(lvsd::genhash::Genhash),
    /// Show what lvsd understands
    Show {
        #[command(subcommand)]
        what: Show,
    },
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Findings {
    /// For people, with the lines of the file
    Text,
    /// A line each
    Concise,
    /// For programs
    Json,
}

impl Findings {
    /// The word for it on the daemon's command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Concise => "concise",
            Self::Json => "json",
        }
    }
}

/// Which daemon.
#[derive(Debug, Args)]
pub(crate) struct Daemon {
    /// Its control socket [default: control.sock in $LVSD_RUNTIME_DIR or /run/lvsd]
    #[arg(short, long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl Daemon {
    pub(crate) fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(crate::daemon::default_socket)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// How each event is written, on a line of its own
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Do not end: tell what happens as it happens
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only events after that of this number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) after: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Its name
    #[arg(value_name = "INSTANCE")]
    pub(crate) instance: String,
}

#[derive(Debug, Args)]
pub(crate) struct Radar {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Only this interface
    #[arg(short, long, value_name = "INTERFACE")]
    pub(crate) interface: Option<String>,
    /// Print only, for each interface, the least VRID that nobody was heard to use
    #[arg(long, conflicts_with = "format")]
    pub(crate) free_vrid: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// The file to make
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// The recording
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Reload {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// A host loses its power, as in a@10s
    #[arg(long, value_name = "HOST@TIME")]
    pub(crate) kill: Vec<String>,
    /// A host is stopped in an orderly way
    #[arg(long, value_name = "HOST@TIME")]
    pub(crate) stop: Vec<String>,
    /// A host is started again
    #[arg(long, value_name = "HOST@TIME")]
    pub(crate) restore: Vec<String>,
    /// A host is first started then, and not at once
    #[arg(long, value_name = "HOST@TIME")]
    pub(crate) start: Vec<String>,
    /// A host stands still for a while, as in a:5s@10s
    #[arg(long, value_name = "HOST:SPAN@TIME")]
    pub(crate) pause: Vec<String>,
    /// Two hosts do not hear each other any more, as in a-b@20s
    #[arg(long, value_name = "HOST-HOST@TIME")]
    pub(crate) partition: Vec<String>,
    /// The first host does not hear the second any more
    #[arg(long, value_name = "HOST-HOST@TIME")]
    pub(crate) deafen: Vec<String>,
    /// Two hosts hear each other again
    #[arg(long, value_name = "HOST-HOST@TIME")]
    pub(crate) heal: Vec<String>,
    /// An interface of a host loses its carrier, as in a:eth0@10s
    #[arg(long, value_name = "HOST:INTERFACE@TIME")]
    pub(crate) down: Vec<String>,
    /// An interface of a host has its carrier again
    #[arg(long, value_name = "HOST:INTERFACE@TIME")]
    pub(crate) up: Vec<String>,
    /// A tracked script of a host fails from then on, as in a:NAME@10s
    #[arg(long, value_name = "HOST:SCRIPT@TIME")]
    pub(crate) fail: Vec<String>,
    /// A tracked script of a host succeeds from then on
    #[arg(long, value_name = "HOST:SCRIPT@TIME")]
    pub(crate) succeed: Vec<String>,
    /// When the story ends [default: 20 s after the last that happens]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Of each file in turn, use the lines that are marked @ID [default: the host's name]
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Hints and deprecated spellings count, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// How the findings are written: JSON is one object per file, each on a line of standard output
    #[arg(long, value_enum, default_value_t = Findings::Text)]
    pub(crate) format: Findings,
    /// An included file that cannot be read refuses the configuration
    #[arg(long)]
    pub(crate) all_config: bool,
    /// Use the lines that are marked @ID [default: the host's name]
    #[arg(short = 'i', long, value_name = "ID")]
    pub(crate) config_id: Option<String>,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Of the first file, use the lines that are marked @ID [default: the host's name]
    #[arg(long, value_name = "ID")]
    pub(crate) id_a: Option<String>,
    /// Of the second file, use the lines that are marked @ID [default: the host's name]
    #[arg(long, value_name = "ID")]
    pub(crate) id_b: Option<String>,
    /// The file of the one node
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,
    /// The file of the other node
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Write nothing; the exit status is 1 when a file is not in the canonical layout
    #[arg(long)]
    pub(crate) check: bool,
    /// Write the files instead of printing them
    #[arg(short = 'w', long, conflicts_with = "check")]
    pub(crate) write: bool,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Keywords {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Only keywords with this in their name, or in the path of their block when it contains a slash
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,
}

/// What can be shown.
#[derive(Debug, Subcommand)]
pub(crate) enum Show {
    /// A configuration with every default filled in, as JSON
    ///
    /// docs/config.schema.json is its JSON Schema. Durations are seconds and nanoseconds.
    Config(ShowConfig),
}

#[derive(Debug, Args)]
pub(crate) struct ShowConfig {
    /// How it is written
    #[arg(long, value_enum, default_value_t = ConfigFormat::Json)]
    pub(crate) format: ConfigFormat,
    /// Use the lines that are marked @ID [default: the host's name]
    #[arg(short = 'i', long, value_name = "ID")]
    pub(crate) config_id: Option<String>,
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigFormat {
    /// The model
    Json,
}
