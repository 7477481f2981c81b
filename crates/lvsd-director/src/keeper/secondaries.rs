//! `promote_secondaries`: a setting of the kernel, by interface, without which removing the first address of a subnet takes the
//! others with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use lvsd_model::{InterfaceName, VrrpConfig};
use tracing::{debug, warn};

/// What was there before, of the interfaces that have it because of us.
#[derive(Debug, Default)]
pub(super) struct Secondaries(BTreeMap<InterfaceName, Vec<u8>>);

impl Secondaries {
    /// Sets it where the configuration wants it, and puts back the old value where it does not any more.
    pub(super) fn apply(&mut self, config: &VrrpConfig) {
        let wanting = config.instances.iter().filter(|instance| instance.promote_secondaries);
        let wanted: BTreeSet<&InterfaceName> = wanting
            .flat_map(|instance| {
                let lines = instance.addresses.iter().chain(&instance.excluded);
                lines.filter_map(|line| line.interface.as_ref()).chain(&instance.interface)
            })
            .collect();
        let before = std::mem::take(&mut self.0);
        for (name, old) in before {
            if wanted.contains(&name) {
                self.0.insert(name, old);
            } else if let Err(error) = fs::write(path(&name), old) {
                // With its interface the setting is gone.
                debug!(interface = %name, %error, "promote_secondaries cannot be put back");
            }
        }
        for name in wanted {
            if !self.0.contains_key(name) {
                match set(name) {
                    Ok(old) => drop(self.0.insert(name.clone(), old)),
                    Err(error) => warn!(interface = %name, %error, "promote_secondaries cannot be set"),
                }
            }
        }
    }
}

fn path(name: &InterfaceName) -> String {
    format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries")
}

/// Sets it and gives the old value.
fn set(name: &InterfaceName) -> io::Result<Vec<u8>> {
    let old = fs::read(path(name))?;
    fs::write(path(name), "1")?;
    Ok(old)
}
