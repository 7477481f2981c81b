//! The Internet checksum (RFC 1071) and the pseudo headers under it.

use std::net::IpAddr;

use super::IP_PROTOCOL;

/// A running one's complement sum. Pieces must have an even length, save the last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum(u32);

impl Sum {
    /// The sum with the pseudo header of a packet of `length` octets: RFC 9568 §5.2.8; for IPv6 that of RFC 8200 §8.1. The
    /// two differ in layout, not in what they add up to.
    #[must_use]
    pub(super) fn pseudo_header(source: IpAddr, destination: IpAddr, length: usize) -> Self {
        Self::pseudo_header_of(IP_PROTOCOL, source, destination, length)
    }

    /// The same for another protocol.
    #[must_use]
    pub(super) fn pseudo_header_of(protocol: u8, source: IpAddr, destination: IpAddr, length: usize) -> Self {
        let mut sum = Self::default();
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => sum.add(&address.octets()),
                IpAddr::V6(address) => sum.add(&address.octets()),
            }
        }
        // What is summed up here comes in one IP packet.
        sum.add_word(u16::try_from(length).unwrap_or(u16::MAX));
        sum.add_word(u16::from(protocol));
        sum
    }

    /// Adds octets, an odd last one padded with zero.
    pub(super) fn add(&mut self, octets: &[u8]) {
        let mut words = octets.chunks_exact(2);
        for word in &mut words {
            if let [high, low] = word {
                self.add_word(u16::from_be_bytes([*high, *low]));
            }
        }
        if let [last] = words.remainder() {
            self.add_word(u16::from_be_bytes([*last, 0]));
        }
    }

    const fn add_word(&mut self, word: u16) {
        let sum = self.0 + word as u32;
        self.0 = (sum & 0xffff) + (sum >> 16);
    }

    /// The checksum of what was added. Over a packet that holds its own right checksum it is 0.
    #[must_use]
    pub(super) const fn finish(self) -> u16 {
        // The running sum is folded after every word, so it fits.
        !(self.0 as u16)
    }
}
