//! One value for each role.

use lvsd_ipc::Role;

/// A value for each role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerRole<T> {
    pub(crate) vrrp: T,
    pub(crate) checker: T,
    pub(crate) bfd: T,
}

impl<T> PerRole<T> {
    pub(crate) const fn of(&self, role: Role) -> &T {
        match role {
            Role::Vrrp => &self.vrrp,
            Role::Checker => &self.checker,
            Role::Bfd => &self.bfd,
        }
    }

    pub(crate) const fn of_mut(&mut self, role: Role) -> &mut T {
        match role {
            Role::Vrrp => &mut self.vrrp,
            Role::Checker => &mut self.checker,
            Role::Bfd => &mut self.bfd,
        }
    }
}
