//! `docs/diagnostics.md`, made from the explanations.

use std::fmt::Write as _;

use super::explain::{Explanation, Found, explanations};
use crate::diagnostic::Severity;

const HEAD: &str = "\
# Diagnostics

<!-- Made by `cargo xtask gen` from crates/lvsd-config/src/rules; tests run every example. -->

Everything that `lvsd` and `lvsctl` say about a configuration has a severity and an id. Ids never change their meaning; tools may
rely on them (`lvsd -t --format json`).

| Severity | Meaning | Start and reload | `lvsd -t` |
|---|---|---|---|
| error | cannot mean anything safe | refused | 4 |
| warning | keepalived runs with it, and so does lvsd; what is wrong is left out | accepted, unless `--strict` or `strict_config` | 5 |
| hint | works as written, and may not be what was meant | accepted | 0; 5 with `--strict` |

In the examples `# <-` marks the line that is pointed at.
";

/// The whole page.
#[must_use]
pub fn diagnostics_page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## All of them\n\n| Id | Severity | What it is about |\n|---|---|---|\n");
    for it in explanations() {
        let id = it.rule.id();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| [{id}](#{id}) | {} | {} |", severities(it.severities), it.rule.about());
    }
    explanations().for_each(|explanation| section(&mut page, explanation));
    page
}

fn section(page: &mut String, it: &Explanation) {
    let Explanation { rule, severities: found, why, .. } = it;
    let (id, about, severities) = (rule.id(), rule.about(), severities(found));
    let host = match it.found {
        Found::InText => "",
        Found::OnHost => " Only `lvsd -t` and `lvsctl check` on the host itself can see this.",
        Found::Nowhere => {
            let _ = writeln!(page, "\n### {id}\n\n*{severities}.* {about} {why}");
            return;
        }
    };
    let (wrong, right) = (it.wrong.shown(), it.right.shown());
    let _ = write!(
        page,
        "\n### {id}\n\n*{severities}.* {about} {why}{host}\n\nWrong:\n\n```\n{wrong}```\n\nRight:\n\n```\n{right}```\n"
    );
}

fn severities(list: &[Severity]) -> String {
    list.iter().map(|severity| severity.name()).collect::<Vec<_>>().join(" or ")
}
