//! Tracked files: each holds a number, which is read when somebody has written the file, moved or deleted it.
//!
//! What is watched is the directory, since a file that is replaced is another file. File systems that tell nothing (proc, NFS) and
//! links into other directories are served by a look once in a while.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lvsd_model::{InitFile, TrackFile};
use lvsd_net::uptime;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tracing::{info, warn};

use super::worker::{Inbox, Worker};
use crate::election;

/// How often every file is read whatever inotify says, and directories are looked for that were not there.
const LOOK: Duration = Duration::from_secs(2);
/// A number with its sign and some blanks; what is longer is none.
const MAX_LEN: u64 = 64;

/// The way to the thread.
pub(super) type Reading = Worker<Vec<TrackFile>>;

/// The files of the plan in force.
#[derive(Debug, Default)]
pub(super) struct Files {
    configs: Vec<TrackFile>,
    reading: Option<Reading>,
}

impl Files {
    /// Moves to the files of a plan; makes those that are new and are to be made. Gives what could not be done.
    pub(super) fn apply(&mut self, configs: &[TrackFile], election: &election::Handle) -> Vec<String> {
        if self.configs == configs {
            return Vec::new();
        }
        let known: HashMap<&str, &TrackFile> =
            self.configs.iter().map(|old| (old.name.as_str(), old)).collect();
        let is_new =
            |config: &&TrackFile| known.get(config.name.as_str()).is_none_or(|old| old.path != config.path);
        let mut problems: Vec<String> =
            configs.iter().filter(is_new).filter_map(|config| initialise(config).err()).collect();
        self.configs = configs.to_vec();
        if self.reading.is_none() {
            match read(election.clone()) {
                Ok(reading) => self.reading = Some(reading),
                Err(error) => problems.push(format!("files cannot be tracked: {error}")),
            }
        }
        if let Some(reading) = &self.reading {
            reading.tell(configs.to_vec());
        }
        problems
    }

    /// Reads none any more.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }
}

/// Starts the thread.
fn read(election: election::Handle) -> io::Result<Reading> {
    Worker::start("lvsd: files", move |inbox| {
        let (configs, told, watches) = (Vec::new(), BTreeMap::new(), Watches::new());
        Reader { inbox, election, configs, told, watches, look_at: Duration::ZERO }.run();
    })
}

/// `init_file`.
fn initialise(config: &TrackFile) -> Result<(), String> {
    let (value, mut options) = match config.init {
        None => return Ok(()),
        Some(InitFile::IfMissing(value)) => (value, std::fs::OpenOptions::new().create_new(true).clone()),
        Some(InitFile::Overwrite(value)) => {
            (value, std::fs::OpenOptions::new().create(true).truncate(true).clone())
        }
    };
    let opened = options.write(true).mode(0o644).custom_flags(nix::libc::O_NONBLOCK).open(&config.path);
    match opened.and_then(|mut file| writeln!(file, "{value}")) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(format!("track_file {}: {} cannot be written: {error}", config.name, config.path)),
        Ok(()) => Ok(()),
    }
}

struct Reader {
    inbox: Inbox<Vec<TrackFile>>,
    election: election::Handle,
    configs: Vec<TrackFile>,
    /// The number of each file that the election knows, by name and path.
    told: BTreeMap<(String, String), i64>,
    watches: Watches,
    look_at: Duration,
}

impl Reader {
    fn run(mut self) {
        while let Ok(plan) = self.inbox.next() {
            if let Some(plan) = plan {
                self.configs = plan;
                let configs = &self.configs;
                self.told.retain(|(name, path), _| {
                    configs.iter().any(|config| (&config.name, &config.path) == (name, path))
                });
                self.look_at = Duration::ZERO;
            }
            match self.watches.changed() {
                Changed::Nothing => {}
                Changed::Names(names) => self.read(|config| {
                    let name = Path::new(&config.path).file_name();
                    name.is_some_and(|name| names.iter().any(|other| other == name))
                }),
                Changed::All => self.look_at = Duration::ZERO,
            }
            if uptime() >= self.look_at {
                // Before the look, so that nothing falls between the two.
                self.watches.watch(&self.configs);
                self.read(|_| true);
                self.look_at = uptime() + LOOK;
            }
            let until = (!self.configs.is_empty()).then_some(self.look_at);
            self.inbox.wait(self.watches.inotify.as_ref().map(AsFd::as_fd), until);
        }
    }

    fn read(&mut self, wanted: impl Fn(&TrackFile) -> bool) {
        for TrackFile { name, path, .. } in self.configs.iter().filter(|config| wanted(config)) {
            let value = value_of(path);
            if self.told.insert((name.clone(), path.clone()), value) != Some(value) {
                info!(file = name, value, "tracked file");
                self.election.send(election::Input::File { name: name.clone(), value });
            }
        }
    }
}

/// What inotify tells; without it, the regular look is all there is.
struct Watches {
    inotify: Option<Inotify>,
    directories: HashMap<PathBuf, WatchDescriptor>,
}

/// What may have changed.
enum Changed {
    Nothing,
    Names(Vec<OsString>),
    All,
}

impl Watches {
    fn new() -> Self {
        let inotify = match Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK) {
            Ok(inotify) => Some(inotify),
            Err(error) => {
                warn!(%error, "changes of tracked files are not told by the kernel; looking every two seconds");
                None
            }
        };
        Self { inotify, directories: HashMap::new() }
    }

    /// Watches every directory that is there and not watched yet.
    fn watch(&mut self, configs: &[TrackFile]) {
        let Some(inotify) = &self.inotify else { return };
        let what = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        for directory in configs.iter().filter_map(|config| Path::new(&config.path).parent()) {
            if !self.directories.contains_key(directory)
                && let Ok(watch) = inotify.add_watch(directory, what)
            {
                self.directories.insert(directory.to_owned(), watch);
            }
        }
    }

    /// What has changed since the last time.
    fn changed(&mut self) -> Changed {
        let Some(inotify) = &self.inotify else { return Changed::Nothing };
        match inotify.read_events() {
            Ok(events) => understand(&mut self.directories, events),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => Changed::Nothing,
            Err(error) => {
                warn!(%error, "changes of tracked files are not told any more; looking every two seconds");
                self.inotify = None;
                Changed::All
            }
        }
    }
}

fn understand(directories: &mut HashMap<PathBuf, WatchDescriptor>, events: Vec<InotifyEvent>) -> Changed {
    let lost = AddWatchFlags::IN_Q_OVERFLOW
        | AddWatchFlags::IN_IGNORED
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF
        | AddWatchFlags::IN_UNMOUNT;
    if events.iter().any(|event| event.mask.intersects(lost)) {
        // The directory may be another one, or come back as another one.
        for event in events.iter().filter(|event| event.mask.intersects(lost)) {
            directories.retain(|_, watch| *watch != event.wd);
        }
        return Changed::All;
    }
    Changed::Names(events.into_iter().filter_map(|event| event.name).collect())
}

/// The number in a file: 0 when there is none, or no file.
fn value_of(path: &str) -> i64 {
    let mut text = String::new();
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
    match opened.and_then(|file| file.take(MAX_LEN).read_to_string(&mut text)) {
        Ok(_) => number(&text),
        Err(_) => 0,
    }
}

/// A number as C's strtol reads it: blanks, a sign, `0x` for hexadecimal, `0` for octal, and whatever behind it. Limited to 32 bits.
fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (radix, digits) = match hexadecimal {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_hexdigit()) => (16, rest),
        _ if digits.starts_with('0') => (8, digits),
        _ => (10, digits),
    };
    let value = digits
        .chars()
        .map_while(|digit| digit.to_digit(radix))
        .fold(0_i64, |value, digit| value.saturating_mul(i64::from(radix)).saturating_add(i64::from(digit)));
    (if negative { -value } else { value }).clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lvsd_model::TrackWeight;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (text, value) in [
            ("42\n", 42),
            (" -7 ", -7),
            ("+3", 3),
            ("0x1F", 31),
            ("0xg", 0),
            ("017", 15),
            ("08", 0),
            ("12abc", 12),
            ("", 0),
            ("abc", 0),
            ("99999999999999999999999", i64::from(i32::MAX)),
            ("-99999999999", i64::from(i32::MIN)),
        ] {
            assert_eq!(number(text), value, "{text:?}");
        }
    }

    fn file(path: &Path, init: Option<InitFile>) -> TrackFile {
        let path = path.to_string_lossy().into_owned();
        TrackFile { name: "f".to_owned(), path, effect: TrackWeight { weight: 1, reverse: false }, init }
    }

    async fn next(inputs: &election::Inputs) -> i64 {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            match inputs.try_recv() {
                Ok(election::Input::File { value, .. }) => return value,
                Ok(other) => panic!("{other:?}"),
                Err(_) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(error) => panic!("no value: {error}"),
            }
        }
    }

    #[tokio::test]
    async fn every_way_to_change_a_file_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("inner").join("value");
        let (handle, inputs) = election::Handle::for_tests();
        let mut files = Files::default();
        assert!(files.apply(&[file(&path, None)], &handle).is_empty());
        assert_eq!(next(&inputs).await, 0, "neither file nor directory");
        std::fs::create_dir(path.parent().expect("inner")).expect("made");
        std::fs::write(&path, "5\n").expect("written");
        assert_eq!(next(&inputs).await, 5, "both appear");
        std::fs::write(&path, "6\n").expect("written");
        assert_eq!(next(&inputs).await, 6, "written");
        std::fs::write(path.with_extension("new"), "-7\n").expect("written");
        std::fs::rename(path.with_extension("new"), &path).expect("moved");
        assert_eq!(next(&inputs).await, -7, "replaced");
        std::fs::rename(&path, path.with_extension("old")).expect("moved");
        assert_eq!(next(&inputs).await, 0, "moved away");
        std::fs::rename(path.with_extension("old"), &path).expect("moved");
        assert_eq!(next(&inputs).await, -7, "and back");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(next(&inputs).await, 0, "deleted");
    }

    #[tokio::test]
    async fn a_file_is_made_once_or_at_every_start() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("value");
        let (handle, _inputs) = election::Handle::for_tests();
        let start = |init| Files::default().apply(&[file(&path, Some(init))], &handle);
        assert!(start(InitFile::IfMissing(3)).is_empty());
        assert_eq!(value_of(&path.to_string_lossy()), 3);
        assert!(start(InitFile::IfMissing(4)).is_empty());
        assert_eq!(value_of(&path.to_string_lossy()), 3, "there already");
        assert!(start(InitFile::Overwrite(5)).is_empty());
        assert_eq!(value_of(&path.to_string_lossy()), 5);
        let nowhere = directory.path().join("none").join("value");
        let refused = Files::default().apply(&[file(&nowhere, Some(InitFile::Overwrite(5)))], &handle);
        assert_eq!(refused.len(), 1);
    }

    /// Another file in its place: never one that is half written.
    fn replace(path: &std::path::Path, text: &str) {
        let draft = path.with_extension("new");
        std::fs::write(&draft, text).expect("written");
        std::fs::rename(draft, path).expect("renamed");
    }

    #[tokio::test]
    async fn a_reload_makes_no_file_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("value");
        let (handle, inputs) = election::Handle::for_tests();
        let mut files = Files::default();
        let config = file(&path, Some(InitFile::Overwrite(5)));
        files.apply(std::slice::from_ref(&config), &handle);
        assert_eq!(next(&inputs).await, 5);
        replace(&path, "6\n");
        assert_eq!(next(&inputs).await, 6);
        let heavier = TrackFile { effect: TrackWeight { weight: 2, reverse: false }, ..config };
        files.apply(&[heavier], &handle);
        assert_eq!(value_of(&path.to_string_lossy()), 6, "not written anew");
        replace(&path, "7\n");
        assert_eq!(next(&inputs).await, 7);
    }
}
