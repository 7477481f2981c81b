//! Metrics of what both processes tell beside scripts.

use lvsd_ipc::{NoticeSnapshot, Role};

use super::table as m;
use super::text::Page;
use crate::observation::Observation;

pub(super) fn write(page: &mut Page, observation: &Observation) {
    let vrrp = observation.vrrp.as_ref().map(|snapshot| (Role::Vrrp.name(), &snapshot.notices));
    let checker = observation.checker.as_ref().map(|snapshot| (Role::Checker.name(), &snapshot.notices));
    let all: Vec<(&str, &NoticeSnapshot)> = vrrp.into_iter().chain(checker).collect();
    page.metric(&m::FIFO_LINES, |series| {
        for (child, notices) in &all {
            for fifo in &notices.fifos {
                series.add(&[child, &fifo.path, "written"], fifo.written);
                series.add(&[child, &fifo.path, "lost"], fifo.lost);
            }
        }
    });
    let mails = || all.iter().filter_map(|(child, notices)| Some((*child, notices.mail?)));
    page.metric(&m::MAILS, |series| {
        for (child, mail) in mails() {
            series.add(&[child, "sent"], mail.sent);
            series.add(&[child, "failed"], mail.failed);
            series.add(&[child, "dropped"], mail.dropped);
        }
    });
    page.metric(&m::MAILS_WAITING, |series| {
        mails().for_each(|(child, mail)| series.add(&[child], mail.waiting));
    });
}
