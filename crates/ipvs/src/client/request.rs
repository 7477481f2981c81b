//! The three kinds of exchange: changes, dumps, and single questions; and finding the family's number.

use std::io;

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::{GenlFamily, GenlMessage};

use super::link::{Answer, Failure, Link, Payload};
use super::{Client, Ctrl, Undecodable};
use crate::codec::{DecodeError, Message, Reply, Request};
use crate::error::{Errno, IpvsError};

/// Why nothing more can be asked just now.
#[derive(Debug)]
pub(super) enum Stop {
    NoIpvs,
    Socket(io::Error),
    Failure(Failure, std::time::Duration),
}

impl Stop {
    /// Whether answers were lost: some requests may have been carried out.
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Failure(Failure::Lost, _))
    }

    /// As the error of one of the operations it stopped.
    pub(super) fn of(&self, op: String) -> IpvsError {
        match self {
            Self::NoIpvs => IpvsError::NoIpvs,
            // io::Error cannot be cloned; its number can.
            Self::Socket(e) => IpvsError::Socket(match e.raw_os_error() {
                Some(errno) => io::Error::from_raw_os_error(errno),
                None => io::Error::new(e.kind(), e.to_string()),
            }),
            Self::Failure(Failure::Timeout, limit) => IpvsError::Timeout { op, limit: *limit },
            Self::Failure(Failure::Lost, _) => IpvsError::Lost { op },
        }
    }
}

/// A refusal as the kernel's number. An acknowledgement is none.
fn errno<P: Payload>(answer: &Answer<P>) -> Option<Errno> {
    match &answer.payload {
        NetlinkPayload::Error(error) => error.code.map(|code| Errno(code.get().saturating_abs())),
        // A dump that fails half-way says so in its end.
        NetlinkPayload::Done(done) if done.code < 0 => Some(Errno(done.code.saturating_abs())),
        _ => None,
    }
}

impl Client {
    /// Finds the number the kernel has given to the family, on a connection of its own.
    pub(super) async fn resolve_family(&mut self) -> Result<u16, IpvsError> {
        let name = Message::family_name();
        let failed = |stop: Stop| stop.of(format!("look up the generic netlink family {name}"));
        let socket = (self.opener)().map_err(IpvsError::Socket)?;
        let mut link = Link::<Ctrl>::new(socket).map_err(IpvsError::Socket)?;
        let request = message(Ctrl::family_named(name), 0, 0);
        let answers = link.exchange(vec![request], self.limit).await;
        let answers = answers.map_err(|failure| failed(Stop::Failure(failure, self.limit)))?;
        for answer in answers {
            match errno(&answer) {
                Some(Errno::ENOENT) => return Err(IpvsError::NoIpvs),
                Some(errno) => return Err(IpvsError::Kernel { op: format!("look up {name}"), errno }),
                None => {}
            }
            if let NetlinkPayload::InnerMessage(inner) = &answer.payload
                && let Some(id) = inner.payload.family_id()
            {
                return Ok(id);
            }
        }
        Err(failed(Stop::Failure(Failure::Lost, self.limit)))
    }

    /// After an `ENOENT`, which is also the kernel's answer when the module was unloaded or loaded anew: whether the
    /// family has another number now.
    async fn family_moved(&mut self) -> Result<bool, Stop> {
        let before = self.family;
        match self.resolve_family().await {
            Ok(family) => self.family = family,
            Err(IpvsError::NoIpvs) => return Err(Stop::NoIpvs),
            // It cannot be told; what the kernel said stands.
            Err(_) => {}
        }
        Ok(self.family != before)
    }

    /// Makes a batch of changes: as many outcomes as requests.
    pub(super) async fn change(&mut self, requests: Vec<Request>) -> Result<Vec<Result<(), Errno>>, Stop> {
        let mut outcomes = self.change_once(&requests).await?;
        if outcomes.contains(&Err(Errno::ENOENT)) && self.family_moved().await? {
            let missed = |outcome: &Result<(), Errno>| *outcome == Err(Errno::ENOENT);
            let again: Vec<_> =
                outcomes.iter().zip(&requests).filter(|(o, _)| missed(o)).map(|(_, r)| r.clone()).collect();
            let second = self.change_once(&again).await?;
            let slots = outcomes.iter_mut().filter(|outcome| missed(outcome));
            slots.zip(second).for_each(|(slot, outcome)| *slot = outcome);
        }
        Ok(outcomes)
    }

    async fn change_once(&mut self, requests: &[Request]) -> Result<Vec<Result<(), Errno>>, Stop> {
        let messages = requests.iter().map(|request| self.message(request.clone(), NLM_F_ACK)).collect();
        let mut link = match self.changes.take() {
            Some(link) => link,
            None => self.link()?,
        };
        let answers = link.exchange(messages, self.limit).await;
        let answers = answers.map_err(|failure| Stop::Failure(failure, self.limit))?;
        let outcomes = in_order(&answers, requests.len());
        let outcomes = outcomes.ok_or(Stop::Failure(Failure::Lost, self.limit))?;
        self.changes = Some(link);
        Ok(outcomes)
    }

    /// Dumps, each object decoded; those that cannot be are counted and left out.
    pub(super) async fn dump_of<T>(
        &mut self,
        op: &str,
        request: Request,
        decode: impl Fn(&Reply) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, IpvsError> {
        let answers = self.question(op, request, NLM_F_DUMP).await?;
        if !matches!(answers.last().map(|answer| &answer.payload), Some(NetlinkPayload::Done(_))) {
            return Err(IpvsError::Lost { op: op.to_owned() });
        }
        Ok(self.undecodable.filter(answers.iter().filter_map(reply).map(decode)))
    }

    /// Asks something with one answer.
    pub(super) async fn ask<T>(
        &mut self,
        op: &str,
        request: Request,
        decode: impl Fn(&Reply) -> Result<T, DecodeError>,
    ) -> Result<T, IpvsError> {
        let answers = self.question(op, request, 0).await?;
        let reply = answers.iter().find_map(reply).ok_or_else(|| IpvsError::Lost { op: op.to_owned() })?;
        decode(reply).map_err(|source| IpvsError::Decode { op: op.to_owned(), source })
    }

    async fn question(
        &mut self,
        op: &str,
        request: Request,
        flags: u16,
    ) -> Result<Vec<Answer<Message>>, IpvsError> {
        let stopped = |stop: Stop| stop.of(op.to_owned());
        let mut answers = self.question_once(&request, flags).await.map_err(stopped)?;
        if refusal(&answers) == Some(Errno::ENOENT) && self.family_moved().await.map_err(stopped)? {
            answers = self.question_once(&request, flags).await.map_err(stopped)?;
        }
        match refusal(&answers) {
            Some(errno) => Err(IpvsError::Kernel { op: op.to_owned(), errno }),
            None => Ok(answers),
        }
    }

    async fn question_once(&mut self, request: &Request, flags: u16) -> Result<Vec<Answer<Message>>, Stop> {
        let message = self.message(request.clone(), flags);
        let mut link = match self.dumps.take() {
            Some(link) => link,
            None => self.link()?,
        };
        let answers = link.exchange(vec![message], self.limit).await;
        let answers = answers.map_err(|failure| Stop::Failure(failure, self.limit))?;
        self.dumps = Some(link);
        Ok(answers)
    }

    fn link(&mut self) -> Result<Link<Message>, Stop> {
        (self.opener)().and_then(Link::new).map_err(Stop::Socket)
    }

    fn message(&self, request: Request, flags: u16) -> Answer<Message> {
        message(Message::Request(request), self.family, flags)
    }
}

impl Undecodable {
    /// What could be read; the rest is counted.
    fn filter<T>(&mut self, decoded: impl Iterator<Item = Result<T, DecodeError>>) -> Vec<T> {
        decoded
            .filter_map(|object| {
                object
                    .map_err(|error| {
                        self.count = self.count.saturating_add(1);
                        self.last = Some(error);
                    })
                    .ok()
            })
            .collect()
    }
}

fn message<P: Payload>(payload: P, family: u16, flags: u16) -> Answer<P> {
    let mut genl = GenlMessage::from_payload(payload);
    genl.set_resolved_family_id(family);
    let mut message = NetlinkMessage::from(genl);
    message.header.flags = NLM_F_REQUEST | flags;
    message
}

fn reply(answer: &Answer<Message>) -> Option<&Reply> {
    match &answer.payload {
        NetlinkPayload::InnerMessage(inner) => match &inner.payload {
            Message::Reply(reply) => Some(reply),
            Message::Request(_) => None,
        },
        _ => None,
    }
}

fn refusal<P: Payload>(answers: &[Answer<P>]) -> Option<Errno> {
    answers.iter().find_map(errno)
}

/// The outcomes of a batch. The i-th answer is that of the i-th request if every request has exactly one and their
/// sequence numbers follow each other without a gap; otherwise there is no telling which is missing.
fn in_order<P: Payload>(answers: &[Answer<P>], requests: usize) -> Option<Vec<Result<(), Errno>>> {
    let first = answers.first().map_or(0, |answer| answer.header.sequence_number);
    let numbers = (0..).map(|offset| first.wrapping_add(offset));
    let gapless = answers.iter().zip(numbers).all(|(answer, number)| {
        matches!(answer.payload, NetlinkPayload::Error(_)) && answer.header.sequence_number == number
    });
    let outcome = |answer: &Answer<P>| errno(answer).map_or(Ok(()), Err);
    (gapless && answers.len() == requests).then(|| answers.iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroI32;

    use netlink_packet_core::{ErrorMessage, NetlinkHeader};

    use super::*;

    fn answer(number: u32, code: i32) -> Answer<Message> {
        let mut error = ErrorMessage::default();
        error.code = NonZeroI32::new(code);
        let mut header = NetlinkHeader::default();
        header.sequence_number = number;
        NetlinkMessage::new(header, NetlinkPayload::Error(error))
    }

    #[test]
    fn a_kernel_has_ipvs_or_is_said_to_have_none() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        match runtime.block_on(Client::open()) {
            Ok(client) => assert!(client.family >= 16, "{}", client.family),
            Err(error) => {
                assert!(matches!(error, IpvsError::NoIpvs), "{error}");
                assert!(error.to_string().contains("modprobe ip_vs"), "{error}");
            }
        }
    }

    #[test]
    fn outcomes_are_told_by_the_order_of_the_answers() {
        let answers = [answer(7, 0), answer(8, -17), answer(9, 0)];
        assert_eq!(in_order(&answers, 3), Some(vec![Ok(()), Err(Errno::EEXIST), Ok(())]));
        let around = [answer(u32::MAX, -2), answer(0, 0)];
        assert_eq!(in_order(&around, 2), Some(vec![Err(Errno::ENOENT), Ok(())]));
        assert_eq!(in_order::<Message>(&[], 0), Some(vec![]));
    }

    #[test]
    fn an_answer_too_few_leaves_all_open() {
        assert_eq!(in_order(&[answer(7, 0), answer(9, 0)], 2), None);
        assert_eq!(in_order(&[answer(7, 0)], 2), None);
        assert_eq!(in_order(&[answer(7, 0), answer(8, 0)], 1), None);
        assert_eq!(in_order::<Message>(&[], 1), None);
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_left_out() {
        let error = DecodeError::Missing { attr: "IPVS_SVC_ATTR_AF" };
        let mut undecodable = Undecodable::default();
        let objects = undecodable.filter([Ok(1), Err(error.clone()), Ok(3)].into_iter());
        assert_eq!(objects, [1, 3]);
        assert_eq!(undecodable, Undecodable { count: 1, last: Some(error) });
    }
}
