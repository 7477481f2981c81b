//! Cuts a configuration into plans.

use std::path::PathBuf;

use lvsd_ipc::{CheckerPlan, VrrpPlan};
use lvsd_model::Config;

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
        let has =
            PerRole { vrrp: !config.vrrp.instances.is_empty(), checker: !config.lvs.services.is_empty() };
        Wanted {
            roles: PerRole {
                vrrp: self.allowed.vrrp && (has.vrrp || self.even_idle),
                checker: self.allowed.checker && (has.checker || self.even_idle),
            },
            child_wait: config.globals.child_wait,
        }
    }
}

/// The plans of one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plans {
    pub(crate) vrrp: VrrpPlan,
    pub(crate) checker: CheckerPlan,
}

/// What plans need beside the configuration.
#[derive(Clone, Debug)]
pub(crate) struct PlanContext {
    pub(crate) runtime_dir: PathBuf,
    /// `-X`.
    pub(crate) release_foreign_vips: bool,
}

impl Plans {
    pub(crate) fn cut(config: &Config, context: &PlanContext) -> Self {
        let globals = &config.globals;
        Self {
            vrrp: VrrpPlan {
                config: config.vrrp.clone(),
                scripts: globals.scripts.clone(),
                startup_delay: globals.startup_delay,
                scheduling: globals.vrrp_scheduling,
                runtime_dir: context.runtime_dir.clone(),
                release_foreign_vips: context.release_foreign_vips,
            },
            checker: CheckerPlan {
                config: config.lvs.clone(),
                scripts: globals.scripts.clone(),
                scheduling: globals.checker_scheduling,
                runtime_dir: context.runtime_dir.clone(),
            },
        }
    }
}
