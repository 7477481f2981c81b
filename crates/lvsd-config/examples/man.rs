//! Prints lvsd.conf(5) with its generated part made anew: `man TEMPLATE`.
#![expect(clippy::print_stdout, reason = "a command-line example")]

fn main() -> std::io::Result<()> {
    for template in std::env::args().skip(1) {
        print!("{}", lvsd_config::man::render_man_page(&std::fs::read_to_string(template)?));
    }
    Ok(())
}
