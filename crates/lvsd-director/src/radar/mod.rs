//! Listens to the segments beside the election, compares, and tells what does not fit.
//!
//! The judgement is `lvsd_vrrp::radar`'s; here are the sockets, the questions to the election, and the search for the rule of the
//! firewall that is to blame. It is a task of the main thread: nothing waits for it, and the election only answers its
//! question, at most once in each look.

mod advice;
mod ears;
mod ruleset;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lvsd_ipc::{Advice, ChildEvent, FromChild, RadarSnapshot};
use lvsd_model::VrrpConfig;
use lvsd_net::uptime;
use lvsd_vrrp::Time;
use lvsd_vrrp::radar::{Finding, Identity, News, Radar, interfaces};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use crate::director::Outbox;
use crate::election::{self, Segments};
use advice::Adviser;
use ears::Ears;

/// How long the election may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// The least and the greatest time between two looks; in between it is half the shortest interval.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);
/// Questions that may wait.
const QUESTIONS: usize = 16;

/// What the radar is told.
#[derive(Debug)]
enum Command {
    /// A new configuration is in force.
    Watch(Arc<VrrpConfig>),
    /// Everything it knows.
    Report(oneshot::Sender<RadarSnapshot>),
    /// Forget the counters.
    ClearCounters,
}

/// The way to the radar. It ends with its last handle.
#[derive(Clone, Debug)]
pub(crate) struct Handle(mpsc::Sender<Command>);

impl Handle {
    pub(crate) async fn watch(&self, config: Arc<VrrpConfig>) {
        // One that has ended is missed by nobody but its readers.
        let _ = self.0.send(Command::Watch(config)).await;
    }

    pub(crate) fn clear_counters(&self) {
        let _ = self.0.try_send(Command::ClearCounters);
    }

    /// What it knows; nothing when it is busy.
    pub(crate) async fn report(&self) -> RadarSnapshot {
        let (reply, report) = oneshot::channel();
        if self.0.try_send(Command::Report(reply)).is_err() {
            return RadarSnapshot::default();
        }
        timeout(ANSWER, report).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// Starts it.
pub(crate) fn start(election: election::Handle, outbox: Outbox) -> Handle {
    let (sender, commands) = mpsc::channel(QUESTIONS);
    let watch = Watch {
        radar: Radar::default(),
        ears: Ears::default(),
        adviser: Adviser::default(),
        advice: BTreeMap::new(),
        election,
        outbox,
        pace: None,
    };
    tokio::spawn(watch.run(commands));
    Handle(sender)
}

struct Watch {
    radar: Radar,
    ears: Ears,
    adviser: Adviser,
    /// What is to be done about findings that stand, by what they are about.
    advice: BTreeMap<Identity, Advice>,
    election: election::Handle,
    outbox: Outbox,
    /// How often it looks; `None` when there is nothing to see.
    pace: Option<Duration>,
}

impl Watch {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut next = Instant::now();
        loop {
            let look = async {
                match self.pace {
                    Some(_) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                () = look => {
                    self.look().await;
                    next = Instant::now() + self.pace.unwrap_or(LONGEST);
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Watch(config) => {
                self.ears.want(interfaces(&config));
                self.pace = pace(&config);
                self.radar.configure(now(), config);
            }
            Command::Report(reply) => {
                let snapshot = snapshot::snapshot(&self.radar, now(), &self.advice, &self.ears);
                let _ = reply.send(snapshot);
            }
            Command::ClearCounters => self.radar.clear_counters(),
        }
    }

    /// First what is on the wire, then what the election has heard: so nothing can be missing there that is only on its way.
    async fn look(&mut self) {
        self.ears.listen(&mut self.radar);
        let (reply, segments) = oneshot::channel();
        self.election.send(election::Input::Segments(reply));
        // An election that does not answer in time is another's concern.
        let Ok(Ok(segments)) = timeout(ANSWER, segments).await else { return };
        let Segments { listening, arrived, standings } = segments;
        let now = now();
        self.radar.compare(now, listening, &arrived, standings);
        let News { begun, ended } = self.radar.judge(now);
        for finding in begun {
            self.tell(&finding).await;
        }
        for finding in ended {
            self.tell_end(&finding);
        }
    }

    async fn tell(&mut self, finding: &Finding) {
        let text = finding.to_string();
        let advice = self.adviser.advise(finding).await;
        let (kind, instance) = (finding.what.kind(), &finding.instance);
        match &advice {
            Some(Advice { rule, commands }) => {
                let (rule, remedy) = (rule.as_deref().unwrap_or("not found"), commands.join(" | "));
                warn!(instance, kind, rule, remedy, "{text}");
            }
            None => warn!(instance, kind, "{text}"),
        }
        if let Some(advice) = advice {
            self.advice.insert(finding.identity(), advice);
        }
        self.send_event(finding, text, true);
    }

    fn tell_end(&mut self, finding: &Finding) {
        let text = finding.to_string();
        info!(instance = finding.instance, kind = finding.what.kind(), "no more: {text}");
        self.advice.remove(&finding.identity());
        self.send_event(finding, text, false);
    }

    fn send_event(&self, finding: &Finding, text: String, stands: bool) {
        let (interface, kind) = (finding.interface.to_string(), finding.what.kind().to_owned());
        // The end of the supervisor is noticed by its reader.
        let _ = self.outbox.send(FromChild::Event(ChildEvent::Segment { interface, kind, text, stands }));
    }
}

fn now() -> Time {
    Time::after_start(uptime())
}

/// Twice in the shortest interval: what is missing is told of before three of them are over.
fn pace(config: &VrrpConfig) -> Option<Duration> {
    let on_interfaces = config.instances.iter().filter(|one| one.advert_interface().is_some());
    let shortest = on_interfaces.map(|one| one.advert_interval.duration()).min()?;
    Some((shortest / 2).clamp(SHORTEST, LONGEST))
}
