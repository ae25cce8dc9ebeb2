//! EventBridge: what CodeCommit and ECR tell, through a rule into a queue.

use crate::answers::Question;
use crate::check::{Check, Verdict};
use crate::expect::{holds, list, refused, same, text};
use crate::listener::{Listener, OWN_SOURCE, has, resources};
use crate::resources::{GitRepository, ImageRepository};
use crate::scene::Scene;
use client::{Image, Index, Referrer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A rule delivers what its pattern matches and nothing else", patterns),
    check("A queue that does not allow the rule gets nothing", unallowed_queue),
    check("A pattern that is none is refused, and a rule that is not there has no targets", bad_rules),
    check("A rule with targets is not deleted", rule_with_targets),
    check("Of several events the bad ones alone are refused", bad_events),
    check("A branch's first commit is told as created, the next as updated", commits),
    check("A commit that changed nothing is not told", no_change),
    check("A branch's end is told without a commit", deleted_branch),
    check("A push of three branches is told for each", three_branches),
    check("A tagged push is told with tag, digest and media types", tagged_push),
    check("An untagged push has no tag to tell", untagged_push),
    check("An index's push is told", index_push),
    check("Another tag on an image may be told", retag),
    check("A referrer's push may be told", referrer_push),
    check("A deleted image is told", deleted_image),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("events", name, run)
}

fn patterns(scene: &Scene) -> Verdict {
    let all = Listener::of(scene, &[])?;
    let pattern = json!({
        "account": [scene.account],
        "source": [OWN_SOURCE],
        "detail": { "tag": [{ "anything-but": [""] }], "kind": ["a", { "prefix": "b-" }] },
    });
    let some = Listener::with_pattern(scene, &pattern, true)?;
    some.wake(|| all.put_event("t", &json!({ "kind": "b-last", "tag": "1" })))?;
    all.put_event("t", &json!({ "kind": "c", "tag": "1" }))?;
    all.put_event("t", &json!({ "kind": "a", "tag": "" }))?;
    all.put_event("t", &json!({ "kind": "a" }))?;
    all.put_event("t", &json!({ "kind": "a", "tag": "2" }))?;
    all.event("the event that matches, without the pattern", |event| has(event, "tag", "2"))?;
    some.event("the event that matches", |event| has(event, "tag", "2"))?;
    let others = some.all(|event| !has(event, "tag", "2") && !has(event, "kind", "b-last"))?;
    same("other events", &others.len(), &0)
}

fn unallowed_queue(scene: &Scene) -> Verdict {
    let pattern = json!({ "account": [scene.account], "source": [OWN_SOURCE] });
    let unallowed = Listener::with_pattern(scene, &pattern, false)?;
    let allowed = Listener::of(scene, &[])?;
    allowed.put_event("t", &json!({ "word": "heard" }))?;
    allowed.event("the event", |event| has(event, "word", "heard"))?;
    same("the events of the other queue", &unallowed.all(|_| true)?.len(), &0)
}

fn bad_rules(scene: &Scene) -> Verdict {
    for pattern in ["no JSON", "{}", "{\"source\": \"aws.ecr\"}", "{\"source\": [{\"like\": \"x\"}]}"] {
        let input = json!({ "Name": scene.name("rule"), "EventPattern": pattern });
        refused(scene.call("events", "PutRule", &input), &["InvalidEventPatternException"])?;
    }
    let target = json!({ "Id": "queue", "Arn": scene.arn("sqs", "none") });
    let input = json!({ "Rule": scene.name("missing"), "Targets": [target] });
    refused(scene.call("events", "PutTargets", &input), &["ResourceNotFoundException"])?;
    Ok(())
}

fn rule_with_targets(scene: &Scene) -> Verdict {
    let listener =
        Listener::with_pattern(scene, &json!({ "account": [scene.account], "source": ["nobody"] }), true)?;
    let deleted = scene.call("events", "DeleteRule", &json!({ "Name": listener.rule() }));
    refused(deleted, &["ValidationException"])?;
    let targets = scene.call("events", "ListTargetsByRule", &json!({ "Rule": listener.rule() }))?;
    same("its targets", &list(&targets, "/Targets").len(), &1)
}

fn bad_events(scene: &Scene) -> Verdict {
    let entry = |detail: &str| json!({ "Source": OWN_SOURCE, "DetailType": "t", "Detail": detail });
    let put = |entries: Vec<Value>| scene.call("events", "PutEvents", &json!({ "Entries": entries }));
    let reply = put(vec![entry("{}"), entry("no JSON"), entry("{}")])?;
    same("the count of failures", &reply.get("FailedEntryCount"), &Some(&json!(1)))?;
    same("the bad one's code", &text(&reply, "/Entries/1/ErrorCode")?, &"MalformedDetail")?;
    text(&reply, "/Entries/0/EventId")?;
    text(&reply, "/Entries/2/EventId")?;
    let aws = json!({ "Source": "aws.ecr", "DetailType": "t", "Detail": "{}" });
    let reply = put(vec![aws])?;
    same("a source of AWS", &text(&reply, "/Entries/0/ErrorCode")?, &"NotAuthorizedForSourceException")?;
    refused(put(vec![entry("{}"); 11]), &["ValidationException"])?;
    Ok(())
}

fn of_repository(event: &Value, name: &str) -> bool {
    has(event, "repositoryName", name)
}

fn commits(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.codecommit"])?;
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let second = repository.commit(Some(&first), &[("a", "two")], "m")?;
    let of = |event: &Value, commit: &str| {
        of_repository(event, &repository.name) && has(event, "commitId", commit)
    };
    let created = listener.event("the first commit's event", |event| of(event, &first))?;
    let updated = listener.event("the second commit's event", |event| of(event, &second))?;
    same("the first's kind", &text(&created, "/detail/event")?, &"referenceCreated")?;
    holds("the first has no oldCommitId", created.pointer("/detail/oldCommitId").is_none())?;
    same("the second's kind", &text(&updated, "/detail/event")?, &"referenceUpdated")?;
    same("the second's old commit", &text(&updated, "/detail/oldCommitId")?, &first)?;
    for event in [&created, &updated] {
        same("the detail type", &text(event, "/detail-type")?, &"CodeCommit Repository State Change")?;
        same("the source", &text(event, "/source")?, &"aws.codecommit")?;
        same("the account", &text(event, "/account")?, &scene.account)?;
        same("the Region", &text(event, "/region")?, &scene.aws.region)?;
        same("the resources", &resources(event), &[scene.arn("codecommit", &repository.name)])?;
        same("the reference's type", &text(event, "/detail/referenceType")?, &"branch")?;
        same("the reference", &text(event, "/detail/referenceName")?, &"main")?;
        same("the reference in full", &text(event, "/detail/referenceFullName")?, &"refs/heads/main")?;
        text(event, "/detail/repositoryId")?;
        let caller = text(event, "/detail/callerUserArn")?;
        holds(format!("the caller `{caller}` is of the account"), caller.contains(&scene.account))?;
        let time = text(event, "/time")?;
        holds(
            format!("the time `{time}` is UTC without fractions"),
            time.len() == 20 && time.ends_with('Z'),
        )?;
    }
    Ok(())
}

fn no_change(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.codecommit"])?;
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    refused(repository.commit(Some(&first), &[("a", "one")], "m"), &["NoChangeException"])?;
    let second = repository.commit(Some(&first), &[("a", "two")], "m")?;
    listener.event("the second commit's event", |event| has(event, "commitId", &second))?;
    let all = listener.all(|event| of_repository(event, &repository.name))?;
    same("the events of the repository", &all.len(), &2)
}

fn deleted_branch(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.codecommit"])?;
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    repository.call("CreateBranch", json!({ "branchName": "other", "commitId": first }))?;
    repository.call("DeleteBranch", json!({ "branchName": "other" }))?;
    let deleted = listener.event("the branch's end", |event| {
        of_repository(event, &repository.name) && has(event, "event", "referenceDeleted")
    })?;
    same("the reference", &text(&deleted, "/detail/referenceName")?, &"other")?;
    same("the old commit", &text(&deleted, "/detail/oldCommitId")?, &first)?;
    holds("there is no commitId", deleted.pointer("/detail/commitId").is_none())
}

fn three_branches(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let git = crate::git::clone(scene, &repository.name)?;
    let listener = Listener::of(scene, &["aws.codecommit"])?;
    let references: Vec<String> = ["x", "y", "z"].map(|name| format!("{first}:refs/heads/{name}")).to_vec();
    git.push_refs("origin", &references.iter().map(String::as_str).collect::<Vec<_>>())?;
    listener.event("an event of the push", |event| of_repository(event, &repository.name))?;
    let all = listener.all(|event| of_repository(event, &repository.name))?;
    scene.answer(Question::PushOfSeveralReferences, format!("{} events", all.len()));
    same("the events", &all.len(), &3)
}

fn of_image(event: &Value, repository: &ImageRepository<'_>) -> bool {
    has(event, "repository-name", &repository.name)
}

fn tagged_push(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.ecr"])?;
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").version("1").build()?;
    repository.push(Some("0012e34"), &image)?;
    let event = listener.event("the push's event", |event| of_image(event, &repository))?;
    same("the detail type", &text(&event, "/detail-type")?, &"ECR Image Action")?;
    same("the resources", &resources(&event).len(), &0)?;
    for (member, value) in [
        ("action-type", "PUSH"),
        ("result", "SUCCESS"),
        ("image-tag", "0012e34"),
        ("image-digest", image.digest.as_str()),
        ("manifest-media-type", image.media_type.as_str()),
        ("artifact-media-type", client::image::OCI_CONFIG),
    ] {
        same(member, &text(&event, &format!("/detail/{member}"))?, &value)?;
    }
    Ok(())
}

fn tag_of(event: &Value) -> String {
    match event.pointer("/detail/image-tag") {
        None => "absent".to_owned(),
        Some(tag) => tag.to_string(),
    }
}

fn untagged_push(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.ecr"])?;
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").version("1").build()?;
    repository.push(None, &image)?;
    let last = Image::new("webapp1").version("2").build()?;
    repository.push(Some("2"), &last)?;
    listener.event("a later push's event", |event| has(event, "image-digest", &last.digest))?;
    let all =
        listener.all(|event| of_image(event, &repository) && has(event, "image-digest", &image.digest))?;
    let tag = all.first().map_or("no event at all".to_owned(), tag_of);
    scene.answer(Question::UntaggedPush, tag.clone());
    let empty = ["absent", "\"\"", "no event at all"].contains(&tag.as_str());
    holds(format!("image-tag is absent or empty ({tag})"), empty)
}

fn index_push(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.ecr"])?;
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").version("1");
    let index =
        Index::new().image(image.clone()).image(image.platform("linux", "arm64")).attested().build()?;
    repository.push(Some("multi"), &index)?;
    let told = listener.event("the index's event", |event| {
        of_image(event, &repository) && has(event, "image-digest", &index.digest)
    })?;
    same("its tag", &text(&told, "/detail/image-tag")?, &"multi")?;
    same("its media type", &text(&told, "/detail/manifest-media-type")?, &index.media_type)?;
    let all = listener.all(|event| of_image(event, &repository))?;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for event in &all {
        let of = if has(event, "image-digest", &index.digest) { "index" } else { "child" };
        *kinds.entry(format!("{of}, image-tag {}", tag_of(event))).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
    scene.answer(Question::IndexPush, format!("{} events: {}", all.len(), kinds.join("; ")));
    Ok(())
}

fn retag(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.ecr"])?;
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").version("1").build()?;
    repository.push(Some("1"), &image)?;
    repository.push(Some("approved-stg-1"), &image)?;
    let last = Image::new("webapp1").version("2").build()?;
    repository.push(Some("2"), &last)?;
    listener.event("a later push's event", |event| has(event, "image-digest", &last.digest))?;
    let all =
        listener.all(|event| of_image(event, &repository) && has(event, "image-tag", "approved-stg-1"))?;
    let answer = match all.first() {
        None => "none".to_owned(),
        Some(event) => text(event, "/detail/action-type")?,
    };
    scene.answer(Question::Retag, answer);
    Ok(())
}

fn referrer_push(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.ecr"])?;
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").version("1").build()?;
    repository.push(Some("1"), &image)?;
    let note = Referrer::new(&image, "application/vnd.towpath.conformance.note").build();
    repository.push(None, &note)?;
    let last = Image::new("webapp1").version("2").build()?;
    repository.push(Some("2"), &last)?;
    listener.event("a later push's event", |event| has(event, "image-digest", &last.digest))?;
    let all =
        listener.all(|event| of_image(event, &repository) && !has(event, "image-digest", &last.digest))?;
    let mut told: Vec<String> = Vec::new();
    for event in all.iter().filter(|event| !has(event, "image-tag", "1")) {
        let of = if has(event, "image-digest", &note.digest) { "its own" } else { "another" };
        told.push(format!("{} with {of} digest", text(event, "/detail-type")?));
    }
    told.sort();
    scene.answer(Question::ReferrerPush, if told.is_empty() { "none".to_owned() } else { told.join("; ") });
    Ok(())
}

fn deleted_image(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.ecr"])?;
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").version("1").build()?;
    repository.push(Some("1"), &image)?;
    repository.call("BatchDeleteImage", json!({ "imageIds": [{ "imageTag": "1" }] }))?;
    let event = listener.event("the deletion's event", |event| {
        of_image(event, &repository) && has(event, "action-type", "DELETE")
    })?;
    same("its digest", &text(&event, "/detail/image-digest")?, &image.digest)?;
    same("its tag", &text(&event, "/detail/image-tag")?, &"1")
}
