//! What a configuration needs of this host: scripts, users, interfaces.

use std::collections::HashSet;

use lvsd_config::{Diagnostic, Item, Loaded, Rule};
use lvsd_model::{CheckKind, Config, Notify, Script, VirtualServer};
use lvsd_script::{Refused, Runner};

/// Adds what is missing here to the findings, each at the line that names it; also when there are errors besides.
pub(crate) fn examine(loaded: &mut Loaded) {
    let Some(config) = loaded.understood() else { return };
    let mut findings = scripts(config, loaded);
    findings.extend(users(loaded));
    findings.extend(certificates(loaded));
    // Interfaces of another namespace cannot be seen from here.
    if config.globals.net_namespace.is_none() {
        findings.extend(interfaces(loaded));
    }
    findings.into_iter().for_each(|finding| loaded.diagnostics.push(finding));
    loaded.diagnostics.sort(&loaded.sources);
}

fn scripts(config: &Config, loaded: &Loaded) -> Vec<Diagnostic> {
    let runner = Runner::new(config.globals.scripts.clone());
    let mut seen = HashSet::new();
    let mut findings = Vec::new();
    for script in all_scripts(config).into_iter().filter(|script| seen.insert(*script)) {
        let Some(span) = loaded.span_of(&Item::Script(script.source.clone())) else { continue };
        match runner.prepare(script) {
            Err(refused) => {
                let text = format!("this script will not run: {refused}");
                let finding = Diagnostic::tolerated(Rule::UnusableScript, span, text);
                findings.push(match refused {
                    Refused::NotFound { .. } | Refused::NotInPath { .. } => finding
                        .help("a tracker or notification without its script is left out until it can run"),
                    _ => finding,
                });
            }
            Ok(prepared) => findings.extend(prepared.insecure().map(|insecure| {
                Diagnostic::hint(Rule::InsecureScript, span, insecure.to_string())
                    .help("protect it and set `enable_script_security` in `global_defs`")
            })),
        }
    }
    findings
}

/// Users and groups that scripts are to run as.
fn users(loaded: &Loaded) -> Vec<Diagnostic> {
    use nix::unistd::{Group, User};
    let mut findings = Vec::new();
    for item in loaded.items() {
        let (what, name, exists) = match item {
            Item::User(name) => ("user", name, User::from_name(name).is_ok_and(|user| user.is_some())),
            Item::Group(name) => ("group", name, Group::from_name(name).is_ok_and(|group| group.is_some())),
            _ => continue,
        };
        if exists {
            continue;
        }
        findings.extend(loaded.span_of(item).map(|span| {
            let text = format!("there is no {what} `{name}` here, so what is to run as that will not run");
            Diagnostic::tolerated(Rule::UnknownUser, span, text)
        }));
    }
    findings
}

/// Certificates and keys of `SSL`.
fn certificates(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for item in loaded.items() {
        let Item::Certificate(path) = item else { continue };
        let Err(error) = std::fs::File::open(path).and_then(|file| file.metadata()) else { continue };
        findings.extend(loaded.span_of(item).map(|span| {
            let text = format!("`{path}` cannot be read: {error}");
            Diagnostic::tolerated(Rule::UnreadableCertificate, span, text)
        }));
    }
    findings
}

fn interfaces(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for item in loaded.items() {
        let Item::Interface(name) = item else { continue };
        if nix::net::if_::if_nametoindex(name.as_str()).is_ok() {
            continue;
        }
        findings.extend(loaded.span_of(item).map(|span| {
            let text = format!("interface `{name}` does not exist here now");
            Diagnostic::hint(Rule::AbsentInterface, span, text)
                .help("what needs it waits in FAULT until it appears")
        }));
    }
    findings
}

fn all_scripts(config: &Config) -> Vec<&Script> {
    let mut all: Vec<&Script> =
        config.vrrp.scripts.iter().filter_map(|script| script.command.as_ref().ok()).collect();
    let instances = config.vrrp.instances.iter().map(|instance| &instance.notify);
    let groups = config.vrrp.groups.iter().map(|group| &group.notify);
    all.extend(instances.chain(groups).flat_map(Notify::scripts));
    let notices = &config.globals.notices;
    let fifos = [&notices.fifo, &notices.vrrp_fifo, &notices.lvs_fifo];
    all.extend(fifos.into_iter().flatten().filter_map(|fifo| fifo.reader.as_ref()));
    let moments = [&config.globals.startup_script, &config.globals.shutdown_script];
    all.extend(moments.into_iter().flatten().map(|moment| &moment.script));
    all.extend(config.lvs.services.iter().flat_map(service_scripts));
    all
}

fn service_scripts(service: &VirtualServer) -> impl Iterator<Item = &Script> {
    let of_servers = service.real_servers.iter().flat_map(|server| {
        let checks = server.checks.iter().filter_map(|check| match &check.kind {
            CheckKind::Misc(misc) => Some(&misc.script),
            _ => None,
        });
        server.notify_up.as_deref().into_iter().chain(server.notify_down.as_deref()).chain(checks)
    });
    service.quorum_up.iter().chain(&service.quorum_down).chain(of_servers)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lvsd_config::{MemoryFiles, Options, Severity, load};

    use super::*;

    #[test]
    fn an_error_hides_nothing_that_is_missing_here() {
        let text = "vrrp_script gone {\n    script \"/no/such/script\"\n}\nvrrp_instance V {\n    interface lo\n    \
                    virtual_router_id nine\n    track_script {\n        gone\n    }\n}\n";
        let files = MemoryFiles::default().with("/test.conf", text);
        let mut loaded = load(&files, Path::new("/test.conf"), &Options::default());
        examine(&mut loaded);
        assert!(loaded.config.is_none() && loaded.diagnostics.count(Severity::Error) > 0);
        let unusable = loaded.diagnostics.iter().find(|it| it.rule == Rule::UnusableScript);
        let line = unusable.map(|it| loaded.sources.line_column(it.primary.span).line);
        assert_eq!(line, Some(2));
    }
}
