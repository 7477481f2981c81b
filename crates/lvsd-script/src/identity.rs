//! Who a script runs as.

use std::ffi::CString;

use lvsd_model::RunAs;
use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

/// The account that distributions make for scripts of this kind of daemon.
const WELL_KNOWN_USER: &str = "keepalived_script";

/// Why there is nobody to run a script as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoUser {
    /// Named, but unknown to this host.
    #[error("user {0} does not exist")]
    UnknownUser(String),
    /// Named, but unknown to this host.
    #[error("group {0} does not exist")]
    UnknownGroup(String),
    /// The user database gave no answer.
    #[error("looking up {name}: {errno}")]
    Lookup {
        /// Who was looked up.
        name: String,
        /// What went wrong.
        errno: Errno,
    },
    /// Only root can become somebody else.
    #[error("the daemon does not run as root and cannot become user {0}")]
    NotPrivileged(String),
    /// Enforced security needs a user, and none is configured.
    #[error("enable_script_security needs a script_user, or a user named {WELL_KNOWN_USER}")]
    NoDefault,
}

/// A user and group as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

impl Identity {
    /// As configured.
    pub(crate) fn named(run_as: &RunAs) -> Result<Self, NoUser> {
        Self::lookup(run_as)?.reachable(&run_as.user)
    }

    /// As the host's databases have it.
    pub(crate) fn lookup(run_as: &RunAs) -> Result<Self, NoUser> {
        let name = &run_as.user;
        let user = lookup(name, User::from_name(name))?.ok_or_else(|| NoUser::UnknownUser(name.clone()))?;
        let gid = match &run_as.group {
            None => user.gid,
            Some(group) => lookup(group, Group::from_name(group))?
                .map(|found| found.gid)
                .ok_or_else(|| NoUser::UnknownGroup(group.clone()))?,
        };
        Ok(Self { uid: user.uid, gid })
    }

    /// The account for scripts, when this host has it and we can become it.
    pub(crate) fn well_known() -> Result<Option<Self>, NoUser> {
        let found = lookup(WELL_KNOWN_USER, User::from_name(WELL_KNOWN_USER))?;
        Ok(found.and_then(|user| Self { uid: user.uid, gid: user.gid }.reachable(WELL_KNOWN_USER).ok()))
    }

    /// Whoever this process is.
    pub(crate) fn daemon() -> Self {
        Self { uid: Uid::effective(), gid: Gid::effective() }
    }

    /// All groups of the user, as the host's databases have it; none for a user without a name.
    pub(crate) fn groups(&self) -> Result<Vec<Gid>, NoUser> {
        let number = self.uid.to_string();
        let Some(user) = lookup(&number, User::from_uid(self.uid))? else { return Ok(Vec::new()) };
        let Ok(name) = CString::new(user.name) else { return Ok(Vec::new()) };
        lookup(&number, getgrouplist(&name, self.gid))
    }

    pub(crate) fn is_root(&self) -> bool {
        self.uid.is_root()
    }

    fn reachable(self, name: &str) -> Result<Self, NoUser> {
        if Uid::effective().is_root() || self == Self::daemon() {
            Ok(self)
        } else {
            Err(NoUser::NotPrivileged(name.to_owned()))
        }
    }
}

fn lookup<T>(name: &str, result: nix::Result<T>) -> Result<T, NoUser> {
    result.map_err(|errno| NoUser::Lookup { name: name.to_owned(), errno })
}
