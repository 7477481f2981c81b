//! The Linux kernel's IPVS over generic netlink: attributes, typed tables, plan() and a client.
