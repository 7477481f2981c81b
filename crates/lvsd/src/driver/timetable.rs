//! `reload_time_file`: a file that says when the configuration is to be read anew, so that all nodes do so at the same second.
//!
//! The file is looked at once a second, which also takes in that the clock was set, and works on every file system.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lvsd_model::ReloadTimes;
use lvsd_net::{Zone, civil, since_epoch, time_of_day};
use tokio::sync::{mpsc, watch};

use crate::signals::Request;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// More than any time that it can hold.
const MOST: u64 = 64;

/// Asks for a reload whenever the file says so.
pub(super) async fn follow<E>(mut times: watch::Receiver<Option<ReloadTimes>>, requests: mpsc::Sender<E>)
where
    E: From<Request> + Send,
{
    let mut table = Timetable::default();
    loop {
        let Some(wanted) = times.borrow_and_update().clone() else {
            table = Timetable::default();
            if times.changed().await.is_err() {
                return;
            }
            continue;
        };
        let path = wanted.file.clone();
        // One look at a time: a file system that hangs holds up nothing but this.
        let text = tokio::task::spawn_blocking(move || read(&path)).await.ok().and_then(Result::ok);
        let look = table.look(text.as_deref(), &wanted, time_of_day());
        let wait = if let Look::Wait(left) = look { left.min(LOOK) } else { LOOK };
        if let Look::Now { remove } = look {
            tracing::info!("{} says that it is time for a reload", wanted.file.display());
            if let Some(path) = remove {
                tokio::task::spawn_blocking(move || discard(&path));
            }
            if requests.send(Request::Reload.into()).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            changed = times.changed() => if changed.is_err() { return },
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // Whoever writes to a FIFO is not waited for.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    file.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

fn discard(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(%error, "reload_time_file {} stays", path.display());
    }
}

/// What a look at the file means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// Nothing is due.
    Nothing,
    /// Something is, in so long.
    Wait(Duration),
    /// It is time; this file has done its work.
    Now { remove: Option<PathBuf> },
}

/// What is due, from one look to the next.
#[derive(Debug, Default)]
struct Timetable {
    text: String,
    /// Seconds since 1970; `None` when nothing comes of the text any more.
    due: Option<i64>,
}

impl Timetable {
    /// Takes in what the file says at `now`, the time since 1970; `None` when there is none.
    fn look(&mut self, text: Option<&str>, wanted: &ReloadTimes, now: Duration) -> Look {
        let text = text.unwrap_or_default().trim();
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let parsed = When::parse(text);
        if self.text != text {
            text.clone_into(&mut self.text);
            self.due = parsed.and_then(|when| when.next(seconds));
            match self.due {
                None if text.is_empty() => {}
                None => tracing::warn!("reload_time_file: `{text}` is no time to come"),
                Some(_) => tracing::info!("a reload is to happen at {text}"),
            }
        }
        let Some(due) = self.due else { return Look::Nothing };
        let due_at = Duration::from_secs(u64::try_from(due).unwrap_or(0));
        if now < due_at {
            return Look::Wait(due_at.saturating_sub(now));
        }
        let again = parsed.filter(|when| wanted.daily && when.date.is_none());
        self.due = again.and_then(|when| when.next(seconds));
        Look::Now { remove: self.due.is_none().then(|| wanted.file.clone()) }
    }
}

/// A time as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct When {
    /// Year, month, day.
    date: Option<[i32; 3]>,
    time: [i32; 3],
    zone: Zone,
}

impl When {
    fn parse(text: &str) -> Option<Self> {
        let (text, zone) = match text.strip_suffix('Z') {
            Some(text) => (text.trim_end(), Zone::Utc),
            None => (text, Zone::Local),
        };
        let (date, time) = match text.split_once(char::is_whitespace) {
            Some((date, time)) => (Some(date), time.trim_start()),
            None => (None, text),
        };
        let date = match date {
            None => None,
            Some(date) => {
                let [year, month, day] = numbers(date, '-')?;
                let year = if year < 100 { year + 2000 } else { year };
                let exists =
                    (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
                Some([year, month, day]).filter(|_| exists).map(Some)?
            }
        };
        let time @ [hour, minute, second] = numbers(time, ':')?;
        (hour < 24 && minute < 60 && second < 60).then_some(Self { date, time, zone })
    }

    /// The first such time after `now`, both in seconds since 1970.
    fn next(self, now: i64) -> Option<i64> {
        let [hour, minute, second] = self.time;
        let at =
            |[year, month, day]: [i32; 3]| since_epoch([year, month, day, hour, minute, second], self.zone);
        let days = match self.date {
            Some(date) => vec![date],
            None => {
                let [year, month, day, ..] = civil(now, self.zone)?;
                vec![[year, month, day], [year, month, day + 1]]
            }
        };
        days.into_iter().filter_map(at).find(|&at| at > now)
    }
}

/// Three numbers of at most four digits.
fn numbers(text: &str, separator: char) -> Option<[i32; 3]> {
    let number = |part: &str| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok())?
    };
    let parts: Option<Vec<i32>> = text.split(separator).map(number).collect();
    parts?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-01 12:00:00 UTC.
    const NOON: i64 = 1_772_366_400;

    fn next(text: &str) -> Option<i64> {
        When::parse(text).and_then(|when| when.next(NOON)).map(|at| at - NOON)
    }

    #[test]
    fn times_are_those_to_come() {
        for (text, expected) in [
            ("12:00:01Z", Some(1)),
            ("12:00:00 Z", Some(86_400)),
            ("11:59:59Z", Some(86_399)),
            ("26-03-01 12:10:00Z", Some(600)),
            ("2026-03-02 12:00:00Z", Some(86_400)),
            ("2026-02-28 12:00:00Z", None),
            ("2026-13-01 12:00:00Z", None),
            ("24:00:00Z", None),
            ("12:00Z", None),
            ("12:00:00:00Z", None),
            ("-1:00:00Z", None),
            ("tomorrow", None),
            ("2026-03-02", None),
            ("2026-03-02 12:00:00 later", None),
        ] {
            assert_eq!(next(text), expected, "{text}");
        }
        // The last day of a month is followed by the first of the next.
        let eve = When::parse("00:00:00Z").expect("a time").next(NOON - 86_400);
        assert_eq!(eve, Some(NOON - 43_200));
    }

    #[test]
    fn the_local_time_is_the_hosts() {
        let [year, month, day, hour, minute, second] = civil(NOON + 90, Zone::Local).expect("the host knows");
        let text = format!("{year}-{month}-{day} {hour:02}:{minute:02}:{second:02}");
        assert_eq!(next(&text), Some(90), "{text}");
    }

    fn at(offset: i64) -> Duration {
        Duration::from_secs(u64::try_from(NOON + offset).expect("after 1970"))
    }

    fn wanted(daily: bool) -> ReloadTimes {
        ReloadTimes { file: "/run/time".into(), daily }
    }

    #[test]
    fn a_time_comes_once_and_its_file_goes() {
        let mut table = Timetable::default();
        let (text, wanted) = (Some("12:00:10Z\n"), wanted(false));
        assert_eq!(table.look(None, &wanted, at(0)), Look::Nothing);
        assert_eq!(table.look(text, &wanted, at(0)), Look::Wait(Duration::from_secs(10)));
        assert_eq!(table.look(text, &wanted, at(10)), Look::Now { remove: Some("/run/time".into()) });
        // A file that cannot be removed is not obeyed a second time.
        assert_eq!(table.look(text, &wanted, at(11)), Look::Nothing);
        assert_eq!(table.look(None, &wanted, at(12)), Look::Nothing);
        // The same time again is another order: for tomorrow.
        assert_eq!(table.look(text, &wanted, at(13)), Look::Wait(Duration::from_secs(86_397)));
        // Whoever takes the file away takes the order back.
        assert_eq!(table.look(None, &wanted, at(14)), Look::Nothing);
        assert_eq!(table.look(None, &wanted, at(100_000)), Look::Nothing);
    }

    #[test]
    fn a_daily_time_stays_unless_it_has_a_date() {
        let mut table = Timetable::default();
        let wanted = wanted(true);
        let text = Some("12:00:10Z");
        table.look(text, &wanted, at(0));
        assert_eq!(table.look(text, &wanted, at(12)), Look::Now { remove: None });
        assert_eq!(table.look(text, &wanted, at(12)), Look::Wait(Duration::from_secs(86_398)));
        assert_eq!(table.look(text, &wanted, at(86_410)), Look::Now { remove: None });
        let text = Some("2026-03-01 12:00:10Z");
        table.look(text, &wanted, at(0));
        assert_eq!(table.look(text, &wanted, at(10)), Look::Now { remove: Some("/run/time".into()) });
    }

    #[test]
    fn what_is_no_time_is_nothing() {
        let mut table = Timetable::default();
        for text in ["soon", "", "99:00:00", "2020-01-01 00:00:00Z"] {
            assert_eq!(table.look(Some(text), &wanted(false), at(0)), Look::Nothing, "{text}");
        }
    }
}
