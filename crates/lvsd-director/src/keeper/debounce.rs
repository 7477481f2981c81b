//! `interface_up_down_delays`: a change of an interface's state is told when it has lasted for long enough.
//!
//! Which device a name stands for is told at once all the same: sockets have to follow it.

use std::collections::HashMap;
use std::time::Duration;

use lvsd_model::{InterfaceName, LinkDelay, VrrpConfig};
use lvsd_net::Device;
use lvsd_vrrp::LinkState;

use super::table::Fact;

/// What the election knows of an interface, and what it will be told.
#[derive(Debug)]
struct Known {
    state: LinkState,
    device: Option<Device>,
    was_up: bool,
    /// When it is told the other state.
    flips_at: Option<Duration>,
}

impl Known {
    fn flip(&mut self) {
        self.flips_at = None;
        self.state = match self.state {
            LinkState::Up => LinkState::Down,
            LinkState::Down => LinkState::Up,
        };
        self.was_up |= self.state == LinkState::Up;
    }

    fn fact(&self, name: &InterfaceName) -> Fact {
        Fact::Link { name: name.clone(), device: self.device.clone(), state: self.state }
    }
}

/// Between the keeper's table and the election.
#[derive(Debug, Default)]
pub(super) struct Debounce {
    delays: HashMap<InterfaceName, LinkDelay>,
    known: HashMap<InterfaceName, Known>,
}

impl Debounce {
    /// Takes the delays of a configuration. What lives above an interface shares its delays.
    pub(super) fn configure(&mut self, config: &VrrpConfig) {
        self.delays =
            config.link_delays.iter().map(|delay| (delay.interface.clone(), delay.clone())).collect();
        for link in config.instances.iter().flat_map(lvsd_model::Instance::virtual_links) {
            if let Some(delay) = self.delays.get(&link.base).cloned() {
                self.delays.entry(link.name.clone()).or_insert(delay);
            }
        }
        for (name, known) in &mut self.known {
            if !self.delays.contains_key(name) && known.flips_at.is_some() {
                known.flips_at = Some(Duration::ZERO);
            }
        }
    }

    /// What is to be told now of something new.
    pub(super) fn take(&mut self, now: Duration, fact: Fact) -> Option<Fact> {
        let Fact::Link { name, device, state } = fact else { return Some(fact) };
        let Some(known) = self.known.get_mut(&name) else {
            let was_up = state == LinkState::Up;
            let known = Known { state, device, was_up, flips_at: None };
            let fact = known.fact(&name);
            self.known.insert(name, known);
            return Some(fact);
        };
        let is_other = std::mem::replace(&mut known.device, device.clone()) != device;
        if state == known.state {
            known.flips_at = None;
            return is_other.then(|| known.fact(&name));
        }
        let delay = self.delays.get(&name).map_or(Duration::ZERO, |delay| match state {
            LinkState::Down => delay.down,
            LinkState::Up if known.was_up => delay.up,
            LinkState::Up => Duration::ZERO,
        });
        if delay.is_zero() {
            known.flip();
            return Some(known.fact(&name));
        }
        known.flips_at.get_or_insert(now + delay);
        is_other.then(|| known.fact(&name))
    }

    /// When [`due`](Self::due) gives something.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.known.values().filter_map(|known| known.flips_at).min()
    }

    /// What has lasted for long enough.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Fact> {
        let due = self.known.iter_mut().filter(|(_, known)| known.flips_at.is_some_and(|at| at <= now));
        due.map(|(name, known)| {
            known.flip();
            known.fact(name)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(value: u64) -> Duration {
        Duration::from_secs(value)
    }

    fn name(text: &str) -> InterfaceName {
        InterfaceName::new(text).expect("a name")
    }

    fn link_as(text: &str, index: u32, state: LinkState) -> Fact {
        Fact::Link { name: name(text), device: Some(Device { index, name: text.to_owned() }), state }
    }

    fn link(state: LinkState) -> Fact {
        link_as("eth0", 2, state)
    }

    fn debounce(down: u64, up: u64) -> Debounce {
        let delay = LinkDelay { interface: name("eth0"), down: seconds(down), up: seconds(up) };
        let mut debounce = Debounce::default();
        debounce.configure(&VrrpConfig { link_delays: vec![delay], ..VrrpConfig::default() });
        debounce
    }

    #[test]
    fn a_change_counts_when_it_has_lasted() {
        let mut debounce = debounce(3, 10);
        let (up, down) = (link(LinkState::Up), link(LinkState::Down));
        assert_eq!(debounce.take(seconds(0), down.clone()), Some(down.clone()));
        assert_eq!(debounce.take(seconds(1), up.clone()), Some(up.clone()), "the first time counts at once");
        assert_eq!(debounce.take(seconds(2), down.clone()), None);
        assert_eq!(debounce.deadline(), Some(seconds(5)));
        assert_eq!(debounce.due(seconds(4)), []);
        assert_eq!(debounce.take(seconds(4), up.clone()), None, "back in time: nothing has happened");
        assert_eq!(debounce.deadline(), None);
        assert_eq!(debounce.take(seconds(5), down.clone()), None);
        assert_eq!(debounce.due(seconds(8)), [down]);
        assert_eq!(debounce.take(seconds(9), up.clone()), None);
        assert_eq!(debounce.due(seconds(19)), [up]);
        assert_eq!(debounce.deadline(), None);
    }

    #[test]
    fn another_device_of_the_same_name_is_told_at_once() {
        let mut debounce = debounce(3, 0);
        debounce.take(seconds(0), link(LinkState::Up));
        let gone = Fact::Link { name: name("eth0"), device: None, state: LinkState::Down };
        let still = Fact::Link { name: name("eth0"), device: None, state: LinkState::Up };
        assert_eq!(debounce.take(seconds(1), gone), Some(still), "it does not exist, and is not down yet");
        let anew = link_as("eth0", 7, LinkState::Up);
        assert_eq!(debounce.take(seconds(2), anew.clone()), Some(anew));
        assert_eq!(debounce.deadline(), None);
    }

    #[test]
    fn without_delays_everything_is_told_and_a_delay_that_goes_ends() {
        let mut debounce = debounce(3, 0);
        let other = |state| link_as("eth1", 3, state);
        for state in [LinkState::Up, LinkState::Down, LinkState::Up] {
            assert_eq!(debounce.take(seconds(1), other(state)), Some(other(state)));
        }
        debounce.take(seconds(1), link(LinkState::Up));
        assert_eq!(debounce.take(seconds(2), link(LinkState::Down)), None);
        debounce.configure(&VrrpConfig::default());
        assert_eq!(debounce.due(seconds(2)), [link(LinkState::Down)]);
    }
}
