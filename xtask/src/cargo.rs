//! Builds, through Cargo.

use crate::Failure;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly.
    Dev,
    /// To be measured.
    Release,
}

/// Runs Cargo with these words, which are told, and gives its messages.
pub(crate) fn run(words: &[&str]) -> Result<Vec<Value>, Failure> {
    println!("cargo {}", words.join(" "));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(words).args(["--quiet", "--message-format=json-render-diagnostics"]).stdout(Stdio::piped());
    let mut cargo = cargo.spawn()?;
    let messages = cargo.stdout.take().map(BufReader::new).ok_or("no messages from cargo")?;
    let messages = messages.lines().map(|line| Ok(serde_json::from_str(&line?)?));
    let messages: Result<Vec<Value>, Failure> = messages.collect();
    let status = cargo.wait()?;
    if status.success() { messages } else { Err(format!("cargo ended with {status}").into()) }
}

/// Builds a program of the workspace and gives its path. The package has its name.
pub(crate) fn program(name: &str, profile: Profile) -> Result<PathBuf, Failure> {
    let mut words = vec!["build", "--package", name, "--bin", name];
    if profile == Profile::Release {
        words.push("--release");
    }
    let messages = run(&words)?;
    let path = messages.iter().find_map(|message| executable(message, name));
    path.ok_or_else(|| format!("cargo does not tell where it built {name}").into())
}

/// Where the program of that name was built, if that is what a message of Cargo's tells.
fn executable(message: &Value, name: &str) -> Option<PathBuf> {
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let is_it = text("/reason") == Some("compiler-artifact") && text("/target/name") == Some(name);
    is_it.then(|| text("/executable").map(PathBuf::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_program_is_told_from_the_library_of_its_name() {
        let artifact = |name, executable: Option<&str>| json!({ "reason": "compiler-artifact", "target": { "name": name }, "executable": executable });
        assert_eq!(executable(&artifact("lvsd", Some("/t/lvsd")), "lvsd"), Some("/t/lvsd".into()));
        assert_eq!(executable(&artifact("lvsd", None), "lvsd"), None);
        assert_eq!(executable(&artifact("other", Some("/t/other")), "lvsd"), None);
        assert_eq!(executable(&json!({ "reason": "build-finished", "success": true }), "lvsd"), None);
    }
}
