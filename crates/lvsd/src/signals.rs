//! The signals that the supervisor answers, and their names on the command line.

use std::io;

use lvsd_net::child::HeldSignals;
use nix::libc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::dump::Dump;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Stop,
    Reload,
    Dump(Dump),
}

/// The number for a name of `--signum`.
pub(crate) fn number(name: &str) -> Option<i32> {
    Some(match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => libc::SIGRTMAX() - 1,
        "JSON" => libc::SIGRTMIN() + 2,
        _ => return None,
    })
}

/// Whether SIGINT is a stop, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    Stops,
    Ignored,
}

/// Holds back what would end a process that cannot answer yet.
pub(crate) fn hold() -> HeldSignals {
    let numbers = ["RELOAD", "DATA", "STATS", "STATS_CLEAR", "JSON"].into_iter().filter_map(number);
    lvsd_net::child::hold_signals(&numbers.collect::<Vec<_>>())
}

/// Holds back what stops, from the moment on that there is something to tidy up. Not earlier: reading the configuration may
/// hang in the file system, and then whoever started us must be able to end it.
pub(crate) fn hold_stop() -> HeldSignals {
    lvsd_net::child::hold_signals(&[libc::SIGTERM, libc::SIGINT])
}

/// Turns signals into messages from now on.
pub(crate) fn watch<E>(requests: &mpsc::Sender<E>, interrupt: Interrupt) -> io::Result<()>
where
    E: From<Request> + Send + 'static,
{
    let table = [
        (libc::SIGTERM, Some(Request::Stop)),
        (libc::SIGINT, (interrupt == Interrupt::Stops).then_some(Request::Stop)),
        (libc::SIGHUP, Some(Request::Reload)),
        (libc::SIGUSR1, Some(Request::Dump(Dump::Data))),
        (libc::SIGUSR2, Some(Request::Dump(Dump::Stats))),
        (libc::SIGRTMAX() - 1, Some(Request::Dump(Dump::StatsThenClear))),
        (libc::SIGRTMIN() + 2, Some(Request::Dump(Dump::Json))),
    ];
    for (number, request) in table {
        let mut arrivals = signal(SignalKind::from_raw(number))?;
        let requests = requests.clone();
        tokio::spawn(async move {
            while arrivals.recv().await.is_some() {
                if let Some(request) = request
                    && requests.send(request.into()).await.is_err()
                {
                    return;
                }
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_peers() {
        let numbers = ["STOP", "RELOAD", "DATA", "STATS", "STATS_CLEAR", "JSON"].map(number);
        assert_eq!(numbers, [15, 1, 10, 12, 63, 36].map(Some));
        assert_eq!(number("TDUMP"), None);
    }
}
