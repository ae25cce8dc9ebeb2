//! What could be read, apart from what could not: one service's trouble is not another's.

use crate::error::CallError;
use domain::names::ServiceId;
use std::collections::{BTreeMap, BTreeSet};

/// A call that gave no usable answer, and the services of which nothing can be decided without it.
#[derive(Debug)]
pub struct Unread {
    /// The services.
    pub services: BTreeSet<ServiceId>,
    /// What went wrong.
    pub error: CallError,
}

impl Unread {
    /// What could not be read of one service.
    pub(super) fn of(service: &ServiceId, error: CallError) -> Self {
        Self { services: BTreeSet::from([service.clone()]), error }
    }
}

/// Puts the services that were read apart from those that were not.
pub(super) fn apart<T>(
    read: Vec<(ServiceId, Result<T, CallError>)>,
) -> (BTreeMap<ServiceId, T>, Vec<Unread>) {
    let mut facts = BTreeMap::new();
    let mut unread = Vec::new();
    for (service, result) in read {
        match result {
            Ok(fact) => {
                facts.insert(service, fact);
            }
            Err(error) => unread.push(Unread::of(&service, error)),
        }
    }
    (facts, unread)
}
