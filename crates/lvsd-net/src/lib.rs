//! Raw and packet sockets, rtnetlink, ARP and ND frames; the one crate that may hold unsafe.
