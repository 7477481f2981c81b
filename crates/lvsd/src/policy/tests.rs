//! The policy on a virtual clock.

use super::*;
use Announcement::{ReloadRefused, Reloaded, Reloading, Started, Stopping, Unacknowledged};

const SECOND: Duration = Duration::from_secs(1);
const BOTH: PerRole<bool> = PerRole { vrrp: true, checker: true, bfd: false };
const ONLY_VRRP: PerRole<bool> = PerRole { vrrp: true, checker: false, bfd: false };

/// A policy with a clock and no memory of actions but the last ones.
struct World {
    policy: Policy,
    now: Instant,
}

fn wanted(roles: PerRole<bool>) -> Wanted {
    Wanted { roles, child_wait: 5 * SECOND }
}

impl World {
    fn new(roles: PerRole<bool>, respawn: Respawn) -> Self {
        let now = Instant::now();
        let stop = PerRole { vrrp: StopManner::Release, checker: StopManner::Keep, bfd: StopManner::Keep };
        Self {
            policy: Policy::new(now, Settings { first: First::Children, respawn, stop }, wanted(roles)),
            now,
        }
    }

    /// Both children run with the first configuration.
    fn started(roles: PerRole<bool>) -> Self {
        let mut world = Self::new(roles, Respawn::WithBackoff);
        world.actions();
        for role in Role::ALL.into_iter().filter(|&role| *roles.of(role)) {
            world.run_up(role, 1);
        }
        world
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.policy.poll_action()).collect()
    }

    fn tell(&mut self, event: Event) -> Vec<Action> {
        self.policy.handle(self.now, event);
        self.actions()
    }

    /// Lets time pass up to the next deadline.
    fn wait(&mut self) -> (Duration, Vec<Action>) {
        let due = self.policy.poll_timeout().expect("a deadline");
        let waited = due.saturating_duration_since(self.now);
        self.now = self.now.max(due);
        self.policy.handle_timeout(self.now);
        (waited, self.actions())
    }

    fn run_up(&mut self, role: Role, generation: u64) {
        assert_eq!(self.tell(Event::Ready(role)), [Action::Apply(role, Generation(generation))]);
        self.tell(Event::Applied(role, Generation(generation)));
    }
}

#[test]
fn readiness_comes_with_the_last_acknowledgement() {
    let mut world = World::new(BOTH, Respawn::WithBackoff);
    assert_eq!(world.actions(), [Action::Spawn(Role::Checker), Action::Spawn(Role::Vrrp)]);
    assert_eq!(world.tell(Event::Ready(Role::Vrrp)), [Action::Apply(Role::Vrrp, Generation(1))]);
    assert_eq!(world.tell(Event::Applied(Role::Vrrp, Generation(1))), []);
    assert_eq!(world.tell(Event::Ready(Role::Checker)), [Action::Apply(Role::Checker, Generation(1))]);
    assert_eq!(world.tell(Event::Applied(Role::Checker, Generation(1))), [Action::Announce(Started)]);
    assert_eq!(world.policy.poll_timeout(), None);
}

#[test]
fn the_script_of_the_start_comes_before_all_children_and_their_limits() {
    let now = Instant::now();
    let stop = PerRole { vrrp: StopManner::Release, checker: StopManner::Keep, bfd: StopManner::Keep };
    let settings = Settings { first: First::Script, respawn: Respawn::WithBackoff, stop };
    let mut world = World { policy: Policy::new(now, settings, wanted(ONLY_VRRP)), now };
    assert_eq!((world.actions(), world.policy.poll_timeout()), (vec![Action::Prepare], None));
    assert_eq!(world.tell(Event::ReloadRequested), [], "it is remembered");
    world.now += 100 * SECOND;
    assert_eq!(world.tell(Event::Prepared), [Action::Spawn(Role::Vrrp)]);
    assert_eq!(world.policy.poll_timeout(), Some(world.now + READY_LIMIT));
    assert_eq!(world.tell(Event::Ready(Role::Vrrp)), [Action::Apply(Role::Vrrp, Generation(1))]);
    assert_eq!(
        world.tell(Event::Applied(Role::Vrrp, Generation(1))),
        [Action::Announce(Started), Action::Announce(Reloading), Action::Load]
    );
    assert_eq!(world.tell(Event::Prepared), [], "once");

    let mut world = World { policy: Policy::new(now, settings, wanted(BOTH)), now };
    world.actions();
    assert_eq!(world.tell(Event::StopRequested), [Action::Announce(Stopping), Action::Exit(0)]);
    assert_eq!(world.tell(Event::Prepared), []);
}

#[test]
fn nothing_to_run_is_ready_at_once() {
    let mut world = World::new(PerRole::default(), Respawn::WithBackoff);
    assert_eq!(world.actions(), [Action::Announce(Started)]);
    assert_eq!(world.tell(Event::StopRequested), [Action::Announce(Stopping), Action::Exit(0)]);
}

#[test]
fn waits_double_while_lives_are_short_and_start_over_after_a_long_one() {
    let mut world = World::started(ONLY_VRRP);
    let mut waits = Vec::new();
    for _ in 0..9 {
        world.now += SECOND;
        let actions = world.tell(Event::Exited(Role::Vrrp));
        waits.push(match actions[..] {
            [Action::Spawn(Role::Vrrp)] => 0,
            [Action::Postponed(Role::Vrrp, delay)] => {
                let (waited, then) = world.wait();
                assert_eq!((waited, then), (delay, vec![Action::Spawn(Role::Vrrp)]));
                delay.as_secs()
            }
            _ => panic!("{actions:?}"),
        });
        world.run_up(Role::Vrrp, 1);
    }
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
    world.now += 61 * SECOND;
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
}

#[test]
fn a_spawn_that_fails_is_tried_again_by_the_same_rule() {
    let mut world = World::new(ONLY_VRRP, Respawn::WithBackoff);
    world.actions();
    assert_eq!(world.tell(Event::SpawnFailed(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
    assert_eq!(world.tell(Event::SpawnFailed(Role::Vrrp)), [Action::Postponed(Role::Vrrp, SECOND)]);
}

#[test]
fn without_respawn_a_death_ends_the_daemon_and_says_so() {
    let mut world = World::new(BOTH, Respawn::Never);
    world.actions();
    world.run_up(Role::Checker, 1);
    world.run_up(Role::Vrrp, 1);
    let actions = world.tell(Event::Exited(Role::Checker));
    assert_eq!(actions, [Action::Announce(Stopping), Action::Stop(Role::Vrrp, StopManner::Release)]);
    assert_eq!(world.tell(Event::Stopped(Role::Vrrp)), []);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Exit(1)]);
}

#[test]
fn a_stop_takes_addresses_before_the_table() {
    let mut world = World::started(BOTH);
    let actions = world.tell(Event::StopRequested);
    assert_eq!(actions, [Action::Announce(Stopping), Action::Stop(Role::Vrrp, StopManner::Release)]);
    let actions = world.tell(Event::Stopped(Role::Vrrp));
    assert_eq!(actions, [Action::Stop(Role::Checker, StopManner::Keep)]);
    // Sockets close before processes end.
    assert_eq!(world.tell(Event::Broken(Role::Vrrp)), []);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), []);
    assert_eq!(world.tell(Event::Exited(Role::Checker)), [Action::Exit(0)]);
    assert_eq!(world.tell(Event::StopRequested), []);
}

#[test]
fn a_stop_waits_for_nobody_for_ever() {
    let mut world = World::started(BOTH);
    world.tell(Event::StopRequested);
    assert_eq!(world.wait(), (HEAD_START, vec![Action::Stop(Role::Checker, StopManner::Keep)]));
    assert_eq!(world.wait(), (4 * SECOND, vec![Action::Kill(Role::Vrrp)]));
    assert_eq!(world.wait(), (SECOND, vec![Action::Kill(Role::Checker)]));
    assert_eq!(world.tell(Event::Exited(Role::Checker)), []);
    // SIGKILL did not help either.
    assert_eq!(world.wait(), (SECOND, vec![Action::Exit(0)]));
}

/// A child died twice and waits for its successor.
fn waiting(role: Role) -> World {
    let mut world =
        World::started(PerRole { vrrp: role == Role::Vrrp, checker: role == Role::Checker, bfd: false });
    world.tell(Event::Exited(role));
    assert_eq!(world.tell(Event::Exited(role)), [Action::Postponed(role, SECOND)]);
    world
}

#[test]
fn a_stop_takes_away_what_a_child_that_died_has_left() {
    let mut world = waiting(Role::Vrrp);
    assert_eq!(world.tell(Event::StopRequested), [Action::Announce(Stopping), Action::Spawn(Role::Vrrp)]);
    let cleared = [Action::Clear(Role::Vrrp), Action::Stop(Role::Vrrp, StopManner::Release)];
    assert_eq!(world.tell(Event::Ready(Role::Vrrp)), cleared);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Exit(0)]);
    // The same of a successor that has no plan yet.
    let mut world = World::started(ONLY_VRRP);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
    assert_eq!(world.tell(Event::StopRequested), [Action::Announce(Stopping)]);
    assert_eq!(world.tell(Event::Ready(Role::Vrrp)), cleared);
}

#[test]
fn what_is_to_stay_is_left_as_it_is_by_a_stop_during_a_wait() {
    let mut world = waiting(Role::Checker);
    assert_eq!(world.tell(Event::StopRequested), [Action::Announce(Stopping), Action::Exit(0)]);
}

#[test]
fn a_stop_waits_for_no_clearing_for_ever() {
    let mut world = waiting(Role::Vrrp);
    world.tell(Event::StopRequested);
    // The checker's head start; there is none.
    assert_eq!(world.wait(), (HEAD_START, vec![]));
    assert_eq!(world.wait(), (4 * SECOND, vec![Action::Kill(Role::Vrrp)]));
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Exit(0)]);
}

#[test]
fn what_a_child_that_dies_while_it_ends_has_left_is_taken_away_once() {
    let mut world = World::started(ONLY_VRRP);
    world.tell(Event::StopRequested);
    assert_eq!(world.wait(), (HEAD_START, vec![]));
    assert_eq!(world.wait(), (4 * SECOND, vec![Action::Kill(Role::Vrrp)]));
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
    let cleared = [Action::Clear(Role::Vrrp), Action::Stop(Role::Vrrp, StopManner::Release)];
    assert_eq!(world.tell(Event::Ready(Role::Vrrp)), cleared);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Exit(0)]);
}

#[test]
fn a_reload_takes_away_what_a_child_that_died_has_left() {
    let mut world = waiting(Role::Vrrp);
    world.tell(Event::ReloadRequested);
    let reloaded = Action::Announce(Reloaded(Generation(2)));
    let nobody = PerRole::default();
    assert_eq!(world.tell(Event::Loaded(wanted(nobody))), [Action::Spawn(Role::Vrrp), reloaded]);
    let cleared = [Action::Clear(Role::Vrrp), Action::Stop(Role::Vrrp, StopManner::Release)];
    assert_eq!(world.tell(Event::Ready(Role::Vrrp)), cleared);
    // Wanted again meanwhile.
    world.tell(Event::ReloadRequested);
    assert_eq!(world.tell(Event::Loaded(wanted(ONLY_VRRP))), []);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
}

#[test]
fn the_cure_of_a_configuration_that_kills_does_not_wait_for_it() {
    let mut world = waiting(Role::Vrrp);
    world.tell(Event::ReloadRequested);
    let two = Generation(2);
    assert_eq!(world.tell(Event::Loaded(wanted(ONLY_VRRP))), [Action::Spawn(Role::Vrrp)]);
    assert_eq!(world.tell(Event::ReloadRequested), []);
    let given_up = [Unacknowledged(two), Reloaded(two), Reloading].map(Action::Announce);
    let postponed = Action::Postponed(Role::Vrrp, 2 * SECOND);
    let expected = [&[postponed][..], &given_up, &[Action::Load]].concat();
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), expected);
}

#[test]
fn a_reload_is_done_when_all_have_the_new_plan() {
    let mut world = World::started(BOTH);
    assert_eq!(world.tell(Event::ReloadRequested), [Action::Announce(Reloading), Action::Load]);
    let two = Generation(2);
    let actions = world.tell(Event::Loaded(wanted(BOTH)));
    assert_eq!(actions, [Action::Apply(Role::Checker, two), Action::Apply(Role::Vrrp, two)]);
    assert_eq!(world.tell(Event::Applied(Role::Vrrp, two)), []);
    // A late answer to the old plan is no answer to the new one.
    assert_eq!(world.tell(Event::Applied(Role::Checker, Generation(1))), []);
    assert_eq!(world.tell(Event::Applied(Role::Checker, two)), [Action::Announce(Reloaded(two))]);
}

#[test]
fn a_refused_configuration_changes_nothing() {
    let mut world = World::started(BOTH);
    world.tell(Event::ReloadRequested);
    assert_eq!(world.tell(Event::LoadRefused), [Action::Announce(ReloadRefused)]);
    assert_eq!(world.policy.generation(), Generation(1));
    assert_eq!(world.tell(Event::ReloadRequested), [Action::Announce(Reloading), Action::Load]);
}

#[test]
fn requests_during_a_reload_make_one_more() {
    let mut world = World::started(ONLY_VRRP);
    world.tell(Event::ReloadRequested);
    assert_eq!(world.tell(Event::ReloadRequested), []);
    world.tell(Event::Loaded(wanted(ONLY_VRRP)));
    assert_eq!(world.tell(Event::ReloadRequested), []);
    let two = Generation(2);
    let actions = world.tell(Event::Applied(Role::Vrrp, two));
    assert_eq!(actions, [Action::Announce(Reloaded(two)), Action::Announce(Reloading), Action::Load]);
    assert_eq!(world.tell(Event::LoadRefused), [Action::Announce(ReloadRefused)]);
}

#[test]
fn children_come_and_go_with_their_configuration() {
    let mut world = World::started(ONLY_VRRP);
    world.tell(Event::ReloadRequested);
    let actions = world.tell(Event::Loaded(wanted(PerRole { vrrp: false, checker: true, bfd: false })));
    assert_eq!(actions, [Action::Spawn(Role::Checker), Action::Stop(Role::Vrrp, StopManner::Release)]);
    world.tell(Event::Ready(Role::Checker));
    let two = Generation(2);
    assert_eq!(world.tell(Event::Applied(Role::Checker, two)), [Action::Announce(Reloaded(two))]);
    // Wanted again before it has gone: its successor starts at its end, without a wait.
    world.tell(Event::ReloadRequested);
    let three = Generation(3);
    assert_eq!(world.tell(Event::Loaded(wanted(BOTH))), [Action::Apply(Role::Checker, three)]);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
    world.tell(Event::Applied(Role::Checker, three));
    world.tell(Event::Ready(Role::Vrrp));
    assert_eq!(world.tell(Event::Applied(Role::Vrrp, three)), [Action::Announce(Reloaded(three))]);
}

#[test]
fn a_child_that_dies_in_a_reload_gets_the_new_plan_with_its_successor() {
    let mut world = World::started(ONLY_VRRP);
    world.tell(Event::ReloadRequested);
    world.tell(Event::Loaded(wanted(ONLY_VRRP)));
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
    let two = Generation(2);
    assert_eq!(world.tell(Event::Ready(Role::Vrrp)), [Action::Apply(Role::Vrrp, two)]);
    assert_eq!(world.tell(Event::Applied(Role::Vrrp, two)), [Action::Announce(Reloaded(two))]);
}

#[test]
fn a_new_configuration_ends_a_wait() {
    let mut world = World::started(ONLY_VRRP);
    world.tell(Event::Exited(Role::Vrrp));
    world.tell(Event::Exited(Role::Vrrp));
    world.tell(Event::ReloadRequested);
    assert_eq!(world.tell(Event::Loaded(wanted(ONLY_VRRP))), [Action::Spawn(Role::Vrrp)]);
}

#[test]
fn a_child_that_hangs_at_its_start_is_killed_once() {
    let mut world = World::new(ONLY_VRRP, Respawn::WithBackoff);
    world.actions();
    assert_eq!(world.wait(), (READY_LIMIT, vec![Action::Kill(Role::Vrrp)]));
    let (_, actions) = world.wait();
    let late = Action::Announce(Unacknowledged(Generation(1)));
    assert_eq!(actions, [late, Action::Announce(Started)]);
    assert_eq!(world.policy.poll_timeout(), None);
}

#[test]
fn a_child_that_talks_rubbish_is_killed_and_succeeded() {
    let mut world = World::started(ONLY_VRRP);
    assert_eq!(world.tell(Event::Broken(Role::Vrrp)), [Action::Kill(Role::Vrrp)]);
    assert_eq!(world.tell(Event::Exited(Role::Vrrp)), [Action::Spawn(Role::Vrrp)]);
}

#[test]
fn a_silent_child_does_not_block_the_next_reload() {
    let mut world = World::started(ONLY_VRRP);
    world.tell(Event::ReloadRequested);
    world.tell(Event::Loaded(wanted(ONLY_VRRP)));
    let two = Generation(2);
    let expected = vec![Action::Announce(Unacknowledged(two)), Action::Announce(Reloaded(two))];
    assert_eq!(world.wait(), (ACKNOWLEDGE_LIMIT, expected));
    assert_eq!(world.tell(Event::ReloadRequested), [Action::Announce(Reloading), Action::Load]);
}

/// Whatever happens in whatever order: one process per role, and a stop always ends.
#[test]
fn any_order_of_events_keeps_one_process_per_role_and_comes_to_an_end() {
    for seed in 0..500_u64 {
        let mut world = World::new(PerRole { bfd: true, ..BOTH }, Respawn::WithBackoff);
        let mut alive = PerRole { vrrp: 0_i32, checker: 0, bfd: 0 };
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut exited = false;
        let mut absorb = |world: &mut World, alive: &mut PerRole<i32>| {
            for action in world.actions() {
                match action {
                    Action::Spawn(role) => *alive.of_mut(role) += 1,
                    Action::Exit(_) => exited = true,
                    _ => {}
                }
                assert!(
                    alive.vrrp <= 1 && alive.checker <= 1 && alive.bfd <= 1,
                    "seed {seed}: two processes for a role"
                );
            }
            exited
        };
        absorb(&mut world, &mut alive);
        for _ in 0..200 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let role = Role::ALL[usize::from((random >> 16) as u8) % Role::ALL.len()];
            let roles = PerRole { vrrp: random & 2 == 0, checker: random & 4 == 0, bfd: random & 1 == 0 };
            let generation = Generation(world.policy.generation().0 - (random >> 4) % 2);
            let event = match (random >> 8) % 8 {
                0 => Event::ReloadRequested,
                1 => Event::Loaded(wanted(roles)),
                2 => Event::LoadRefused,
                3 => Event::Ready(role),
                4 => Event::Applied(role, generation),
                5 => Event::Broken(role),
                6 if *alive.of(role) == 1 => {
                    *alive.of_mut(role) -= 1;
                    Event::Exited(role)
                }
                _ => {
                    world.now += Duration::from_millis(random % 7000);
                    world.policy.handle_timeout(world.now);
                    absorb(&mut world, &mut alive);
                    continue;
                }
            };
            world.policy.handle(world.now, event);
            absorb(&mut world, &mut alive);
        }
        world.policy.handle(world.now, Event::StopRequested);
        let mut steps = 0;
        while !absorb(&mut world, &mut alive) {
            let due = world.policy.poll_timeout().expect("a stop has a deadline");
            world.now = world.now.max(due);
            world.policy.handle_timeout(world.now);
            steps += 1;
            assert!(steps < 20, "seed {seed}: the stop does not end");
        }
    }
}
