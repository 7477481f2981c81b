//! Every metric there is: the exposition and the manual are both made from this table.

/// What a value means over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows, until the process that counts is restarted.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// One metric, with all its series.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// All of them, in the order of the page.
        pub(crate) const TABLE: &[&Metric] = &[$(&$id),*];
    };
}

metrics! {
    BUILD_INFO Gauge "lvsd_build_info" ["version"] "Always 1; the version of lvsd.";
    START_TIME Gauge "lvsd_start_time_seconds" [] "When the supervisor started, in seconds since the epoch.";
    GENERATION Gauge "lvsd_config_generation" [] "Number of the configuration in force: 1 at start, one more at each reload.";
    DIAGNOSTICS Gauge "lvsd_config_diagnostics" ["severity"] "Mistakes in the configuration that was read last.";
    RELOAD_SUCCESS Gauge "lvsd_reload_success" [] "Whether the configuration that was read last is in force (1) or was refused (0).";
    RELOAD_TIME Gauge "lvsd_reload_timestamp_seconds" [] "When the configuration was read last, in seconds since the epoch.";
    RELOADS Counter "lvsd_reloads_total" ["result"] "Reloads by result.";
    CHILD_UP Gauge "lvsd_child_up" ["child"] "Whether a process that the configuration needs answers.";
    CHILD_RESTARTS Counter "lvsd_child_restarts_total" ["child"] "Processes started to replace one that had died.";
    CHILD_SILENCES Counter "lvsd_child_silences_total" ["child"] "Times that a process did not answer for 10 seconds.";
    CHILD_GENERATION Gauge "lvsd_child_config_generation" ["child"] "The last configuration that the process has taken over; 0 before the first.";
    CHILD_DEGRADED Gauge "lvsd_child_degraded_parts" ["child"] "Parts of the configuration that do not work on this host; the log names them.";

    VRRP_INFO Gauge "lvsd_vrrp_instance_info" ["instance", "interface", "vrid", "family", "version"] "Always 1; what an instance is.";
    VRRP_STATE Gauge "lvsd_vrrp_state" ["instance", "interface", "vrid", "family", "state"] "1 for the state that an instance is in, 0 for the others.";
    VRRP_STATE_NUMBER Gauge "lvsd_vrrp_state_number" ["instance", "interface", "vrid", "family"] "State as a number: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.";
    VRRP_STATE_AGE Gauge "lvsd_vrrp_state_age_seconds" ["instance", "interface", "vrid", "family"] "How long an instance has been in its state.";
    VRRP_BASE_PRIORITY Gauge "lvsd_vrrp_base_priority" ["instance", "interface", "vrid", "family"] "Configured priority.";
    VRRP_EFFECTIVE_PRIORITY Gauge "lvsd_vrrp_effective_priority" ["instance", "interface", "vrid", "family"] "Priority in force.";
    VRRP_ADJUSTMENT Gauge "lvsd_vrrp_priority_adjustment" ["instance", "interface", "vrid", "family", "tracker"] "What a tracker adds to the priority now.";
    VRRP_FAULTS Gauge "lvsd_vrrp_faults" ["instance", "interface", "vrid", "family"] "Reasons why an instance is in FAULT.";
    VRRP_TRANSITIONS Counter "lvsd_vrrp_transitions_total" ["instance", "interface", "vrid", "family", "from", "to"] "Changes of state.";
    VRRP_BECOME_MASTER Counter "lvsd_vrrp_become_master_total" ["instance", "interface", "vrid", "family"] "Times that an instance became master.";
    VRRP_RELEASE_MASTER Counter "lvsd_vrrp_release_master_total" ["instance", "interface", "vrid", "family"] "Times that an instance ceased to be master.";
    VRRP_SENT Counter "lvsd_vrrp_adverts_sent_total" ["instance", "interface", "vrid", "family"] "Adverts sent, each unicast peer counted.";
    VRRP_RECEIVED Counter "lvsd_vrrp_adverts_received_total" ["instance", "interface", "vrid", "family"] "Adverts accepted.";
    VRRP_REJECTED Counter "lvsd_vrrp_adverts_rejected_total" ["instance", "interface", "vrid", "family", "cause"] "Adverts that had something wrong, by cause.";
    VRRP_ZERO_SENT Counter "lvsd_vrrp_priority_zero_sent_total" ["instance", "interface", "vrid", "family"] "Adverts of priority 0 sent: resignations.";
    VRRP_ZERO_RECEIVED Counter "lvsd_vrrp_priority_zero_received_total" ["instance", "interface", "vrid", "family"] "Adverts of priority 0 received.";
    VRRP_DEPARTURES Counter "lvsd_vrrp_master_departures_total" ["instance", "interface", "vrid", "family"] "Times that the master's host left the multicast group while this instance was backup.";
    VRRP_INQUIRIES Counter "lvsd_vrrp_master_inquiries_total" ["instance", "interface", "vrid", "family"] "Questions to the master's host whether anybody there speaks VRRP.";
    VRRP_DENIALS Counter "lvsd_vrrp_master_denials_total" ["instance", "interface", "vrid", "family"] "Times that the master's host denied that after a missed advert.";
    VRRP_ANNOUNCEMENTS Counter "lvsd_vrrp_announcements_sent_total" ["instance", "interface", "vrid", "family"] "Gratuitous ARPs and unsolicited neighbour advertisements sent.";
    VRRP_HEARD_AGE Gauge "lvsd_vrrp_last_advert_age_seconds" ["instance", "interface", "vrid", "family", "sender"] "How long ago the last advert was accepted.";
    VRRP_HEARD_PRIORITY Gauge "lvsd_vrrp_last_advert_priority" ["instance", "interface", "vrid", "family", "sender"] "Priority in that advert.";
    VRRP_INTERVAL Gauge "lvsd_vrrp_advert_interval_seconds" ["instance", "interface", "vrid", "family"] "Advertisement interval in force.";
    VRRP_ADDRESSES Gauge "lvsd_vrrp_addresses" ["instance", "interface", "vrid", "family"] "Virtual addresses of an instance.";
    VRRP_ADDRESSES_PRESENT Gauge "lvsd_vrrp_addresses_present" ["instance", "interface", "vrid", "family"] "How many of them are on their interfaces.";
    VRRP_ADDRESSES_HEALED Counter "lvsd_vrrp_addresses_healed_total" ["instance", "interface", "vrid", "family"] "Times that an address which somebody else had deleted was put back.";
    VRRP_GROUP_STATE Gauge "lvsd_vrrp_group_state" ["group", "state"] "1 for the state that a sync group is in, 0 for the others.";
    SCRIPT_UP Gauge "lvsd_vrrp_script_up" ["script"] "Whether a tracked script counts as OK; absent before its first result.";
    SCRIPT_DISABLED Gauge "lvsd_vrrp_script_disabled" ["script"] "Whether a tracked script cannot run at all.";
    SCRIPT_RUNS Counter "lvsd_vrrp_script_runs_total" ["script", "result"] "Runs of a tracked script by result.";
    SCRIPT_TIMEOUTS Counter "lvsd_vrrp_script_timeouts_total" ["script"] "Runs that were killed for their time; they count as failures too.";
    FILE_VALUE Gauge "lvsd_vrrp_track_file_value" ["file"] "The number in a tracked file; absent before the first look.";
    PROCESS_UP Gauge "lvsd_vrrp_track_process_up" ["process"] "Whether there are as many of a tracked process as there should be; absent before the first look.";
    VRRP_UNKNOWN Counter "lvsd_vrrp_unknown_vrid_packets_total" [] "Adverts for virtual routers that are not configured here.";
    VRRP_MALFORMED Counter "lvsd_vrrp_malformed_packets_total" [] "Packets that are no VRRP at all.";
    VRRP_MEMBERSHIP_REPORTS Counter "lvsd_vrrp_membership_reports_total" [] "IGMP and MLD reports heard, whatever they were about.";
    VRRP_MEMBERSHIP_MALFORMED Counter "lvsd_vrrp_membership_reports_malformed_total" [] "IGMP and MLD reports that break their own format.";
    VRRP_QUESTIONS Counter "lvsd_vrrp_questions_received_total" [] "Questions of backups whether anybody here speaks VRRP.";
    VRRP_FINDINGS Gauge "lvsd_vrrp_segment_findings" ["instance", "interface", "vrid", "family", "neighbour", "kind"] "Things on a segment that do not fit (lvsctl radar says what they are); absent when there are none.";
    VRRP_NEIGHBOURS Gauge "lvsd_vrrp_neighbours" ["interface"] "Senders of adverts heard on an interface within the last three minutes.";
    VRRP_OVERHEARD Counter "lvsd_vrrp_adverts_overheard_total" [] "Adverts of others on the wire, before any firewall and whatever their VRID.";
    VRRP_SWALLOWED Counter "lvsd_vrrp_adverts_swallowed_total" [] "Adverts for virtual routers of ours that were on the wire and did not reach the election.";
    VRRP_LATENESS Gauge "lvsd_vrrp_timer_lateness_worst_seconds" [] "Greatest lateness of the election timer since its process started.";

    SERVICE_INFO Gauge "lvsd_service_info" ["service", "protocol", "scheduler"] "Always 1; what a virtual server is.";
    SERVICE_ENDPOINT Gauge "lvsd_service_endpoint_info" ["service", "protocol", "endpoint"] "Always 1; the IPVS services that a virtual server stands for.";
    SERVICE_QUORUM_MET Gauge "lvsd_service_quorum_met" ["service", "protocol"] "Whether enough weight is alive.";
    SERVICE_QUORUM Gauge "lvsd_service_quorum" ["service", "protocol"] "Weight that must be alive.";
    SERVICE_WEIGHT Gauge "lvsd_service_alive_weight" ["service", "protocol"] "Weight that is alive.";
    SERVICE_SORRY Gauge "lvsd_service_sorry_active" ["service", "protocol"] "Whether the sorry server has the traffic.";
    SERVICE_SUSPENDED Gauge "lvsd_service_suspended" ["service", "protocol"] "Whether the checks rest because no address of the service is on this host (ha_suspend).";
    SERVICE_FAIL_OPEN Gauge "lvsd_service_fail_open" ["service", "protocol"] "Whether servers that are down have the traffic because too few are up (min_up).";
    SERVICE_CONNECTIONS Counter "lvsd_service_connections_total" ["service", "protocol"] "Connections scheduled, by the kernel's count.";
    SERVICE_PACKETS Counter "lvsd_service_packets_total" ["service", "protocol", "direction"] "Packets, by the kernel's count; out is NAT only.";
    SERVICE_BYTES Counter "lvsd_service_bytes_total" ["service", "protocol", "direction"] "Bytes, by the kernel's count; out is NAT only.";
    SERVER_UP Gauge "lvsd_real_server_up" ["service", "protocol", "real_server"] "Whether a real server is judged up.";
    SERVER_IN_TABLE Gauge "lvsd_real_server_in_table" ["service", "protocol", "real_server"] "Whether a real server is in the IPVS table.";
    SERVER_DRAINING Gauge "lvsd_real_server_draining" ["service", "protocol", "real_server"] "Always 1: a real server that a reload has removed and that still has connections (drain_timeout).";
    SERVER_WEIGHT Gauge "lvsd_real_server_weight" ["service", "protocol", "real_server", "kind"] "Weight of a real server, as configured and in force.";
    SERVER_ACTIVE Gauge "lvsd_real_server_active_connections" ["service", "protocol", "real_server"] "Connections that are established.";
    SERVER_INACTIVE Gauge "lvsd_real_server_inactive_connections" ["service", "protocol", "real_server"] "Connections in other states.";
    SERVER_CONNECTIONS Counter "lvsd_real_server_connections_total" ["service", "protocol", "real_server"] "Connections scheduled, by the kernel's count.";
    SERVER_PACKETS Counter "lvsd_real_server_packets_total" ["service", "protocol", "real_server", "direction"] "Packets, by the kernel's count; out is NAT only.";
    SERVER_BYTES Counter "lvsd_real_server_bytes_total" ["service", "protocol", "real_server", "direction"] "Bytes, by the kernel's count; out is NAT only.";
    CHECK_UP Gauge "lvsd_check_up" ["service", "protocol", "real_server", "check"] "Whether a check counts as OK; absent before its first result.";
    CHECKS Counter "lvsd_checks_total" ["service", "protocol", "real_server", "check", "result"] "Runs of a check by result.";
    CHECK_FAILURES Counter "lvsd_check_failures_total" ["service", "protocol", "real_server", "check", "cause"] "Failed runs of a check by cause.";
    CHECK_DURATION Gauge "lvsd_check_last_duration_seconds" ["service", "protocol", "real_server", "check"] "How long the last run of a check took.";
    IPVS_AVAILABLE Gauge "lvsd_ipvs_available" [] "Whether the kernel has IPVS and lets us use it.";
    IPVS_OPERATIONS Counter "lvsd_ipvs_operations_total" ["result"] "Requests to change the IPVS table, by result.";
    IPVS_HEALED Counter "lvsd_ipvs_healed_total" [] "Entries that somebody else had changed or removed, put back.";

    BFD_STATE Gauge "lvsd_bfd_state" ["session", "neighbor", "state"] "1 for the state that a BFD session is in, 0 for the others.";
    BFD_UP Gauge "lvsd_bfd_up" ["session", "neighbor"] "Whether those who track a BFD session take it for up.";
    BFD_STATE_AGE Gauge "lvsd_bfd_state_age_seconds" ["session", "neighbor"] "How long a BFD session has been in its state.";
    BFD_DETECTION Gauge "lvsd_bfd_detection_time_seconds" ["session", "neighbor"] "How long the neighbour may be silent; absent while it is not heard.";
    BFD_INTERVAL Gauge "lvsd_bfd_interval_seconds" ["session", "neighbor"] "Agreed time between packets sent, before jitter; absent when the neighbour wants none.";
    BFD_SENT Counter "lvsd_bfd_packets_sent_total" ["session", "neighbor"] "BFD packets sent.";
    BFD_RECEIVED Counter "lvsd_bfd_packets_received_total" ["session", "neighbor"] "BFD packets believed.";
    BFD_UPS Counter "lvsd_bfd_session_ups_total" ["session", "neighbor"] "Times that a BFD session came up.";
    BFD_DOWNS Counter "lvsd_bfd_session_downs_total" ["session", "neighbor"] "Times that a BFD session that was up ceased to be.";
    BFD_SEND_FAILS Gauge "lvsd_bfd_send_fails" ["session", "neighbor"] "Whether the last packet of a BFD session could not be sent.";
    BFD_REJECTED Counter "lvsd_bfd_packets_rejected_total" ["cause"] "BFD packets not believed, by cause.";
    BFD_DEAF Gauge "lvsd_bfd_deaf_ports" [] "Ports that BFD cannot be heard on, most likely because another program has them.";
    BFD_LATENESS Gauge "lvsd_bfd_timer_lateness_worst_seconds" [] "Greatest lateness of the BFD timer since its process started.";

    FIFO_LINES Counter "lvsd_fifo_lines_total" ["child", "fifo", "result"] "Lines for a notify FIFO; lost are those for which nobody had made room by reading, or for which there is no FIFO.";
    MAILS Counter "lvsd_mails_total" ["child", "result"] "Mails: taken by the server, given up after all attempts, or dropped because too many waited.";
    MAILS_WAITING Gauge "lvsd_mails_waiting" ["child"] "Mails that wait for the server.";
}
