//! Watches the outputs of one router and keeps what follows from them: states, and held addresses. It objects when they
//! contradict each other or what the router says about itself.

use std::collections::{HashMap, HashSet};

use lvsd_vrrp::{Action, AddressChange, Announce, InstanceId, Output, Router, State};

#[derive(Debug, Default)]
pub(crate) struct Observer {
    pub(crate) states: HashMap<InstanceId, State>,
    pub(crate) holding: HashSet<InstanceId>,
    groups: HashMap<String, State>,
    /// Changes of state seen.
    pub(crate) transitions: u64,
}

impl Observer {
    #[allow(dead_code, reason = "each test binary uses its part")]
    /// Takes all outputs of one call to the router, and gives them back.
    pub(crate) fn take(&mut self, router: &mut Router) -> Vec<Output> {
        let outputs = std::iter::from_fn(|| router.poll_output()).collect();
        self.watch(outputs, router)
    }

    /// The same with outputs that were taken already.
    pub(crate) fn watch(&mut self, outputs: Vec<Output>, router: &Router) -> Vec<Output> {
        let mut sent = HashSet::new();
        let mut announced = HashSet::new();
        for output in &outputs {
            match output {
                Output::Group { config, transition } => {
                    let before =
                        self.groups.insert(config.name.clone(), transition.to).unwrap_or(State::Init);
                    assert_eq!(before, transition.from, "group {}: changes follow each other", config.name);
                }
                Output::Instance { id, action, .. } => {
                    self.take_action(*id, action);
                    if let Action::Send(_) = action {
                        assert!(sent.insert(*id), "two adverts for one cause: {outputs:?}");
                    }
                    if let Action::Announce(Announce { reason, scope, .. }) = action {
                        assert!(
                            announced.insert((*id, *reason, format!("{scope:?}"))),
                            "two announcements for one cause: {outputs:?}"
                        );
                    }
                }
            }
        }
        self.compare(router);
        outputs
    }

    fn take_action(&mut self, id: InstanceId, action: &Action) {
        let state = self.states.entry(id).or_insert(State::Init);
        match action {
            Action::Transition(transition) => {
                assert_eq!(*state, transition.from, "changes follow each other");
                *state = transition.to;
                self.transitions += 1;
            }
            Action::Addresses(AddressChange::Hold) => {
                assert!(self.holding.insert(id), "held twice");
            }
            Action::Addresses(AddressChange::Release) => {
                assert!(self.holding.remove(&id), "released twice");
            }
            Action::Addresses(AddressChange::Update { .. } | AddressChange::Restore { .. }) => {
                assert!(self.holding.contains(&id), "only what is held can change");
            }
            Action::Send(advert) => {
                // Before the transition to MASTER, in it, or as a farewell from it.
                let speaks = matches!(*state, State::Master | State::Backup | State::Init);
                assert!(
                    speaks && (advert.priority > 0 || *state == State::Master),
                    "{state:?} sends {advert:?}"
                );
            }
            Action::Inquire { .. }
            | Action::Announce(_)
            | Action::LowerPriorityHeard { .. }
            | Action::PriorityChanged { .. } => {}
        }
    }

    /// Everything that was told agrees with what can be asked for.
    fn compare(&mut self, router: &Router) {
        // A group that a reload removed says nothing; one of the same name begins anew.
        self.groups.retain(|name, _| router.groups().any(|group| group.config.name == *name));
        for view in router.instances() {
            let told = self.states.get(&view.id).copied().unwrap_or(State::Init);
            assert_eq!(view.state, told, "{}", view.config.name);
            assert_eq!(
                self.holding.contains(&view.id),
                told == State::Master,
                "{}: held iff MASTER",
                view.config.name
            );
            assert!((1..=255).contains(&view.effective_priority.get()));
            assert_eq!(
                view.faults.is_empty(),
                told != State::Fault,
                "{}: {:?}",
                view.config.name,
                view.faults
            );
        }
        for group in router.groups() {
            let told = self.groups.get(&group.config.name).copied().unwrap_or(State::Init);
            assert_eq!(group.state, told, "group {}", group.config.name);
        }
        let alive: HashSet<InstanceId> = router.instances().map(|view| view.id).collect();
        assert!(self.holding.is_subset(&alive), "nothing is left behind by what is gone");
    }
}
