//! Explanations: routes and policy rules.

use super::Rule;
use super::explain::Frame::Instance;
use super::explain::{Explanation, warning};

#[rustfmt::skip] // Examples are configurations, laid out as such.
pub(super) static EXPLANATIONS: &[Explanation] = &[
    warning(Rule::UnknownName,
        "Tables, protocols, scopes, realms and classes of service are numbers; their names are in the files of iproute2 on this host. \
         A line with a name that is not there is left out.",
        "virtual_routes {\n    198.51.100.0/24 via 192.0.2.254 table nosuch  # <-\n}",
        "virtual_routes {\n    198.51.100.0/24 via 192.0.2.254 table 100\n}").within(Instance),
    warning(Rule::BadRoute,
        "The kernel would not take such a route: it has no destination or leads nowhere, or its options exclude each other. It is left out.",
        "virtual_routes {\n    198.51.100.0/24  # <-\n}", "virtual_routes {\n    198.51.100.0/24 via 192.0.2.254\n}").within(Instance),
    warning(Rule::BadRule,
        "The kernel would not take such a rule, or it would do nothing: it has no action, or two, or leads back. It is left out.",
        "virtual_rules {\n    from 192.0.2.1 preference 100  # <-\n}",
        "virtual_rules {\n    from 192.0.2.1 preference 100 table 100\n}").within(Instance),
    warning(Rule::MissingPreference,
        "Rules are asked in the order of their preferences. Without one it is counted down from 16384 in the order of the lines, as keepalived \
         does, so that a line more or less changes it.",
        "virtual_rules {\n    from 192.0.2.1 table 100  # <-\n}",
        "virtual_rules {\n    from 192.0.2.1 table 100 preference 100\n}").within(Instance),
    warning(Rule::TrackedProtocol,
        "What is tracked is known by its protocol, 18; one with another could not be told from the routes of others.",
        "virtual_routes {\n    198.51.100.0/24 via 192.0.2.254 protocol 4  # <-\n}",
        "virtual_routes {\n    198.51.100.0/24 via 192.0.2.254 protocol 4 no_track\n}").within(Instance),
];
