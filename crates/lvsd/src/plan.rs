//! Cuts a configuration into plans, and says who is to run.

use std::path::{Path, PathBuf};

use lvsd_ipc::{CheckerPlan, Role, VrrpPlan};
use lvsd_model::{Config, LvsConfig, VrrpConfig};

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
    /// `-P` and `-C` each name one; neither means both.
    pub(crate) const fn new(cli: &Cli) -> Self {
        let neither = !cli.vrrp && !cli.check;
        Self {
            allowed: PerRole { vrrp: cli.vrrp || neither, checker: cli.check || neither },
            even_idle: cli.all,
        }
    }

    /// What is to run with a configuration.
    pub(crate) fn wanted(self, config: &Config) -> Wanted {
        let has = PerRole { vrrp: !config.vrrp.instances.is_empty(), checker: !config.lvs.is_idle() };
        Wanted {
            roles: PerRole {
                vrrp: self.allowed.vrrp && (has.vrrp || self.even_idle),
                checker: self.allowed.checker && (has.checker || self.even_idle),
            },
            child_wait: config.globals.child_wait,
        }
    }

    /// The same at the start, when there may also be something of a killed predecessor to be cleared away.
    pub(crate) fn wanted_at_start(self, config: &Config, runtime_dir: &Path) -> Wanted {
        let mut wanted = self.wanted(config);
        for role in Role::ALL {
            let leftover = runtime_dir.join(role.journal()).exists();
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
}

/// The part of the VRRP process.
pub(crate) fn vrrp(config: &Config, context: &PlanContext) -> VrrpPlan {
    let globals = &config.globals;
    VrrpPlan {
        config: config.vrrp.clone(),
        scripts: globals.scripts.clone(),
        startup_delay: globals.startup_delay,
        scheduling: globals.vrrp_scheduling,
        runtime_dir: context.runtime_dir.clone(),
        release_foreign_vips: context.release_foreign_vips,
    }
}

/// The part of the checker process.
pub(crate) fn checker(config: &Config, context: &PlanContext) -> CheckerPlan {
    let globals = &config.globals;
    CheckerPlan {
        config: config.lvs.clone(),
        scripts: globals.scripts.clone(),
        scheduling: globals.checker_scheduling,
        runtime_dir: context.runtime_dir.clone(),
    }
}

/// The configuration of a family that has nothing to do any more but to end as this one says.
pub(crate) fn nothing(config: &Config) -> Config {
    let lvs = LvsConfig { flush_on_stop: config.lvs.flush_on_stop, ..LvsConfig::default() };
    Config { globals: config.globals.clone(), vrrp: VrrpConfig::default(), lvs }
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
        assert_eq!(roles(""), PerRole { vrrp: false, checker: false });
        assert_eq!(roles("--all"), PerRole { vrrp: true, checker: true });
        assert_eq!(roles("--all -P"), PerRole { vrrp: true, checker: false });
        assert_eq!(roles("--all -C"), PerRole { vrrp: false, checker: true });
        assert_eq!(roles("--all -P -C"), PerRole { vrrp: true, checker: true });
    }

    #[test]
    fn what_a_killed_predecessor_left_is_cleared_away() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join(Role::Vrrp.journal()), "eth0 10.0.0.1/32\n").expect("written");
        let roles = |line: &str| selection(line).wanted_at_start(&Config::default(), directory.path()).roles;
        assert_eq!(roles(""), PerRole { vrrp: true, checker: false });
        assert_eq!(roles("-C"), PerRole { vrrp: false, checker: false });
    }
}
