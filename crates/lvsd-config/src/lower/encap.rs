//! `encap` of a route.

use std::net::IpAddr;

use lvsd_model::{Encap, Family, TunnelHeader};

use super::Lowering;
use super::line::{Line, Taken};
use super::words::Word;
use crate::rules::Rule;

/// The largest label: 20 bits (RFC 3032).
const LAST_LABEL: u32 = (1 << 20) - 1;
/// More labels than any kernel puts on a packet.
const MAX_LABELS: usize = 16;

impl<'a> Lowering<'a> {
    pub(super) fn encap(&mut self, line: &mut Line<'a>, option: Word<'a>) -> Taken<Encap> {
        let kind = self.value(line, option)?;
        match kind.text {
            "ip" => self.tunnel_header(line, Family::V4),
            "ip6" => self.tunnel_header(line, Family::V6),
            "mpls" => self.labels(line, kind),
            "ila" => self.locator(line, kind),
            _ => {
                let message = format!("`{}` is no encapsulation that lvsd knows", kind.text);
                let help = Some("one of ip, ip6, mpls, ila".to_owned());
                self.leave_out(line, Rule::BadValue, kind.span, message, help)
            }
        }
    }

    /// Options up to the first word that is none.
    fn tunnel_header(&mut self, line: &mut Line<'a>, family: Family) -> Taken<Encap> {
        let mut header =
            TunnelHeader { family, id: None, destination: None, source: None, ttl: None, tos: None };
        while let Some(word) = line.peek() {
            if !matches!(
                word.text,
                "id" | "dst" | "remote" | "src" | "local" | "tos" | "dsfield" | "tc" | "ttl" | "hoplimit"
            ) {
                break;
            }
            line.next();
            match word.text {
                "id" => header.id = Some(self.number_of(line, word, 0..=i64::MAX)?),
                "dst" | "remote" => header.destination = Some(self.outer_address(line, word, family)?),
                "src" | "local" => header.source = Some(self.outer_address(line, word, family)?),
                "tos" | "dsfield" | "tc" => header.tos = Some(self.number_of(line, word, 0..=255)?),
                _ => header.ttl = Some(self.number_of(line, word, 0..=255)?),
            }
        }
        Ok(Encap::Ip(header))
    }

    fn outer_address(&mut self, line: &mut Line<'a>, option: Word<'a>, family: Family) -> Taken<IpAddr> {
        let address = self.address_of(line, option)?;
        if Family::of(address) == family {
            return Ok(address);
        }
        let message = format!("the tunnel's address {address} is not {family}");
        self.leave_out(line, Rule::FamilyMismatch, option.span, message, None)
    }

    fn labels(&mut self, line: &mut Line<'a>, option: Word<'a>) -> Taken<Encap> {
        let word = self.value(line, option)?;
        let labels: Option<Vec<u32>> = word
            .text
            .split('/')
            .map(|label| label.parse().ok().filter(|label| *label <= LAST_LABEL))
            .collect();
        let Some(labels) = labels.filter(|labels| labels.len() <= MAX_LABELS) else {
            let message = format!("`{}` is no stack of MPLS labels", word.text);
            let help = Some(format!("at most {MAX_LABELS} numbers up to {LAST_LABEL}, with slashes between"));
            return self.leave_out(line, Rule::BadNumber, word.span, message, help);
        };
        let mut ttl = None;
        if let Some(word) = line.peek().filter(|word| word.text == "ttl") {
            line.next();
            ttl = Some(self.number_of(line, word, 1..=255)?);
        }
        Ok(Encap::Mpls(labels, ttl))
    }

    /// Four groups of hexadecimal digits, as the upper half of an IPv6 address.
    fn locator(&mut self, line: &mut Line<'a>, option: Word<'a>) -> Taken<Encap> {
        let word = self.value(line, option)?;
        let groups: Vec<_> = word.text.split(':').map(|group| u16::from_str_radix(group, 16)).collect();
        if let [Ok(a), Ok(b), Ok(c), Ok(d)] = groups.as_slice() {
            let locator = [a, b, c, d].into_iter().fold(0, |all, group| all << 16 | u64::from(*group));
            return Ok(Encap::Ila(locator));
        }
        let message = format!("`{}` is no ILA locator", word.text);
        let help = Some("four groups of hexadecimal digits, such as 2001:db8:0:1".to_owned());
        self.leave_out(line, Rule::BadAddress, word.span, message, help)
    }
}
