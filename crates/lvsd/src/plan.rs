//! Cuts a configuration into plans, and says who is to run.

use std::path::{Path, PathBuf};

use lvsd_ipc::{Amendment, BfdPlan, CheckerPlan, Generation, Role, VrrpPlan};
use lvsd_model::{BfdConfig, Config, Fifo, LvsConfig, NoticePlan, VrrpConfig};

use crate::cli::Cli;
use crate::policy::Wanted;
use crate::roles::PerRole;

/// Which processes may run at all, by the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    allowed: PerRole<bool>,
    /// `--all`.
    even_idle: bool,
}

impl Selection {
    /// `-P` and `-C` each name one; neither means both. `-B` leaves out BFD.
    pub(crate) const fn new(cli: &Cli) -> Self {
        let neither = !cli.vrrp && !cli.check;
        Self {
            allowed: PerRole { vrrp: cli.vrrp || neither, checker: cli.check || neither, bfd: !cli.no_bfd },
            even_idle: cli.all,
        }
    }

    /// What is to run with a configuration.
    pub(crate) fn wanted(self, config: &Config) -> Wanted {
        let has = PerRole {
            vrrp: !config.vrrp.instances.is_empty() || !config.vrrp.statics.is_empty(),
            checker: !config.lvs.is_idle(),
            bfd: !config.bfd.sessions.is_empty(),
        };
        Wanted {
            roles: PerRole {
                vrrp: self.allowed.vrrp && (has.vrrp || self.even_idle),
                checker: self.allowed.checker && (has.checker || self.even_idle),
                bfd: self.allowed.bfd && (has.bfd || self.even_idle),
            },
            child_wait: config.globals.child_wait,
        }
    }

    /// The same at the start, when there may also be something of a killed predecessor to be cleared away.
    pub(crate) fn wanted_at_start(self, config: &Config, runtime_dir: &Path) -> Wanted {
        let mut wanted = self.wanted(config);
        for role in Role::ALL {
            let leftover = role.journals().iter().any(|name| runtime_dir.join(name).exists());
            *wanted.roles.of_mut(role) |= leftover && *self.allowed.of(role);
        }
        wanted
    }
}

/// What plans need beside the configuration.
#[derive(Clone, Debug)]
pub(crate) struct PlanContext {
    pub(crate) runtime_dir: PathBuf,
    /// `-X`.
    pub(crate) release_foreign_vips: bool,
    /// `-u`: overrides `umask`.
    pub(crate) umask: Option<u16>,
}

/// The part of the VRRP process.
pub(crate) fn vrrp(config: &Config, context: &PlanContext, reader: Role) -> VrrpPlan {
    let globals = &config.globals;
    VrrpPlan {
        config: config.vrrp.clone(),
        scripts: globals.scripts.clone(),
        notices: notices(config, Role::Vrrp, reader),
        startup_delay: globals.startup_delay,
        delay_after_boot: globals.delay_after_boot,
        process: globals.processes.vrrp.clone(),
        umask: context.umask.unwrap_or(globals.umask),
        runtime_dir: context.runtime_dir.clone(),
        release_foreign_vips: context.release_foreign_vips,
    }
}

/// Without a checker nobody knows of quorums, and an instance would wait for one for ever.
pub(crate) fn untrack_services(config: &mut VrrpConfig) {
    let instances = config.instances.iter_mut().map(|instance| &mut instance.trackers);
    let groups = config.groups.iter_mut().map(|group| &mut group.trackers);
    let tracked: usize = instances.chain(groups).map(|trackers| trackers.services.drain(..).count()).sum();
    if tracked > 0 {
        tracing::warn!("track_virtual_server does nothing: no checker runs");
    }
}

/// The part of the checker process: of its services only what it does not have yet.
pub(crate) fn checker(
    config: &Config,
    amends: Option<Amendment>,
    context: &PlanContext,
    reader: Role,
) -> CheckerPlan {
    let (globals, lvs) = (&config.globals, &config.lvs);
    let services = match &amends {
        None => lvs.services.clone(),
        Some(amendment) => amendment.brought(&lvs.services).cloned().collect(),
    };
    CheckerPlan {
        config: LvsConfig {
            services,
            flush_at_start: lvs.flush_at_start,
            flush_on_stop: lvs.flush_on_stop,
            init_notifies: lvs.init_notifies,
            timeouts: lvs.timeouts,
            sync_daemon: lvs.sync_daemon.clone(),
            marking: lvs.marking.clone(),
            namespace: lvs.namespace.clone(),
            tls: lvs.tls.clone(),
        },
        amends,
        scripts: globals.scripts.clone(),
        notices: notices(config, Role::Checker, reader),
        seed: globals.random_seed,
        process: globals.processes.checker.clone(),
        umask: context.umask.unwrap_or(globals.umask),
        runtime_dir: context.runtime_dir.clone(),
    }
}

/// The part of the BFD process.
pub(crate) fn bfd(config: &Config) -> BfdPlan {
    BfdPlan {
        config: config.bfd.clone(),
        process: config.globals.processes.bfd.clone(),
        umask: config.globals.umask,
    }
}

/// What the checker process was given last.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// To which process, by its serial number, of which configuration.
    last: Option<(u64, Generation)>,
    /// How the present configuration follows from that one.
    amendment: Option<Amendment>,
}

impl Given {
    /// Takes note that a configuration takes the place of another.
    pub(crate) fn replaced(&mut self, generation: Generation, old: &LvsConfig, new: &LvsConfig) {
        let follows = self.last.is_some_and(|(_, given)| given == generation);
        self.amendment = follows.then(|| Amendment::between(generation, &old.services, &new.services));
    }

    /// Takes note that a process is given the present configuration; what it is to be told of the services, if not all.
    pub(crate) fn give(&mut self, process: u64, generation: Generation) -> Option<Amendment> {
        let before = self.last.replace((process, generation));
        self.amendment.take().filter(|_| before.is_some_and(|(last, _)| last == process))
    }

    /// Takes note that a process is given something else.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// FIFOs and mail of one process. `reader` is the process that runs the script of the common FIFO.
fn notices(config: &Config, role: Role, reader: Role) -> NoticePlan {
    let notices = &config.globals.notices;
    let common =
        notices.fifo.clone().map(|fifo| Fifo { reader: fifo.reader.filter(|_| role == reader), ..fifo });
    let own = match role {
        Role::Vrrp => &notices.vrrp_fifo,
        Role::Checker => &notices.lvs_fifo,
        // It tells the other two, and they tell the world.
        Role::Bfd => &None,
    };
    NoticePlan {
        fifos: common.into_iter().chain(own.clone()).collect(),
        states_on_reload: notices.states_on_reload,
        mail: notices.mail.clone(),
    }
}

/// The process that runs the script of the common FIFO: the checker when there is one, as with the peer.
pub(crate) const fn common_reader(wanted: &Wanted) -> Role {
    if wanted.roles.checker { Role::Checker } else { Role::Vrrp }
}

/// The configuration of a family that has nothing to do any more but to end as this one says.
pub(crate) fn nothing(config: &Config) -> Config {
    let LvsConfig { flush_on_stop, ref namespace, .. } = config.lvs;
    let lvs = LvsConfig { flush_on_stop, namespace: namespace.clone(), ..LvsConfig::default() };
    Config {
        globals: config.globals.clone(),
        vrrp: VrrpConfig::default(),
        lvs,
        bfd: BfdConfig::default(),
        planned: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(line: &str) -> Selection {
        let words = std::iter::once("lvsd").chain(line.split_whitespace()).map(Into::into);
        Selection::new(&Cli::read(words).expect("well-formed"))
    }

    #[test]
    fn the_command_line_limits_who_runs() {
        let idle = Config::default();
        let roles = |line: &str| selection(line).wanted(&idle).roles;
        assert_eq!(roles(""), PerRole { vrrp: false, checker: false, bfd: false });
        assert_eq!(roles("--all"), PerRole { vrrp: true, checker: true, bfd: true });
        assert_eq!(roles("--all -P"), PerRole { vrrp: true, checker: false, bfd: true });
        assert_eq!(roles("--all -C -B"), PerRole { vrrp: false, checker: true, bfd: false });
        assert_eq!(roles("--all -P -C"), PerRole { vrrp: true, checker: true, bfd: true });
    }

    #[test]
    fn only_the_process_that_had_the_configuration_before_is_told_what_changed() {
        let empty = LvsConfig::default();
        let [one, two, three, four] = [1, 2, 3, 4].map(Generation);
        let mut given = Given::default();
        assert_eq!(given.give(1, one), None);
        given.replaced(one, &empty, &empty);
        assert_eq!(given.give(1, two).map(|amendment| amendment.base), Some(one));
        // Its successor knows nothing.
        given.replaced(two, &empty, &empty);
        assert_eq!(given.give(2, three), None);
        // Nor does one that missed a configuration.
        given.replaced(three, &empty, &empty);
        given.replaced(four, &empty, &empty);
        assert_eq!(given.give(2, Generation(5)), None);
        given.replaced(Generation(5), &empty, &empty);
        given.forget();
        assert_eq!(given.give(2, Generation(6)), None);
    }

    #[test]
    fn what_a_killed_predecessor_left_is_cleared_away() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join(Role::Vrrp.journal()), "eth0 10.0.0.1/32\n").expect("written");
        let roles = |line: &str| selection(line).wanted_at_start(&Config::default(), directory.path()).roles;
        assert_eq!(roles(""), PerRole { vrrp: true, checker: false, bfd: false });
        assert_eq!(roles("-C"), PerRole { vrrp: false, checker: false, bfd: false });
    }
}
