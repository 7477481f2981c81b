//! The VRRP process: drives lvsd-vrrp with real sockets, netlink, trackers and notifications.
