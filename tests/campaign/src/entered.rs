//! What entered an environment with an upstream had its approvals when it did, byte for byte as it is upstream.

use crate::StagedService;
use crate::accounts::Account;
use crate::approvals::Entering;
use crate::model::{Author, Model, Pushed, Span, View};
use crate::observe::Commit;
use crate::violation::{Broken, Violation};
use crate::watch::{Tagged, Watch};

/// A commit of Towpath moves to what had its approvals when it was read for the last time before; or, where the
/// application was pushed back, to what had come in before.
///
/// # Errors
/// What it breaks.
pub(crate) fn moved(
    upstream: Account<'_>,
    view: View<'_>,
    commit: &Commit,
    watch: &Watch,
) -> Result<(), Broken> {
    if view.environment == upstream.environment || commit.author == Author::Person {
        return Ok(());
    }
    for service in view.environment.services() {
        let id = service.id();
        let is_moved = commit.paths.contains(&format!("{id}/revision.json"));
        if !is_moved || commit.decision(&id) != Some("moved") {
            continue;
        }
        for container in service.containers {
            let Some(digest) = commit.after.digest(&id, container) else { continue };
            let key = ((*container).to_owned(), digest.clone());
            let came_before = service.application.is_some() && commit.before.moved.contains(&key);
            if came_before || commit.before.digest(&id, container).as_ref() == Some(&digest) {
                continue;
            }
            let spans = watch.spans(view.environment, &commit.parent, container);
            let short = commit.id.get(..8).unwrap_or_default();
            let what = format!("commit {short} moves {container} to {digest}");
            check(upstream, view, (*service, container, &digest), (&spans, &what))?;
        }
    }
    Ok(())
}

/// A tag that became visible names what it names upstream, which had its approvals.
///
/// # Errors
/// What it breaks.
pub(crate) fn tagged(upstream: Account<'_>, model: &Model, tagged: &Tagged) -> Result<(), Broken> {
    let Tagged { environment, repository, tag, digest, span } = tagged;
    let names_it =
        |image: &&Pushed| image.repository == *repository && image.tag == *tag && image.digest == *digest;
    if model.pushed.iter().find(names_it).is_none() {
        let what = format!("{repository}:{tag} came as {digest}, and upstream it never was that");
        return Err(Violation { invariant: 4, what }.into());
    }
    let mut services = environment.services().iter();
    let Some(service) = services.find(|service| service.containers.contains(&repository.as_str())) else {
        return Ok(());
    };
    let what = format!("the tag {repository}:{tag} became visible on {digest}");
    let view = model.at(*environment);
    check(upstream, view, (*service, repository, digest), (&[*span], &what))
}

fn check(
    upstream: Account<'_>,
    view: View<'_>,
    (service, repository, digest): (StagedService, &str, &str),
    (spans, what): (&[Span], &str),
) -> Result<(), Broken> {
    let Some(image) = view.model.image(repository, digest) else {
        let what = format!("{what}, which nobody pushed upstream");
        return Err(Violation { invariant: 5, what }.into());
    };
    let entering = Entering { service, repository, tag: &image.tag, digest };
    let mut lacking = "nothing was sent that could have done it".to_owned();
    for span in spans {
        match entering.lacks(upstream, (view.model, view.environment), *span)? {
            None => return Ok(()),
            Some(lacks) => lacking = format!("from {} to {} it had {lacks}", span.from, span.until),
        }
    }
    Err(Violation { invariant: 5, what: format!("{what}: {lacking}") }.into())
}
