//! The socket itself: whose it is, and who may use it.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use tokio::net::{UnixListener, UnixStream};

use crate::runtime_dir;

/// A socket of ours in the file system; its name goes with it.
#[derive(Debug)]
pub(super) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Listener {
    /// Makes the directory and the socket. What an earlier daemon left there is replaced, at one stroke and with the right
    /// mode from the start; a socket where somebody answers is not.
    pub(super) async fn bind(path: &Path) -> io::Result<Self> {
        let directory = path.parent().filter(|parent| parent.is_absolute());
        let directory = directory.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        runtime_dir::ensure(directory)?;
        Self::make_way(path).await?;
        let beside = directory.join(format!(".control.{}", std::process::id()));
        // A process of the same number may have died here.
        let _ = std::fs::remove_file(&beside);
        let socket = UnixListener::bind(&beside)?;
        let made = std::fs::set_permissions(&beside, PermissionsExt::from_mode(0o600))
            .and_then(|()| std::fs::rename(&beside, path))
            .and_then(|()| std::fs::symlink_metadata(path));
        match made {
            Ok(metadata) => Ok(Self { socket, path: path.to_owned(), inode: metadata.ino() }),
            Err(error) => {
                // Nobody knows it yet.
                let _ = std::fs::remove_file(&beside);
                Err(error)
            }
        }
    }

    async fn make_way(path: &Path) -> io::Result<()> {
        let there = match std::fs::symlink_metadata(path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if !there.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
        }
        match UnixStream::connect(path).await {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process serves there")),
            Err(_) => Ok(()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.socket.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A successor may have put its own in the place.
        if std::fs::symlink_metadata(&self.path).is_ok_and(|there| there.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether the kernel says that the client is root, or whoever we are; else who it is.
pub(super) fn may_ask(stream: &UnixStream) -> Result<(), u32> {
    let uid = stream.peer_cred().map_or(u32::MAX, |credentials| credentials.uid());
    if uid == 0 || uid == Uid::effective().as_raw() { Ok(()) } else { Err(uid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    #[test]
    fn the_socket_is_for_its_owner_and_leaves_with_the_listener() {
        runtime().block_on(async {
            let home = tempfile::tempdir().expect("a directory");
            let path = home.path().join("made/control.sock");
            let listener = Listener::bind(&path).await.expect("a socket");
            let mode = std::fs::symlink_metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let error = Listener::bind(&path).await.expect_err("somebody serves there");
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            let client = UnixStream::connect(&path).await.expect("it listens");
            assert_eq!(may_ask(&client), Ok(()), "ourselves");
            drop(listener);
            assert!(!path.exists());
            assert_eq!(std::fs::read_dir(home.path().join("made")).expect("there").count(), 0);
        });
    }

    #[test]
    fn what_a_dead_daemon_left_is_replaced_and_other_files_are_not() {
        runtime().block_on(async {
            let home = tempfile::tempdir().expect("a directory");
            let path = home.path().join("control.sock");
            drop(std::os::unix::net::UnixListener::bind(&path).expect("a stale socket"));
            let listener = Listener::bind(&path).await.expect("it is replaced");
            // A successor's socket is not taken away by the predecessor's end.
            std::fs::remove_file(&path).expect("there");
            let _other = std::os::unix::net::UnixListener::bind(&path).expect("another");
            drop(listener);
            assert!(path.exists());

            let file = home.path().join("file");
            std::fs::write(&file, "precious").expect("a file");
            assert_eq!(Listener::bind(&file).await.expect_err("a file").kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read_to_string(&file).expect("there"), "precious");
        });
    }
}
