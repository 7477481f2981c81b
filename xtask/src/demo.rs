//! The main job to watch: a pair of directors on a LAN of namespaces, with a client before it and real servers behind it,
//! in a kernel with IPVS.
//!
//! [`run`] builds and prepares, then starts this program again in that kernel, where [`play`] goes through the acts that
//! [`acts`] describes on the [`stage`].

mod acts;
mod judge;
mod play;
mod screen;
mod shell;
mod stage;
mod stream;

use crate::{
    Failure,
    cargo::{self, Profile},
    setup,
};
use lvsd_lab::{Guest, quote, setup::Part};
use nix::unistd::geteuid;
use screen::Colour;
use std::{
    env,
    io::{IsTerminal as _, stdout},
    process::ExitCode,
    time::Duration,
};

/// Beyond this it hangs.
const LIMIT: Duration = Duration::from_secs(400);

/// How to show it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Leaves everything running afterwards, with a shell in the client.
    #[arg(long)]
    keep: bool,
    /// Coloured output; by default on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum)]
    colour: Option<Colour>,
    /// The kernel has IPVS and everything is built: play.
    #[arg(long, hide = true)]
    on_stage: bool,
}

/// Shows it. The exit status says whether every act did what it should.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let colour = options.colour.unwrap_or_else(usual_colour);
    if options.on_stage {
        return play::run(colour, options.keep);
    }
    if !geteuid().is_root() {
        return Err("the demo makes network namespaces: run it as root".into());
    }
    if options.keep && !std::io::stdin().is_terminal() {
        return Err("--keep ends in a shell: run it in a terminal".into());
    }
    setup(&[Part::Tools, Part::Guest])?;
    let mut guest = Guest::new().limit(LIMIT);
    for (name, variable) in [("lvsd", "LVSD_BIN"), ("lvsd-lab", "LVSD_LAB_BIN")] {
        let path = cargo::program(name, Profile::Dev)?;
        guest = guest.env(variable, path.display().to_string());
    }
    let this = quote(&env::current_exe()?.display().to_string());
    let keep = if options.keep { "--keep" } else { "" };
    let script = format!("exec {this} demo --on-stage --colour {colour} {keep}");
    let status = if options.keep {
        guest.interact(&script)?
    } else {
        guest.run(&script, &mut |line| println!("{line}"))?
    };
    Ok(u8::try_from(status).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn usual_colour() -> Colour {
    let is_wanted = stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if is_wanted { Colour::Always } else { Colour::Never }
}
