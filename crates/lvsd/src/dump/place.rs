//! `state_dump_file` and `data_use_instance`: where the data of each process goes.

use std::path::{Path, PathBuf};

use lvsd_model::Globals;

const NAME: &str = "keepalived.data";

/// The file of one process. `part` is what its name has before the extension: nothing for the VRRP process.
pub(super) fn data(temporary: &Path, globals: &Globals, part: &str) -> PathBuf {
    let template = match &globals.dumps.data {
        None => temporary.join(NAME),
        Some(path) if path.to_string_lossy().ends_with('/') => path.join(NAME),
        Some(path) => path.clone(),
    };
    let names = [&globals.net_namespace, &globals.instance].into_iter().flatten();
    let names: Vec<String> = names.map(|name| name.replace('/', "_")).collect();
    let named = globals.dumps.named_by_instance && !names.is_empty();
    let names = if named { format!(".{}", names.join("_")) } else { String::new() };
    let stem = template.file_stem().unwrap_or_default().to_string_lossy();
    let extension = template.extension().map(|text| format!(".{}", text.to_string_lossy()));
    template.with_file_name(format!("{stem}{part}{names}{}", extension.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lvsd_model::Dumps;

    fn place(path: Option<&str>, named_by_instance: bool, names: [Option<&str>; 2], part: &str) -> String {
        let [net_namespace, instance] = names.map(|name| name.map(str::to_owned));
        let dumps = Dumps { data: path.map(Into::into), named_by_instance, ..Dumps::default() };
        let globals = Globals { net_namespace, instance, dumps, ..Globals::default() };
        data(Path::new("/tmp"), &globals, part).display().to_string()
    }

    #[test]
    fn the_names_are_the_peers() {
        let (neither, one) = ([None, None], [None, Some("one")]);
        let both = [Some("blue"), Some("a/b")];
        for (path, named, names, part, expected) in [
            (None, false, one, "", "/tmp/keepalived.data"),
            (None, false, one, "_check", "/tmp/keepalived_check.data"),
            (None, true, neither, "", "/tmp/keepalived.data"),
            (None, true, one, "", "/tmp/keepalived.one.data"),
            (None, true, one, "_check", "/tmp/keepalived_check.one.data"),
            (None, true, both, "", "/tmp/keepalived.blue_a_b.data"),
            (Some("/run/dumps/"), true, one, "", "/run/dumps/keepalived.one.data"),
            (Some("/run/state.txt"), false, one, "_check", "/run/state_check.txt"),
            (Some("/run/state"), true, one, "_check", "/run/state_check.one"),
        ] {
            assert_eq!(place(path, named, names, part), expected);
        }
    }
}
