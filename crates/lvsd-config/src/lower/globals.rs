//! `global_defs`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lvsd_model::{ControlSocket, GarpPolicy, InterfaceName, MetricsListen, Transport, Version};

use super::Lowering;
use super::common::{FOREVER, small, unsigned, whole_seconds};
use super::interfaces::ExtraDraft;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::tree::Statement;
use crate::values;

/// `garp_*` as far as written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GarpDraft {
    pub(super) delay: Option<Duration>,
    pub(super) repeat: Option<u32>,
    pub(super) refresh: Option<Duration>,
    pub(super) refresh_repeat: Option<u32>,
    pub(super) lower_prio_delay: Option<Duration>,
    pub(super) lower_prio_repeat: Option<u32>,
    pub(super) extra: ExtraDraft,
}

/// What `global_defs` says about every instance and check.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    pub(super) version: Version,
    pub(super) group4: IpAddr,
    pub(super) group6: IpAddr,
    pub(super) garp: GarpDraft,
    pub(super) min_garp: bool,
    pub(super) arp_interval: Duration,
    pub(super) na_interval: Duration,
    pub(super) down_timer_adverts: u8,
    pub(super) leave_detection: bool,
    pub(super) master_inquiry: bool,
    pub(super) resign_on_priority_drop: bool,
    pub(super) lower_prio_no_advert: bool,
    pub(super) higher_prio_send_advert: bool,
    pub(super) check_unicast_src: bool,
    pub(super) skip_check_adv_addr: bool,
    pub(super) v3_checksum_as_v2: bool,
    pub(super) strict: bool,
    pub(super) owner_ignore_adverts: bool,
    pub(super) log_all_failures: bool,
    /// `default_interface`, if it is written.
    pub(super) interface: Option<InterfaceName>,
    pub(super) vmac_prefix: String,
    pub(super) vmac_addr_prefix: Option<String>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            version: Version::V2,
            group4: Transport::default_group(lvsd_model::Family::V4),
            group6: Transport::default_group(lvsd_model::Family::V6),
            garp: GarpDraft::default(),
            min_garp: false,
            arp_interval: Duration::ZERO,
            na_interval: Duration::ZERO,
            down_timer_adverts: 3,
            leave_detection: true,
            master_inquiry: true,
            resign_on_priority_drop: false,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            check_unicast_src: false,
            skip_check_adv_addr: false,
            v3_checksum_as_v2: false,
            strict: false,
            owner_ignore_adverts: false,
            log_all_failures: false,
            interface: None,
            vmac_prefix: "vrrp".to_owned(),
            vmac_addr_prefix: None,
        }
    }
}

impl Defaults {
    /// The policy of an instance that wrote `own`.
    pub(super) fn garp_policy(&self, own: GarpDraft) -> GarpPolicy {
        let plain = GarpPolicy::default();
        // vrrp_min_garp: one packet per address, unless something else is written.
        let (repeat, delay) = if self.min_garp { (1, Duration::ZERO) } else { (plain.repeat, plain.delay) };
        let global = self.garp;
        let repeat = own.repeat.or(global.repeat).unwrap_or(repeat);
        let delay = own.delay.or(global.delay).unwrap_or(delay);
        GarpPolicy {
            repeat,
            delay,
            refresh: own.refresh.or(global.refresh).unwrap_or(plain.refresh),
            refresh_repeat: own.refresh_repeat.or(global.refresh_repeat).unwrap_or(plain.refresh_repeat),
            lower_prio_repeat: own.lower_prio_repeat.or(global.lower_prio_repeat).unwrap_or(repeat),
            lower_prio_delay: own.lower_prio_delay.or(global.lower_prio_delay).unwrap_or(delay),
            arp_interval: self.arp_interval,
            na_interval: self.na_interval,
            extra: own.extra.or(global.extra).flatten(),
        }
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn global_defs(&mut self, block: &'a Statement) {
        self.check_repeated(block.block());
        for statement in block.block() {
            if self.accept(statement) {
                let known = self.global_process(statement)
                    || self.global_vrrp(statement)
                    || self.global_notices(statement)
                    || self.global_daemon(statement);
                debug_assert!(known, "{} works, so it is lowered", statement.row.name);
            }
        }
    }

    fn global_process(&mut self, statement: &'a Statement) -> bool {
        let first = self.word(statement, 0);
        match statement.row.name {
            "router_id" => self.config.globals.router_id = first.map(|word| word.text.to_owned()),
            "metrics_listen" => {
                if let Some(listen) = first.and_then(|word| self.metrics_listen(word)) {
                    self.config.globals.metrics_listen = listen;
                }
            }
            "control_socket" => {
                if let Some(socket) = first.and_then(|word| self.control_socket(word)) {
                    self.config.globals.control_socket = socket;
                }
            }
            "strict_config" => {
                let strict = self.boolean(statement);
                self.config.globals.strict_config = strict.unwrap_or(self.config.globals.strict_config);
            }
            "script_user" => self.config.globals.scripts.default_user = self.run_as(statement),
            "enable_script_security" => self.config.globals.scripts.enforce_security = true,
            "use_symlink_paths" => {
                self.config.globals.scripts.keep_symlink_paths = self.boolean(statement).unwrap_or(false);
            }
            "lvs_flush" => self.config.lvs.flush_at_start = true,
            "lvs_flush_on_stop" | "lvs_flush_onstop" => {
                // With VS only our own services go, which is what happens anyway.
                let own = first.and_then(|word| self.choice(word, &[("VS", true)])).unwrap_or(false);
                self.config.lvs.flush_on_stop = !own;
            }
            "lvs_timeouts" => self.lvs_timeouts(statement),
            "lvs_sync_daemon" => self.lvs_sync_daemon(statement),
            "checker_log_all_failures" => {
                self.defaults.log_all_failures = self.boolean(statement).unwrap_or(false)
            }
            "vrrp_startup_delay" => {
                if let Some(delay) = self.seconds(statement, 0, Duration::from_millis(1)..=FOREVER) {
                    self.config.globals.startup_delay = delay;
                }
            }
            "set_supplementary_groups" => {
                self.config.globals.scripts.all_groups = self.boolean(statement).unwrap_or(false);
            }
            "default_interface" => {
                if let Some(interface) = first.and_then(|word| self.interface(word)) {
                    self.defaults.interface = Some(interface);
                }
            }
            "iproute_etc_dir" => self.names.etc = first.map(|word| word.text.into()).unwrap_or_default(),
            "iproute_usr_dir" => self.names.vendor = first.map(|word| word.text.into()),
            "vrrp_delay_after_boot" => {
                if let Some(delay) = self.seconds(statement, 0, Duration::ZERO..=FOREVER) {
                    self.config.globals.delay_after_boot = delay;
                }
            }
            "log_unknown_vrids" => self.config.vrrp.log_unknown_vrids = true,
            _ => {
                return self.firewall(statement)
                    || self.marking(statement)
                    || self.process_settings(statement);
            }
        }
        true
    }

    /// What the VRRP process makes in the kernel beside addresses: names of interfaces, a table of nftables.
    fn firewall(&mut self, statement: &Statement) -> bool {
        let first = self.word(statement, 0);
        match statement.row.name {
            "vmac_prefix" => {
                if let Some(prefix) = first.and_then(|word| self.link_prefix(word)) {
                    self.defaults.vmac_prefix = prefix;
                }
            }
            "vmac_addr_prefix" => {
                self.defaults.vmac_addr_prefix = first.and_then(|word| self.link_prefix(word));
            }
            "nftables" => {
                if let Some(table) = first.and_then(|word| self.table_name(word)) {
                    self.config.vrrp.firewall.table = table;
                }
            }
            "nftables_priority" => {
                let number = self.integer(statement, 0, i64::from(i32::MIN)..=i64::from(i32::MAX));
                if let Some(priority) = number.and_then(|number| i32::try_from(number).ok()) {
                    self.config.vrrp.firewall.priority = priority;
                }
            }
            "disable_local_igmp" => self.config.vrrp.disable_local_igmp = true,
            "nftables_counters" => {
                self.config.vrrp.firewall.counters = true;
                self.marking.counters = true;
            }
            _ => return false,
        }
        true
    }

    /// The first part of an interface's name, which has 15 bytes: `PREFIX6.255` must fit.
    fn link_prefix(&mut self, word: Word<'_>) -> Option<String> {
        if InterfaceName::new(word.text).is_some() && word.text.len() <= 10 {
            return Some(word.text.to_owned());
        }
        let message = format!("`{}` cannot begin the name of an interface; it is ignored", word.text);
        let help = "1 to 10 bytes without blanks or slashes";
        self.report(Diagnostic::tolerated(Rule::BadName, word.span, message).help(help));
        None
    }

    pub(super) fn table_name(&mut self, word: Word<'_>) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if word.text.len() <= 64 && word.text.chars().all(plain) && !word.text.is_empty() {
            return Some(word.text.to_owned());
        }
        let message = format!("`{}` cannot be the name of a table; it is ignored", word.text);
        let help = "1 to 64 letters, digits, `_`, `-` or `.`";
        self.report(Diagnostic::tolerated(Rule::BadName, word.span, message).help(help));
        None
    }

    fn global_vrrp(&mut self, statement: &Statement) -> bool {
        let name = statement.row.name;
        if let Some(garp) = name.strip_prefix("vrrp_")
            && garp.starts_with("garp_")
            && garp != "garp_interval"
        {
            let mut draft = self.defaults.garp;
            let known = self.garp(garp, statement, &mut draft);
            self.defaults.garp = draft;
            return known;
        }
        let flag = |this: &mut Self, before: bool| this.boolean(statement).unwrap_or(before);
        match name {
            "vrrp_version" => {
                self.defaults.version = self.version(statement).unwrap_or(self.defaults.version)
            }
            "vrrp_mcast_group4" => self.defaults.group4 = self.group(statement, self.defaults.group4),
            "vrrp_mcast_group6" => self.defaults.group6 = self.group(statement, self.defaults.group6),
            "vrrp_down_timer_adverts" => {
                self.defaults.down_timer_adverts = self.integer(statement, 0, 1..=100).map_or(3, small);
            }
            "vrrp_garp_interval" => {
                self.defaults.arp_interval =
                    self.seconds(statement, 0, Duration::ZERO..=FOREVER).unwrap_or_default();
            }
            "vrrp_gna_interval" => {
                self.defaults.na_interval =
                    self.seconds(statement, 0, Duration::ZERO..=FOREVER).unwrap_or_default();
            }
            "vrrp_vmac_garp_intvl" => self.defaults.garp.extra = self.extra_garp(statement, 1),
            "vrrp_min_garp" => self.defaults.min_garp = flag(self, false),
            "resign_on_priority_drop" => self.defaults.resign_on_priority_drop = flag(self, false),
            "vrrp_leave_detection" => self.defaults.leave_detection = flag(self, true),
            "vrrp_master_inquiry" => self.defaults.master_inquiry = flag(self, true),
            "vrrp_lower_prio_no_advert" => self.defaults.lower_prio_no_advert = flag(self, false),
            "vrrp_higher_prio_send_advert" => self.defaults.higher_prio_send_advert = flag(self, false),
            "vrrp_skip_check_adv_addr" => self.defaults.skip_check_adv_addr = flag(self, false),
            "vrrp_owner_ignore_adverts" => self.defaults.owner_ignore_adverts = flag(self, false),
            "vrrp_strict" => self.defaults.strict = flag(self, false),
            "vrrp_check_unicast_src" => self.defaults.check_unicast_src = true,
            // keepalived ignores an argument here; so the keyword alone counts.
            "v3_checksum_as_v2" => self.defaults.v3_checksum_as_v2 = true,
            _ => return false,
        }
        true
    }

    /// One of the `garp_*` keywords, without the prefix that they have in `global_defs`.
    pub(super) fn garp(&mut self, name: &str, statement: &Statement, draft: &mut GarpDraft) -> bool {
        let count =
            |this: &mut Self, least| this.integer(statement, 0, least..=i64::from(i32::MAX)).map(unsigned);
        let delay = |this: &mut Self| this.integer(statement, 0, 0..=i64::from(u32::MAX)).map(whole_seconds);
        match name {
            "garp_master_delay" => draft.delay = delay(self).or(draft.delay),
            "garp_master_repeat" => draft.repeat = count(self, 1).or(draft.repeat),
            "garp_master_refresh" => draft.refresh = delay(self).or(draft.refresh),
            "garp_master_refresh_repeat" => draft.refresh_repeat = count(self, 1).or(draft.refresh_repeat),
            "garp_lower_prio_delay" => draft.lower_prio_delay = delay(self).or(draft.lower_prio_delay),
            "garp_lower_prio_repeat" => draft.lower_prio_repeat = count(self, 0).or(draft.lower_prio_repeat),
            "garp_extra_if" => {
                let least = if statement.row.name.starts_with("vrrp_") { 1 } else { 0 };
                draft.extra = self.extra_garp(statement, least).or(draft.extra);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn version(&mut self, statement: &Statement) -> Option<Version> {
        let version = self.integer(statement, 0, 2..=3)?;
        Some(if version == 2 { Version::V2 } else { Version::V3 })
    }

    /// A multicast group of the same family as the one before.
    fn group(&mut self, statement: &Statement, before: IpAddr) -> IpAddr {
        let Some(word) = self.word(statement, 0) else { return before };
        match self.address(word) {
            Some(group) if group.is_ipv4() == before.is_ipv4() => {
                self.multicast(word, group).unwrap_or(before)
            }
            Some(_) => {
                let message = format!("`{}` is of the wrong address family", word.text);
                self.report(Diagnostic::error(Rule::FamilyMismatch, word.span, message));
                before
            }
            None => before,
        }
    }

    pub(super) fn multicast(&mut self, word: Word<'_>, group: IpAddr) -> Option<IpAddr> {
        if group.is_multicast() {
            return Some(group);
        }
        let message = format!("`{}` is no multicast address", word.text);
        self.report(
            Diagnostic::error(Rule::BadAddress, word.span, message)
                .help("224.0.0.18 and ff02::12 are VRRP's own"),
        );
        None
    }

    fn control_socket(&mut self, word: Word<'_>) -> Option<ControlSocket> {
        /// What fits into a socket's address, with the end of the text.
        const MAX_PATH: usize = 107;
        match word.text {
            "off" => Some(ControlSocket::Off),
            path if path.starts_with('/') && !path.ends_with('/') && path.len() <= MAX_PATH => {
                Some(ControlSocket::Path(path.into()))
            }
            path => {
                let message = format!("`{path}` is no place for a socket");
                let help = format!("write `off`, or an absolute path of at most {MAX_PATH} bytes");
                self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
                None
            }
        }
    }

    fn metrics_listen(&mut self, word: Word<'_>) -> Option<MetricsListen> {
        if word.text == "off" {
            return Some(MetricsListen::Off);
        }
        let local = |port: u16| SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port));
        let parsed = word.text.parse::<SocketAddr>().ok();
        let address = parsed.or_else(|| match values::integer(word.text) {
            values::Number::Exact(port) => u16::try_from(port).ok().filter(|&port| port > 0).map(local),
            _ => None,
        });
        if address.is_none() {
            let message = format!("`{}` is no address with a port", word.text);
            let help = "write `metrics_listen 127.0.0.1:9165`, `metrics_listen [::1]:9165`, `metrics_listen 9165` or `metrics_listen off`";
            self.report(Diagnostic::error(Rule::BadAddress, word.span, message).help(help));
        }
        address.map(MetricsListen::Address)
    }
}
