//! The attributes of `linux/ip_vs.h`, requests and replies apart: the kernel gives the same number to different things
//! depending on the direction and the command.

use super::wire::{Be, Flags, Nested, attributes};

attributes! {
    /// First level of a request.
    pub enum RequestAttr {
        /// A service, whole or only its key
        Service(Nested<ServiceAttr>) = 1, "IPVS_CMD_ATTR_SERVICE";
        /// A destination, whole or only its key
        Dest(Nested<DestAttr>) = 2, "IPVS_CMD_ATTR_DEST";
        /// A sync daemon
        Daemon(Nested<DaemonAttr>) = 3, "IPVS_CMD_ATTR_DAEMON";
        /// Timeout of TCP connections, seconds
        TimeoutTcp(u32) = 4, "IPVS_CMD_ATTR_TIMEOUT_TCP";
        /// Timeout of TCP connections after a FIN, seconds
        TimeoutTcpFin(u32) = 5, "IPVS_CMD_ATTR_TIMEOUT_TCP_FIN";
        /// Timeout of UDP, seconds
        TimeoutUdp(u32) = 6, "IPVS_CMD_ATTR_TIMEOUT_UDP";
    }
}

attributes! {
    /// First level of a reply, but for the one to `GET_INFO`.
    pub enum ReplyAttr {
        /// A service
        Service(Vec<ServiceReplyAttr>) = 1, "IPVS_CMD_ATTR_SERVICE";
        /// A destination
        Dest(Vec<DestReplyAttr>) = 2, "IPVS_CMD_ATTR_DEST";
        /// A sync daemon
        Daemon(Vec<DaemonReplyAttr>) = 3, "IPVS_CMD_ATTR_DAEMON";
        /// Timeout of TCP connections, seconds
        TimeoutTcp(u32) = 4, "IPVS_CMD_ATTR_TIMEOUT_TCP";
        /// Timeout of TCP connections after a FIN, seconds
        TimeoutTcpFin(u32) = 5, "IPVS_CMD_ATTR_TIMEOUT_TCP_FIN";
        /// Timeout of UDP, seconds
        TimeoutUdp(u32) = 6, "IPVS_CMD_ATTR_TIMEOUT_UDP";
    }
}

attributes! {
    /// First level of the reply to `GET_INFO`.
    pub enum InfoAttr {
        /// Version, one byte each of major, minor, patch
        Version(u32) = 1, "IPVS_INFO_ATTR_VERSION";
        /// Slots of the connection table
        ConnTabSize(u32) = 2, "IPVS_INFO_ATTR_CONN_TAB_SIZE";
    }
}

attributes! {
    /// A service in a request.
    pub enum ServiceAttr {
        /// Address family, `AF_INET` or `AF_INET6`
        Family(u16) = 1, "IPVS_SVC_ATTR_AF";
        /// IP protocol number
        Protocol(u16) = 2, "IPVS_SVC_ATTR_PROTOCOL";
        /// Address; an IPv4 address in the first 4 bytes
        Address([u8; 16]) = 3, "IPVS_SVC_ATTR_ADDR";
        /// Port in network order
        Port(Be<u16>) = 4, "IPVS_SVC_ATTR_PORT";
        /// Firewall mark
        Fwmark(u32) = 5, "IPVS_SVC_ATTR_FWMARK";
        /// Scheduler
        Scheduler(String) = 6, "IPVS_SVC_ATTR_SCHED_NAME";
        /// Options
        Flags(Flags) = 7, "IPVS_SVC_ATTR_FLAGS";
        /// Persistence timeout in seconds
        Timeout(u32) = 8, "IPVS_SVC_ATTR_TIMEOUT";
        /// Persistence granularity: an IPv4 mask as it lies in a packet, or an IPv6 prefix length in host order
        Netmask([u8; 4]) = 9, "IPVS_SVC_ATTR_NETMASK";
        /// Persistence engine
        Engine(String) = 11, "IPVS_SVC_ATTR_PE_NAME";
    }
}

attributes! {
    /// A service in a reply.
    pub enum ServiceReplyAttr {
        /// Address family, `AF_INET` or `AF_INET6`
        Family(u16) = 1, "IPVS_SVC_ATTR_AF";
        /// IP protocol number; absent with a firewall mark
        Protocol(u16) = 2, "IPVS_SVC_ATTR_PROTOCOL";
        /// Address; an IPv4 address in the first 4 bytes
        Address([u8; 16]) = 3, "IPVS_SVC_ATTR_ADDR";
        /// Port in network order
        Port(Be<u16>) = 4, "IPVS_SVC_ATTR_PORT";
        /// Firewall mark; absent with an address
        Fwmark(u32) = 5, "IPVS_SVC_ATTR_FWMARK";
        /// Scheduler
        Scheduler(String) = 6, "IPVS_SVC_ATTR_SCHED_NAME";
        /// Options and state bits
        Flags(Flags) = 7, "IPVS_SVC_ATTR_FLAGS";
        /// Persistence timeout in seconds
        Timeout(u32) = 8, "IPVS_SVC_ATTR_TIMEOUT";
        /// Persistence granularity: an IPv4 mask as it lies in a packet, or an IPv6 prefix length in host order
        Netmask([u8; 4]) = 9, "IPVS_SVC_ATTR_NETMASK";
        /// Counters, most of them 32 bits
        Stats(Vec<StatsAttr>) = 10, "IPVS_SVC_ATTR_STATS";
        /// Persistence engine
        Engine(String) = 11, "IPVS_SVC_ATTR_PE_NAME";
        /// Counters, all 64 bits (Linux 4.1)
        Stats64(Vec<Stats64Attr>) = 12, "IPVS_SVC_ATTR_STATS64";
    }
}

attributes! {
    /// A destination in a request.
    pub enum DestAttr {
        /// Address; an IPv4 address in the first 4 bytes
        Address([u8; 16]) = 1, "IPVS_DEST_ATTR_ADDR";
        /// Port in network order
        Port(Be<u16>) = 2, "IPVS_DEST_ATTR_PORT";
        /// Forwarding method, the low bits of the connection flags
        Forward(u32) = 3, "IPVS_DEST_ATTR_FWD_METHOD";
        /// Weight
        Weight(u32) = 4, "IPVS_DEST_ATTR_WEIGHT";
        /// Upper threshold
        Upper(u32) = 5, "IPVS_DEST_ATTR_U_THRESH";
        /// Lower threshold
        Lower(u32) = 6, "IPVS_DEST_ATTR_L_THRESH";
        /// Address family (Linux 3.18); the service's if absent
        Family(u16) = 11, "IPVS_DEST_ATTR_ADDR_FAMILY";
        /// Tunnel type (Linux 5.3); IP-in-IP if absent
        TunnelType(u8) = 13, "IPVS_DEST_ATTR_TUN_TYPE";
        /// Tunnel port in network order
        TunnelPort(Be<u16>) = 14, "IPVS_DEST_ATTR_TUN_PORT";
        /// Tunnel checksum flags
        TunnelFlags(u16) = 15, "IPVS_DEST_ATTR_TUN_FLAGS";
    }
}

attributes! {
    /// A destination in a reply.
    pub enum DestReplyAttr {
        /// Address; an IPv4 address in the first 4 bytes
        Address([u8; 16]) = 1, "IPVS_DEST_ATTR_ADDR";
        /// Port in network order
        Port(Be<u16>) = 2, "IPVS_DEST_ATTR_PORT";
        /// Forwarding method
        Forward(u32) = 3, "IPVS_DEST_ATTR_FWD_METHOD";
        /// Weight
        Weight(u32) = 4, "IPVS_DEST_ATTR_WEIGHT";
        /// Upper threshold
        Upper(u32) = 5, "IPVS_DEST_ATTR_U_THRESH";
        /// Lower threshold
        Lower(u32) = 6, "IPVS_DEST_ATTR_L_THRESH";
        /// Active connections
        ActiveConns(u32) = 7, "IPVS_DEST_ATTR_ACTIVE_CONNS";
        /// Inactive connections
        InactiveConns(u32) = 8, "IPVS_DEST_ATTR_INACT_CONNS";
        /// Persistence entries
        PersistentConns(u32) = 9, "IPVS_DEST_ATTR_PERSIST_CONNS";
        /// Counters, most of them 32 bits
        Stats(Vec<StatsAttr>) = 10, "IPVS_DEST_ATTR_STATS";
        /// Address family (Linux 3.18)
        Family(u16) = 11, "IPVS_DEST_ATTR_ADDR_FAMILY";
        /// Counters, all 64 bits (Linux 4.1)
        Stats64(Vec<Stats64Attr>) = 12, "IPVS_DEST_ATTR_STATS64";
        /// Tunnel type (Linux 5.3)
        TunnelType(u8) = 13, "IPVS_DEST_ATTR_TUN_TYPE";
        /// Tunnel port in network order
        TunnelPort(Be<u16>) = 14, "IPVS_DEST_ATTR_TUN_PORT";
        /// Tunnel checksum flags
        TunnelFlags(u16) = 15, "IPVS_DEST_ATTR_TUN_FLAGS";
    }
}

attributes! {
    /// Counters as they were before Linux 4.1: packets and connections may wrap.
    pub enum StatsAttr {
        /// Connections scheduled
        Conns(u32) = 1, "IPVS_STATS_ATTR_CONNS";
        /// Packets from clients
        InPkts(u32) = 2, "IPVS_STATS_ATTR_INPKTS";
        /// Packets to clients
        OutPkts(u32) = 3, "IPVS_STATS_ATTR_OUTPKTS";
        /// Bytes from clients
        InBytes(u64) = 4, "IPVS_STATS_ATTR_INBYTES";
        /// Bytes to clients
        OutBytes(u64) = 5, "IPVS_STATS_ATTR_OUTBYTES";
        /// Connections per second
        Cps(u32) = 6, "IPVS_STATS_ATTR_CPS";
        /// Packets per second from clients
        InPps(u32) = 7, "IPVS_STATS_ATTR_INPPS";
        /// Packets per second to clients
        OutPps(u32) = 8, "IPVS_STATS_ATTR_OUTPPS";
        /// Bytes per second from clients
        InBps(u32) = 9, "IPVS_STATS_ATTR_INBPS";
        /// Bytes per second to clients
        OutBps(u32) = 10, "IPVS_STATS_ATTR_OUTBPS";
    }
}

attributes! {
    /// Counters of 64 bits. Some machines put padding (`IPVS_STATS_ATTR_PAD`, 11) before them; it comes as `Other`.
    pub enum Stats64Attr {
        /// Connections scheduled
        Conns(u64) = 1, "IPVS_STATS_ATTR_CONNS";
        /// Packets from clients
        InPkts(u64) = 2, "IPVS_STATS_ATTR_INPKTS";
        /// Packets to clients
        OutPkts(u64) = 3, "IPVS_STATS_ATTR_OUTPKTS";
        /// Bytes from clients
        InBytes(u64) = 4, "IPVS_STATS_ATTR_INBYTES";
        /// Bytes to clients
        OutBytes(u64) = 5, "IPVS_STATS_ATTR_OUTBYTES";
        /// Connections per second
        Cps(u64) = 6, "IPVS_STATS_ATTR_CPS";
        /// Packets per second from clients
        InPps(u64) = 7, "IPVS_STATS_ATTR_INPPS";
        /// Packets per second to clients
        OutPps(u64) = 8, "IPVS_STATS_ATTR_OUTPPS";
        /// Bytes per second from clients
        InBps(u64) = 9, "IPVS_STATS_ATTR_INBPS";
        /// Bytes per second to clients
        OutBps(u64) = 10, "IPVS_STATS_ATTR_OUTBPS";
    }
}

attributes! {
    /// A sync daemon in a request.
    pub enum DaemonAttr {
        /// Which half
        State(u32) = 1, "IPVS_DAEMON_ATTR_STATE";
        /// Interface
        Interface(String) = 2, "IPVS_DAEMON_ATTR_MCAST_IFN";
        /// Identity of the pair
        SyncId(u32) = 3, "IPVS_DAEMON_ATTR_SYNC_ID";
        /// Longest UDP payload
        MaxLen(u16) = 4, "IPVS_DAEMON_ATTR_SYNC_MAXLEN";
        /// IPv4 multicast group
        Group([u8; 4]) = 5, "IPVS_DAEMON_ATTR_MCAST_GROUP";
        /// IPv6 multicast group
        Group6([u8; 16]) = 6, "IPVS_DAEMON_ATTR_MCAST_GROUP6";
        /// UDP port, in host order
        Port(u16) = 7, "IPVS_DAEMON_ATTR_MCAST_PORT";
        /// Multicast TTL
        Ttl(u8) = 8, "IPVS_DAEMON_ATTR_MCAST_TTL";
    }
}

attributes! {
    /// A sync daemon in a reply.
    pub enum DaemonReplyAttr {
        /// Which half
        State(u32) = 1, "IPVS_DAEMON_ATTR_STATE";
        /// Interface
        Interface(String) = 2, "IPVS_DAEMON_ATTR_MCAST_IFN";
        /// Identity of the pair
        SyncId(u32) = 3, "IPVS_DAEMON_ATTR_SYNC_ID";
        /// Longest UDP payload
        MaxLen(u16) = 4, "IPVS_DAEMON_ATTR_SYNC_MAXLEN";
        /// IPv4 multicast group
        Group([u8; 4]) = 5, "IPVS_DAEMON_ATTR_MCAST_GROUP";
        /// IPv6 multicast group
        Group6([u8; 16]) = 6, "IPVS_DAEMON_ATTR_MCAST_GROUP6";
        /// UDP port, in host order
        Port(u16) = 7, "IPVS_DAEMON_ATTR_MCAST_PORT";
        /// Multicast TTL
        Ttl(u8) = 8, "IPVS_DAEMON_ATTR_MCAST_TTL";
    }
}
