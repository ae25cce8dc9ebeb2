//! The status as a table, with the reasons below it.

use super::{Row, Running};
use crate::show::{plain, table};
use crate::version::{digests, tags};
use domain::decide::sweep::DriftState;
use std::fmt::Write as _;

const HEADINGS: [&str; 6] = ["SERVICE", "ENVIRONMENT", "VERSION", "DIGEST", "COMMIT", "STATE"];

pub(super) fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "No service has rules or a revision.json yet.\n".to_owned();
    }
    let mut previous = None;
    let cells = rows.iter().map(|row| {
        let service =
            if previous == Some(&row.service) { String::new() } else { plain(&row.service.to_string()) };
        previous = Some(&row.service);
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        vec![
            service,
            row.environment.to_string(),
            or_dash(tags(&row.containers)),
            or_dash(digests(&row.containers)),
            row.commit.as_ref().map_or("-", |commit| commit.short()).to_owned(),
            row.state.to_owned(),
        ]
    });
    let mut text = table(&HEADINGS, cells.collect());
    let in_sync = DriftState::InSync.as_str();
    for (index, row) in rows.iter().filter(|row| row.state != in_sync).enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        let Row { service, environment, state, because, .. } = row;
        let _ = writeln!(
            text,
            "{gap}{} in {environment} is {state}: {}",
            plain(&service.to_string()),
            plain(because)
        );
        for runs in other_images(row) {
            let _ = writeln!(text, "  {} runs {}", plain(&runs.container), plain(&runs.image));
        }
    }
    text
}

/// What a service runs although git says something else.
fn other_images(row: &Row) -> impl Iterator<Item = &Running> {
    let says = |running: &&Running| {
        row.containers.iter().any(|version| {
            version.container.as_str() == running.container
                && (version.image == running.image
                    || (running.digest.is_some()
                        && running.digest.as_deref()
                            == version.digest.as_ref().map(|digest| digest.as_str())))
        })
    };
    row.runs.iter().filter(move |running| !says(running))
}
