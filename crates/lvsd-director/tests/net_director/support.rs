//! A director as a process of its own, with the test as its supervisor.

use std::error::Error;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use lvsd_ipc::{
    Applied, FromChild, Generation, InstanceSnapshot, InstanceState, StopManner, ToChild, VrrpPlan,
    VrrpSnapshot, decode, encode,
};
use lvsd_lab::{Host, Lan, Link};
use lvsd_model::{
    AdvertInterval, Broadcast, Family, GarpPolicy, InitialState, Instance, InterfaceName, Notify, Preempt,
    PreferredLifetime, Priority, Trackers, Transport, Version, VirtualAddress, Vrid, VrrpConfig,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How long anything may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Set in the environment of the process that is to be a director instead of a test.
const CHILD: &str = "LVSD_DIRECTOR_TEST_CHILD";

/// What the process does when it was started as a director; call from a test of its own.
pub(crate) fn be_a_director() {
    if std::env::var_os(CHILD).is_some() {
        tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
        // The process ends here: the test harness has nothing to add.
        let code = lvsd_director::run();
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn interface(name: &str) -> InterfaceName {
    InterfaceName::new(name).expect("a name")
}

/// A virtual address as `virtual_ipaddress` would have it.
pub(crate) fn vip(text: &str) -> VirtualAddress {
    let (address, prefix_len) = text.split_once('/').map_or((text, None), |(a, p)| (a, p.parse().ok()));
    let address = ip(address);
    VirtualAddress {
        address,
        prefix_len: prefix_len.unwrap_or_else(|| if address.is_ipv4() { 32 } else { 128 }),
        interface: None,
        scope: None,
        broadcast: Broadcast::None,
        label: None,
        peer: None,
        no_prefix_route: false,
        no_track: false,
        no_dad: true,
        preferred: if address.is_ipv4() { PreferredLifetime::Forever } else { PreferredLifetime::Seconds(0) },
        flags: lvsd_model::AddressFlags::default(),
    }
}

/// A VRRPv3 instance on eth0 with adverts every 100 ms.
pub(crate) fn instance(name: &str, priority: u8, vips: &[&str]) -> Instance {
    let addresses: Vec<_> = vips.iter().map(|text| vip(text)).collect();
    let family = addresses.first().map_or(Family::V4, |line| Family::of(line.address));
    Instance {
        name: name.to_owned(),
        version: Version::V3,
        family,
        interface: Some(interface("eth0")),
        vrid: Vrid::new(51).expect("in range"),
        priority: Priority::new(priority).expect("in range"),
        initial: InitialState::Backup,
        advert_interval: AdvertInterval::v3(10).expect("in range"),
        preempt: Preempt::After(Duration::ZERO),
        source: None,
        transport: Transport::Multicast { group: Transport::default_group(family) },
        auth: None,
        addresses,
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        promote_secondaries: false,
        garp: GarpPolicy::default(),
        down_timer_adverts: 3,
        leave_detection: true,
        master_inquiry: false,
        resign_on_priority_drop: false,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        owner_ignores_adverts: false,
        late_backup: None,
        skip_check_adv_addr: false,
        v3_checksum_as_v2: false,
        ignore_own_interface: false,
        trackers: Trackers::default(),
        notify: Notify::default(),
        own_link: None,
        address_links: Vec::new(),
        accept: lvsd_model::Accept::Everything,
        track_source: false,
        vrf: None,
    }
}

pub(crate) fn config(instances: impl IntoIterator<Item = Instance>) -> VrrpConfig {
    VrrpConfig { instances: instances.into_iter().collect(), ..VrrpConfig::default() }
}

/// A LAN with two directors and a third host that only looks.
pub(crate) struct Scene {
    pub(crate) lan: Lan,
    pub(crate) a: Host,
    pub(crate) b: Host,
    pub(crate) wire_a: Link,
    pub(crate) _wire_b: Link,
}

impl Scene {
    pub(crate) fn new() -> Outcome<Self> {
        let lan = Lan::new("lan")?;
        let (a, b) = (Host::new("a")?, Host::new("b")?);
        let wire_a = lan.plug(&a, "eth0", &["10.0.0.1/24", "fd00::1/64"])?;
        let wire_b = lan.plug(&b, "eth0", &["10.0.0.2/24", "fd00::2/64"])?;
        Ok(Self { lan, a, b, wire_a, _wire_b: wire_b })
    }
}

/// A running director.
pub(crate) struct Director {
    child: Child,
    socket: UnixStream,
    generation: u64,
    requests: u64,
}

impl Director {
    /// Starts one on a host with a configuration; `home` keeps what outlives it.
    pub(crate) fn start(host: &Host, home: &TempDir, config: VrrpConfig) -> Outcome<Self> {
        let (director, applied) = Self::start_saying(host, home, config)?;
        if applied == Applied::Done { Ok(director) } else { Err(format!("{applied:?}").into()) }
    }

    /// The same, with how it fared.
    pub(crate) fn start_saying(host: &Host, home: &TempDir, config: VrrpConfig) -> Outcome<(Self, Applied)> {
        let (near, far) = UnixStream::pair()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--exact", "director_process", "--ignored", "--nocapture"]).env(CHILD, "1");
        let log = std::fs::File::options().create(true).append(true).open(home.path().join("log"))?;
        command.stdout(Stdio::null()).stderr(log);
        lvsd_net::child::hand_over(&mut command, far.into());
        let child = host.enter(|| command.spawn())??;
        drop(command);
        near.set_read_timeout(Some(PATIENCE))?;
        let mut director = Self { child, socket: near, generation: 0, requests: 0 };
        assert_eq!(director.hear()?, FromChild::Ready);
        let applied = director.apply(home.path(), config)?;
        Ok((director, applied))
    }

    /// Gives it a (new) configuration.
    pub(crate) fn apply(&mut self, home: &Path, config: VrrpConfig) -> Outcome<Applied> {
        let plan = VrrpPlan { config, runtime_dir: home.to_owned(), ..VrrpPlan::default() };
        self.apply_plan(plan)
    }

    pub(crate) fn apply_plan(&mut self, plan: VrrpPlan) -> Outcome<Applied> {
        self.generation += 1;
        let generation = Generation(self.generation);
        self.say(&ToChild::Apply { generation, plan: Box::new(plan) })?;
        match self.hear()? {
            FromChild::Applied { generation: of, outcome } if of == generation => Ok(outcome),
            other => Err(format!("instead of Applied: {other:?}").into()),
        }
    }

    pub(crate) fn snapshot(&mut self) -> Outcome<VrrpSnapshot> {
        self.requests += 1;
        let request = self.requests;
        self.say(&ToChild::Snapshot { request })?;
        match self.hear()? {
            FromChild::Snapshot { request: of, snapshot } if of == request => Ok(*snapshot),
            other => Err(format!("instead of a snapshot: {other:?}").into()),
        }
    }

    /// The snapshot's first instance.
    pub(crate) fn look(&mut self) -> Outcome<InstanceSnapshot> {
        self.snapshot()?.instances.into_iter().next().ok_or_else(|| "no instance".into())
    }

    /// Waits until the first instance is as wanted.
    pub(crate) fn wait(
        &mut self,
        what: &str,
        wanted: impl Fn(&InstanceSnapshot) -> bool,
    ) -> Outcome<InstanceSnapshot> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.look()?;
            if wanted(&seen) {
                return Ok(seen);
            }
            if Instant::now() > deadline {
                return Err(format!("{what}: not in time, but {seen:#?}").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn wait_state(&mut self, state: InstanceState) -> Outcome<InstanceSnapshot> {
        self.wait(state.word(), |instance| instance.state == state)
    }

    /// Stops it in an orderly way.
    pub(crate) fn stop(mut self, manner: StopManner) -> Outcome<ExitStatus> {
        self.say(&ToChild::Stop(manner))?;
        loop {
            match self.hear()? {
                FromChild::Stopped => return self.ended(),
                FromChild::Snapshot { .. } => {}
                other => return Err(format!("instead of Stopped: {other:?}").into()),
            }
        }
    }

    /// As when the supervisor dies.
    pub(crate) fn abandon(mut self) -> Outcome<ExitStatus> {
        self.socket.shutdown(std::net::Shutdown::Both)?;
        self.ended()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn signal(&self, signal: Signal) -> Outcome {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    pub(crate) fn clear_counters(&mut self) -> Outcome {
        self.say(&ToChild::ClearCounters)
    }

    pub(crate) fn ended(&mut self) -> Outcome<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err("it does not end".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn say(&mut self, message: &ToChild<VrrpPlan>) -> Outcome {
        Ok(self.socket.write_all(&encode(message)?)?)
    }

    /// The next answer. Events may come at any time, and are looked at elsewhere.
    fn hear(&mut self) -> Outcome<FromChild<VrrpSnapshot>> {
        loop {
            let message = self.hear_any()?;
            if !matches!(message, FromChild::Event(_)) {
                return Ok(message);
            }
        }
    }

    fn hear_any(&mut self) -> Outcome<FromChild<VrrpSnapshot>> {
        let mut header = [0; 4];
        self.socket.read_exact(&mut header)?;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(header))?];
        self.socket.read_exact(&mut body)?;
        Ok(decode(&body)?)
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        // A test that fails must not leave it running; one that has ended is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
