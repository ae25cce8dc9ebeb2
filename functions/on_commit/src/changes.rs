//! Which services a moved branch concerns.

use aws::CallError;
use domain::decide::starts::Asked;
use domain::names::ServiceId;
use entrypoint::Context;
use entrypoint::event::BranchMoved;
use std::collections::BTreeMap;

/// The services whose `revision.json` differs between the old tip and the new. A branch that is new, or whose old tip
/// is gone after a forced push, concerns every service that it names: which of them is owed a start is decided by
/// what their pipelines have run.
pub(crate) async fn services_changed(
    context: &Context,
    moved: &BranchMoved,
) -> Result<BTreeMap<ServiceId, Asked>, CallError> {
    let repository = &context.stack.repository.name;
    let compared = match &moved.old {
        Some(old) => context.clients.differences(repository, Some(old), &moved.new).await?,
        None => None,
    };
    let differences = match compared {
        Some(differences) => differences,
        None => context.clients.differences(repository, None, &moved.new).await?.unwrap_or_default(),
    };
    let changed = differences.into_iter().filter_map(|difference| {
        let service = ServiceId::of_revision_path(&difference.path)?;
        // A folder that is gone has nothing to deploy.
        let blob = difference.after?;
        Some((service, Asked::Commit { commit: moved.new.clone(), blob: Some(blob) }))
    });
    Ok(changed.collect())
}
