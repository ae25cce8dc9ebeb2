//! The status as a table, with the reasons below it.

use super::{Row, Running};
use crate::show::{plain, table};
use crate::version::{digests, tags};
use domain::decide::sweep::DriftState;
use domain::names::ImageDigest;
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
    let notes: String = rows.iter().map(notes).collect();
    if !notes.is_empty() {
        let _ = write!(text, "\n{notes}");
    }
    text
}

/// Why a service stands as it does, where there is more to say than that all is well.
fn notes(row: &Row) -> String {
    let Row { service, environment, state, because, refused, .. } = row;
    let service = plain(&service.to_string());
    let mut text = String::new();
    if *state != DriftState::InSync.as_str() {
        let _ = writeln!(text, "{service} in {environment} is {state}: {}", plain(because));
    }
    for runs in other_images(row) {
        let _ = writeln!(text, "  {} runs {}", plain(&runs.container), plain(&runs.image));
    }
    for refused in refused {
        let _ = writeln!(text, "{service} in {environment} is refused: {}", plain(&refused.because));
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
                        && running.digest.as_deref() == version.digest.as_ref().map(ImageDigest::as_str)))
        })
    };
    row.runs.iter().filter(move |running| !says(running))
}
