//! What ECR tells EventBridge.

use super::members::set;
use super::repository::Image;
use crate::names::AccountId;
use crate::services::events::{ServiceEvent, emit};
use crate::world::World;
use serde_json::{Value, json};

/// What is about an image in an event.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    repository: String,
    digest: String,
    tag: Option<String>,
    media_type: String,
    artifact_media_type: Option<String>,
    refers_to: Option<String>,
    is_index: bool,
}

impl Subject {
    pub(super) fn new(repository: &str, digest: &str, tag: Option<&str>, image: &Image) -> Self {
        Self {
            repository: repository.to_owned(),
            digest: digest.to_owned(),
            tag: tag.map(str::to_owned),
            media_type: image.manifest.media_type.clone(),
            artifact_media_type: image.manifest.artifact_media_type.clone(),
            refers_to: image.manifest.subject.clone(),
            is_index: image.manifest.is_index(),
        }
    }
}

/// Tells of a push: of a manifest that was not there, or (`is_retag`) of another tag for one that was.
pub(super) fn pushed(world: &mut World, account: &AccountId, subject: &Subject, is_retag: bool) {
    let unconfirmed = world.settings.unconfirmed.clone();
    let is_referrer = subject.refers_to.is_some();
    // The registry learns which manifests are children only when the index comes, after them: until then
    // a child looks like any other manifest without a tag.
    let may_be_child = subject.tag.is_none() && !subject.is_index && !is_referrer;
    let silent = (is_retag && unconfirmed.retag_is_silent)
        || (may_be_child && unconfirmed.child_push_is_silent)
        || (is_referrer && unconfirmed.referrer_push_is_not_an_image_action);
    if !silent {
        let detail = pushed_detail(world, subject, &subject.digest);
        emit_event(world, account, "ECR Image Action", detail);
    }
    if let Some(refers_to) = subject.refers_to.as_deref().filter(|_| !is_retag) {
        let names_subject = unconfirmed.referrer_action_names_its_subject;
        let digest = if names_subject { refers_to } else { subject.digest.as_str() };
        let detail = pushed_detail(world, subject, digest);
        emit_event(world, account, "ECR Referrer Action", detail);
    }
}

fn pushed_detail(world: &World, subject: &Subject, digest: &str) -> Value {
    let mut detail = detail(world, "PUSH", subject, digest);
    set(&mut detail, "manifest-media-type", json!(subject.media_type));
    if let Some(artifact_media_type) = &subject.artifact_media_type {
        set(&mut detail, "artifact-media-type", json!(artifact_media_type));
    }
    detail
}

/// Tells that a tag, or an image without tags, was deleted.
pub(super) fn deleted(world: &mut World, account: &AccountId, subject: &Subject) {
    let detail = detail(world, "DELETE", subject, &subject.digest);
    emit_event(world, account, "ECR Image Action", detail);
}

fn detail(world: &World, action: &str, subject: &Subject, digest: &str) -> Value {
    let mut detail = json!({
        "action-type": action,
        "result": "SUCCESS",
        "repository-name": subject.repository,
        "image-digest": digest,
    });
    match &subject.tag {
        Some(tag) => set(&mut detail, "image-tag", json!(tag)),
        None if world.settings.unconfirmed.untagged_push_has_no_tag_member => {}
        None => set(&mut detail, "image-tag", json!("")),
    }
    detail
}

fn emit_event(world: &mut World, account: &AccountId, detail_type: &str, detail: Value) {
    let event = ServiceEvent {
        source: "aws.ecr".to_owned(),
        detail_type: detail_type.to_owned(),
        resources: Vec::new(),
        detail,
    };
    emit(world, account, event);
}
