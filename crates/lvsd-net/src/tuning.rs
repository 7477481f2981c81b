//! Settings that hold for a whole process, and can be taken back: its processors and its limits.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use lvsd_model::{AutoPriority, ProcessSettings};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::Pid;

/// The file creation mask of this process and of those it starts later.
pub fn set_umask(mask: u16) {
    umask(Mode::from_bits_truncate(mask.into()));
}

/// Applies and takes back what one plan after the other says about the whole process.
#[derive(Debug)]
pub struct Tuning {
    /// What the keywords begin with.
    prefix: &'static str,
    /// As whoever started the process has left it.
    inherited: Inherited,
    /// Applied last; `None` before the first time.
    cpus: BTreeSet<u16>,
    limit: Option<Duration>,
}

#[derive(Debug)]
struct Inherited {
    cpus: Option<CpuSet>,
    limit: Option<u64>,
}

impl Tuning {
    /// Of this process, as it is. `prefix` is what its keywords begin with.
    #[must_use]
    pub fn new(prefix: &'static str) -> Self {
        let cpus = sched_getaffinity(Pid::from_raw(0)).ok();
        let limit = getrlimit(Resource::RLIMIT_RTTIME).ok().map(|(soft, _)| soft);
        Self { prefix, inherited: Inherited { cpus, limit }, cpus: BTreeSet::new(), limit: None }
    }

    /// Applies processors, limit and file creation mask; says what the host does not allow.
    pub fn apply(&mut self, settings: &ProcessSettings, mask: u16) -> Vec<String> {
        set_umask(mask);
        let mut problems = Vec::new();
        if self.cpus != settings.cpus {
            match self.use_processors(&settings.cpus) {
                Ok(None) => {}
                Ok(Some(absent)) => problems.push(format!("{}_cpu_affinity: {absent}", self.prefix)),
                Err(error) => problems.push(format!("{}_cpu_affinity cannot be set: {error}", self.prefix)),
            }
            self.cpus.clone_from(&settings.cpus);
        }
        if self.limit != settings.realtime_limit {
            if let Err(error) = self.limit_realtime(settings.realtime_limit) {
                problems.push(format!("{}_rlimit_rttime cannot be set: {error}", self.prefix));
            }
            self.limit = settings.realtime_limit;
        }
        problems
    }

    /// Moves all threads. Says which processors there are not.
    fn use_processors(&self, wanted: &BTreeSet<u16>) -> io::Result<Option<String>> {
        let mut set = CpuSet::new();
        for &cpu in wanted {
            set.set(cpu.into())?;
        }
        if wanted.is_empty() {
            match self.inherited.cpus {
                Some(inherited) => set = inherited,
                None => return Ok(None),
            }
        }
        for thread in std::fs::read_dir("/proc/self/task")? {
            let Some(thread) = thread?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            match sched_setaffinity(Pid::from_raw(thread), &set) {
                // A thread that has just ended.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(Errno::EINVAL) => return Err(io::Error::other("this host has none of these processors")),
                Err(error) => return Err(error.into()),
            }
        }
        let given = sched_getaffinity(Pid::from_raw(0))?;
        let absent = wanted.iter().filter(|&&cpu| !given.is_set(cpu.into()).unwrap_or(false));
        let absent: Vec<_> = absent.map(u16::to_string).collect();
        Ok((!absent.is_empty()).then(|| format!("this host has no processor {}", absent.join(", "))))
    }

    fn limit_realtime(&self, limit: Option<Duration>) -> io::Result<()> {
        let (_, hard) = getrlimit(Resource::RLIMIT_RTTIME)?;
        let micros = limit.map(|limit| u64::try_from(limit.as_micros()).unwrap_or(u64::MAX));
        let Some(soft) = micros.or(self.inherited.limit) else { return Ok(()) };
        // Only the soft limit: its signal says in the log why the process has ended, which SIGKILL would not.
        Ok(setrlimit(Resource::RLIMIT_RTTIME, soft, hard)?)
    }
}

/// Real-time priority that grows while timers are late.
#[derive(Clone, Copy, Debug, Default)]
pub struct Urgency {
    automatic: Option<AutoPriority>,
    priority: u8,
}

impl Urgency {
    /// Begins with the priority of the settings, or with none.
    #[must_use]
    pub fn new(settings: &ProcessSettings) -> Self {
        Self { automatic: settings.automatic, priority: settings.realtime.unwrap_or(0) }
    }

    /// Takes note of a timer that fired so late; gives the priority that is due from now on when that is a new one. It is the
    /// caller's to set it, by [`crate::set_realtime`].
    pub fn late(&mut self, by: Duration) -> Option<u8> {
        let AutoPriority { max, .. } = self.automatic.filter(|automatic| by > automatic.delay)?;
        if self.priority >= max {
            return None;
        }
        self.priority += 1;
        Some(self.priority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus_allowed(thread: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{thread}/status")).expect("readable");
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("there");
        line.trim().to_owned()
    }

    #[test]
    fn lateness_raises_the_priority_step_by_step_up_to_the_limit() {
        let delay = Duration::from_millis(10);
        let settings = ProcessSettings {
            realtime: Some(3),
            automatic: Some(AutoPriority { max: 5, delay }),
            ..ProcessSettings::default()
        };
        let mut urgency = Urgency::new(&settings);
        assert_eq!(urgency.late(delay), None, "just in time");
        let late = delay + Duration::from_nanos(1);
        assert_eq!([(); 4].map(|()| urgency.late(late)), [Some(4), Some(5), None, None]);
        let mut never = Urgency::new(&ProcessSettings::default());
        assert_eq!(never.late(Duration::from_secs(100)), None);
        // What is configured is never lowered.
        let mut above = Urgency::new(&ProcessSettings { realtime: Some(9), ..settings });
        assert_eq!(above.late(late), None);
    }

    #[test]
    fn all_threads_move_and_move_back_and_absent_processors_are_named() {
        let before = cpus_allowed("thread-self");
        let inherited = sched_getaffinity(Pid::from_raw(0)).expect("answers");
        let first = (0..1024_u16).find(|&cpu| inherited.is_set(cpu.into()).unwrap_or(false)).expect("one");
        // One that exists and may not be used is as good as absent.
        let mut tuning = Tuning::new("test");
        let settings = |cpus: &[u16]| ProcessSettings {
            cpus: cpus.iter().copied().collect(),
            ..ProcessSettings::default()
        };
        assert_eq!(tuning.apply(&settings(&[first]), 0o022), Vec::<String>::new());
        assert_eq!(sched_getaffinity(Pid::from_raw(0)).map(|set| set.is_set(first.into())), Ok(Ok(true)));
        let threads = std::fs::read_dir("/proc/self/task").expect("there");
        for thread in threads.filter_map(Result::ok) {
            let name = thread.file_name().into_string().expect("a number");
            assert_eq!(cpus_allowed(&format!("self/task/{name}")), first.to_string());
        }
        let told = tuning.apply(&settings(&[first, 1023]), 0o022);
        assert_eq!(told, ["test_cpu_affinity: this host has no processor 1023"]);
        let told = tuning.apply(&settings(&[1023]), 0o022);
        assert_eq!(told, ["test_cpu_affinity cannot be set: this host has none of these processors"]);
        assert_eq!(tuning.apply(&settings(&[]), 0o022), Vec::<String>::new());
        assert_eq!(cpus_allowed("thread-self"), before);
    }

    #[test]
    fn the_limit_comes_and_goes() {
        let soft = || getrlimit(Resource::RLIMIT_RTTIME).expect("answers");
        let before = soft();
        let mut tuning = Tuning::new("test");
        let limited =
            ProcessSettings { realtime_limit: Some(Duration::from_millis(20)), ..Default::default() };
        assert_eq!(tuning.apply(&limited, 0o022), Vec::<String>::new());
        assert_eq!(soft(), (20_000, before.1));
        assert_eq!(tuning.apply(&ProcessSettings::default(), 0o022), Vec::<String>::new());
        assert_eq!(soft(), before);
    }
}
