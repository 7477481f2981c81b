//! The run of the acts, and their summary.

use super::{
    acts,
    judge::{Act, summary},
    screen::{Colour, Screen, Style},
    shell,
    stage::Stage,
};
use crate::Failure;
use std::{fs, process::ExitCode};

/// Lines of a log that are shown after a failure.
const TAIL: usize = 25;

/// Everything that an act needs.
#[derive(Debug)]
pub(super) struct Show {
    pub(super) stage: Stage,
    pub(super) screen: Screen,
    acts: Vec<Act>,
}

impl Show {
    /// Notes the outcome of an act.
    pub(super) fn close(&mut self, act: Act) {
        let verdict = if act.is_good() {
            self.screen.paint(Style::Good, "ok")
        } else {
            self.screen.paint(Style::Bad, &format!("FAILED: {}", act.wrong.join("; ")))
        };
        let requests = act.requests.as_ref().map_or_else(String::new, |requests| {
            let causes = if requests.failed == 0 { String::new() } else { format!(" ({})", requests.causes) };
            format!("{} requests, {} failed{causes}; ", requests.sent, requests.failed)
        });
        let note = if act.note.is_empty() { String::new() } else { format!("{}: ", act.note) };
        self.screen.say(&format!("{requests}{note}{verdict}"));
        self.acts.push(act);
    }
}

/// Plays in this kernel, which has IPVS.
pub(super) fn run(colour: Colour, keep: bool) -> Result<ExitCode, Failure> {
    let screen = Screen::new(colour);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    screen.plain(&format!(
        "One LAN in the kernel {} : client 10.77.0.9, director-a .1, director-b .2, real-1 .11, real-2 .12, real-3 .13, \
         sorry .20;\nvirtual addresses 10.77.0.100 (port 80, direct routing) and 10.77.0.101 (port 8080, NAT); files \
         conf/pair/director-{{a,b}}.conf",
        kernel.trim()
    ));
    let mut show = Show { stage: Stage::build()?, screen, acts: Vec::new() };
    let mut is_good = true;
    for act in acts::ALL {
        if let Err(failure) = act(&mut show) {
            let line = format!("FAILED, and no use to go on: {failure}");
            show.screen.say(&show.screen.paint(Style::Bad, &line));
            is_good = false;
            break;
        }
    }
    is_good &= show.acts.iter().all(Act::is_good);
    if !is_good {
        show_logs(&show);
    }
    show_summary(&show, is_good);
    if keep {
        shell::run(&show.stage)?;
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show_logs(show: &Show) {
    for machine in &show.stage.directors {
        let Some(director) = &machine.director else { continue };
        let log = director.log();
        let lines: Vec<_> = log.lines().collect();
        show.screen.plain(&format!("\nthe end of {}'s log:", machine.name()));
        lines.iter().skip(lines.len().saturating_sub(TAIL)).for_each(|line| show.screen.plain(line));
    }
}

fn show_summary(show: &Show, is_good: bool) {
    show.screen.plain("");
    let mut lines = summary(&show.acts).into_iter();
    lines.next().into_iter().for_each(|head| show.screen.plain(&show.screen.paint(Style::Heading, &head)));
    for (line, act) in lines.zip(&show.acts) {
        let style = if act.is_good() { Style::Good } else { Style::Bad };
        show.screen.plain(&show.screen.paint(style, &line));
    }
    let (word, style) =
        if is_good { ("every act did what it should", Style::Good) } else { ("FAILED", Style::Bad) };
    show.screen.plain(&format!("\n{}", show.screen.paint(style, word)));
}
