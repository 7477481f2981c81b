//! Test hosts: namespaces, a fake LAN, a kernel with IPVS, the peer keepalived (development only).
