//! lvsd(8) says what the program does: every option, and every metric.

use std::path::PathBuf;

fn page() -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "man", "lvsd.8"].iter().collect();
    std::fs::read_to_string(path).expect("man/lvsd.8")
}

#[test]
fn the_section_on_metrics_is_the_generated_one() {
    let page = page();
    let (_, rest) = page.split_once(".\\\" BEGIN metrics\n").expect("a beginning");
    let (section, _) = rest.split_once(".\\\" END metrics\n").expect("an end");
    assert_eq!(section, lvsd::manual_section(), "run `cargo xtask gen`");
}

#[test]
fn every_option_is_explained() {
    let page = page();
    for option in lvsd::options() {
        let explained = match option.strip_prefix("--") {
            Some(long) => page.contains(&format!("Fl -{long}")),
            None => {
                let letter = option.trim_start_matches('-');
                page.contains(&format!("Fl {letter} "))
                    || page.contains(&format!(" {letter} ,"))
                    || page.contains(&format!("Fl {letter}\n"))
            }
        };
        assert!(explained, "{option} is not in lvsd(8)");
    }
}
