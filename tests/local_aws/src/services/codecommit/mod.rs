//! To be written.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {}

/// Carries out one operation.
pub(crate) fn call(
    _world: &mut World,
    _caller: &Caller,
    operation: &str,
    _input: Value,
) -> Result<Value, AwsError> {
    Err(AwsError::not_in_local_aws(format!("the operation codecommit {operation}")))
}

/// A file's content at a commit, for the pipeline's source action; `None` when the commit has no such file.
///
/// # Errors
/// When the repository or the commit is not there.
pub(crate) fn file_at(
    _world: &World,
    _account: &crate::AccountId,
    _repository: &str,
    _commit_id: &str,
    _path: &str,
) -> Result<Option<Vec<u8>>, AwsError> {
    Ok(None)
}

/// A branch's tip and that commit's message, for the pipeline's source action.
///
/// # Errors
/// When the repository or the branch is not there.
pub(crate) fn branch_tip(
    _world: &World,
    _account: &crate::AccountId,
    _repository: &str,
    _branch: &str,
) -> Result<(String, String), AwsError> {
    Err(AwsError::new("BranchDoesNotExistException", "not written yet"))
}
