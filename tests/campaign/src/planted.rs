//! Faults that are planted between a function and AWS, to see whether the campaign sees them. None of them is in the
//! functions: each makes a function behave, as far as AWS can tell, as one with that fault would.

use crate::Environment;
use crate::observe::{digests, text};
use crate::wire::Call;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_aws::services::Service;
use local_aws::services::codecommit::push_existing;
use local_aws::{Caller, LocalAws};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A fault of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Planted {
    /// A commit names whatever the tip is as its parent: the compare-and-swap is gone, and an old answer is sent again.
    OldAnswerSentAgain,
    /// A commit is believed to be made that never was.
    CommitSwallowed,
    /// A commit takes the place of the one before it.
    HistoryRewritten,
    /// A commit touches a file of people.
    OthersFileTouched,
    /// The hold is not looked at.
    HoldIgnored,
    /// The quarantine is not looked at.
    QuarantineUnread,
    /// A revert puts nothing into quarantine.
    QuarantineForgotten,
    /// A rollback commits no hold.
    RollbackWithoutHold,
    /// What a person committed is taken for Towpath's own.
    PersonUnseen,
    /// The images are those that were there at the first look.
    StaleImages,
    /// The image pushed first is taken for the one pushed last.
    OrderInverted,
    /// A start is believed to be made that never was.
    StartSwallowed,
    /// A start is made twice, each time with another token.
    StartedTwice,
    /// A start is made at the commit before the one that was read.
    StartedAtParent,
    /// Every deployment is believed to have gone well, as its pipeline's event says.
    EventBelieved,
    /// Evidence is believed to be put that never was.
    EvidenceSwallowed,
    /// Evidence is not looked at.
    EvidenceUnread,
    /// The sweep wakes nobody.
    WakeUpsSwallowed,
    /// A tag is deleted.
    TagDeleted,
    /// What upstream said of approvals before the copy is taken for what it says after it.
    ApprovalNotCheckedAgain,
    /// Every image upstream is taken for approved.
    ApprovalAssumed,
    /// The tag is put with the first manifest that is copied.
    TagBeforeManifests,
    /// What is tagged here is tagged upstream too.
    WrittenUpstream,
    /// Nothing is written to the log.
    Silent,
}

/// A planted fault and what it remembers.
#[derive(Debug)]
pub(crate) struct Plant {
    planted: Planted,
    remembered: BTreeMap<String, Value>,
}

/// An answer that AWS never gave.
#[derive(Debug)]
pub(crate) struct MadeUp(u16, Value);

impl IntoResponse for MadeUp {
    fn into_response(self) -> Response {
        let built = Response::builder()
            .status(self.0)
            .header("content-type", "application/x-amz-json-1.1")
            .body(axum::body::Body::from(self.1.to_string()));
        built.unwrap_or_default()
    }
}

impl Plant {
    pub(crate) fn new(planted: Planted) -> Self {
        Self { planted, remembered: BTreeMap::new() }
    }

    /// Changes a call on its way, or answers it in AWS's place.
    pub(crate) fn before(&mut self, local: &LocalAws, call: &mut Call) -> Option<MadeUp> {
        let Call { environment, function, operation, input, .. } = call;
        let at = *environment;
        let function = function.trim_start_matches("towpath-");
        match (self.planted, function, operation.as_str()) {
            (Planted::OldAnswerSentAgain, _, "CreateCommit") => {
                set(input, "parentCommitId", json!(tip(local, at)));
                None
            }
            (Planted::CommitSwallowed, "on_image_push", "CreateCommit") => {
                Some(MadeUp(200, json!({ "commitId": "1".repeat(40), "treeId": "2".repeat(40) })))
            }
            (Planted::HistoryRewritten, _, "CreateCommit") => {
                let parent = parent(local, at, &tip(local, at));
                if !parent.is_empty() {
                    let account = at.account().parse().ok()?;
                    let world = &mut local.lock();
                    push_existing(world, &account, "deployment", "main", &parent, "towpath", true).ok()?;
                    set(input, "parentCommitId", json!(parent));
                }
                None
            }
            (Planted::OthersFileTouched, _, "CreateCommit") => {
                let file =
                    json!({ "filePath": crate::stage::NOTES, "fileContent": STANDARD.encode("Mine.\n") });
                input.get_mut("putFiles").and_then(Value::as_array_mut)?.push(file);
                None
            }
            (Planted::HoldIgnored, _, "GetFile") if text(input, "/filePath").ends_with("/hold.json") => {
                Some(MadeUp(400, json!({ "__type": "FileDoesNotExistException", "message": "no" })))
            }
            (Planted::QuarantineForgotten, "on_deployment_change", "CreateCommit") => {
                let files = input.get_mut("putFiles").and_then(Value::as_array_mut)?;
                for file in files.iter_mut().filter(|file| text(file, "/filePath").ends_with("/hold.json")) {
                    set(file, "fileContent", json!(STANDARD.encode("{ \"version\": 1 }\n")));
                }
                None
            }
            (Planted::RollbackWithoutHold, "roll_back", "CreateCommit") => {
                let files = input.get_mut("putFiles").and_then(Value::as_array_mut)?;
                files.retain(|file| text(file, "/filePath").ends_with("/revision.json"));
                None
            }
            (Planted::StartSwallowed, _, "StartPipelineExecution") => {
                let id = local.lock().ids.uuid();
                Some(MadeUp(200, json!({ "pipelineExecutionId": id })))
            }
            (Planted::StartedTwice, _, "StartPipelineExecution") => {
                let mut again = input.clone();
                set(&mut again, "clientRequestToken", json!("another"));
                if let Ok(account) = at.account().parse() {
                    let caller = Caller::role(&account, "towpath-on_commit", "towpath-on_commit");
                    // As Towpath itself would: what somebody else starts is no second start of its own.
                    let _ =
                        local.lock().call(&caller, Service::CodePipeline, "StartPipelineExecution", again);
                }
                None
            }
            (Planted::StartedAtParent, _, "StartPipelineExecution") => {
                let source = input.pointer_mut("/sourceRevisions/0")?;
                let parent = parent(local, at, &text(source, "/revisionValue"));
                set(source, "revisionValue", json!(parent));
                None
            }
            (Planted::EvidenceSwallowed, _, "PutImage") => Some(MadeUp(
                200,
                json!({ "image": { "imageId": { "imageDigest": input.get("imageDigest") } } }),
            )),
            (Planted::WakeUpsSwallowed, "reconcile", "SendMessageBatch") => {
                let entries = input.get("Entries").and_then(Value::as_array).cloned().unwrap_or_default();
                let taken = entries.iter().map(
                    |entry| json!({ "Id": text(entry, "/Id"), "MessageId": "1", "MD5OfMessageBody": "0" }),
                );
                Some(MadeUp(200, json!({ "Successful": taken.collect::<Vec<_>>(), "Failed": [] })))
            }
            (Planted::TagBeforeManifests, "promote_image", "PutImage") if input.get("imageTag").is_none() => {
                let tag = self.remembered.get("tag")?;
                set(input, "imageTag", tag.clone());
                None
            }
            (Planted::WrittenUpstream, "promote_image", "PutImage") if input.get("imageTag").is_some() => {
                let mut there = input.clone();
                set(&mut there, "imageTag", json!("copied"));
                ask(local, Environment::Dev, Service::Ecr, "PutImage", there);
                None
            }
            (Planted::ApprovalNotCheckedAgain, "promote_image", "InitiateLayerUpload") => {
                self.remembered.insert("copied".to_owned(), json!(true));
                None
            }
            (Planted::TagDeleted, "on_image_push", "CreateCommit") => {
                let asked = json!({ "repositoryName": "newest1", "filter": { "tagStatus": "TAGGED" } });
                let listed = ask(local, at, Service::Ecr, "ListImages", asked);
                let images = listed.get("imageIds").and_then(Value::as_array)?.clone();
                let tag =
                    images.iter().map(|image| text(image, "/imageTag")).find(|tag| tag != "placeholder")?;
                let input = json!({ "repositoryName": "newest1", "imageIds": [{ "imageTag": tag }] });
                ask(local, at, Service::Ecr, "BatchDeleteImage", input);
                None
            }
            _ => None,
        }
    }

    /// Changes an answer on its way.
    pub(crate) fn after(&mut self, local: &LocalAws, call: &Call, response: HttpResponse) -> HttpResponse {
        if !response.status().is_success() {
            return response;
        }
        match (self.planted, call.operation.as_str()) {
            (Planted::QuarantineUnread, "GetFile") => rewritten(response, |answer| {
                let content = STANDARD.decode(text(answer, "/fileContent")).unwrap_or_default();
                let hold: Option<Value> = serde_json::from_slice(&content).ok();
                if let Some(mut hold) = hold.filter(|hold| hold.get("quarantine").is_some()) {
                    set(&mut hold, "quarantine", json!([]));
                    set(answer, "fileContent", json!(STANDARD.encode(hold.to_string())));
                }
            }),
            (Planted::PersonUnseen, "ListFileCommitHistory") => {
                let path = text(&call.input, "/filePath");
                rewritten(response, |answer| forge((local, call.environment), &path, answer))
            }
            (
                Planted::ApprovalNotCheckedAgain | Planted::ApprovalAssumed | Planted::TagBeforeManifests,
                "DescribeImages",
            ) if call.is_across() => rewritten(response, |answer| self.upstream(&call.input, answer)),
            (Planted::StaleImages, "DescribeImages") => {
                let repository = text(&call.input, "/repositoryName");
                rewritten(response, |answer| {
                    *answer = self.remembered.entry(repository).or_insert_with(|| answer.clone()).clone();
                })
            }
            (Planted::OrderInverted, "DescribeImages") => rewritten(response, |answer| {
                let images = answer.get_mut("imageDetails").and_then(Value::as_array_mut);
                for image in images.into_iter().flatten() {
                    let at = image.get("imagePushedAt").and_then(Value::as_f64).unwrap_or_default();
                    set(image, "imagePushedAt", json!(3_600_000_000.0 - at));
                }
            }),
            (Planted::EventBelieved, "DescribeServiceDeployments") => rewritten(response, |answer| {
                let deployments = answer.get_mut("serviceDeployments").and_then(Value::as_array_mut);
                for deployment in deployments.into_iter().flatten() {
                    if text(deployment, "/status").starts_with("ROLLBACK") {
                        set(deployment, "status", json!("SUCCESSFUL"));
                    }
                }
            }),
            (Planted::EvidenceUnread, "ListImageReferrers") => {
                rewritten(response, |answer| set(answer, "referrers", json!([])))
            }
            _ => response,
        }
    }
}

impl Plant {
    /// What a function is told of the images upstream.
    fn upstream(&mut self, input: &Value, answer: &mut Value) {
        let repository = text(input, "/repositoryName");
        if self.planted == Planted::ApprovalNotCheckedAgain {
            let is_copied = self.remembered.contains_key("copied");
            let earlier = self.remembered.entry(repository).or_insert_with(|| answer.clone());
            if is_copied {
                answer.clone_from(earlier);
            } else {
                earlier.clone_from(answer);
            }
            return;
        }
        for image in answer.get_mut("imageDetails").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(tags) = image.get_mut("imageTags").and_then(Value::as_array_mut) else { continue };
            let Some(tag) = tags.iter().find(|tag| is_version(tag)).cloned() else { continue };
            if self.planted == Planted::ApprovalAssumed {
                tags.push(json!(format!("approved-stg-{}", tag.as_str().unwrap_or_default())));
            }
            self.remembered.insert("tag".to_owned(), tag);
        }
    }
}

fn is_version(tag: &Value) -> bool {
    tag.as_str().is_some_and(|tag| tag != "placeholder" && !tag.starts_with("approved-"))
}

/// Every version of a file looks as if Towpath had put there what the file says now.
fn forge((local, at): (&LocalAws, Environment), path: &str, answer: &mut Value) {
    let Some(service) = path.strip_suffix("/revision.json") else { return };
    let asked = json!({ "repositoryName": "deployment", "filePath": path });
    let file = ask(local, at, Service::CodeCommit, "GetFile", asked);
    let content = STANDARD.decode(text(&file, "/fileContent")).unwrap_or_default();
    let mut message = format!("{service}\n\nActor: on_image_push\nService: {service}\nDecision: moved\n");
    for (container, digest) in digests(&String::from_utf8_lossy(&content)) {
        message += &format!("Container: {container}\nImage-Digest: {digest}\n");
    }
    for version in answer.get_mut("revisionDag").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(commit) = version.get_mut("commit") {
            set(commit, "message", json!(message));
            for role in ["author", "committer"] {
                if let Some(person) = commit.get_mut(role) {
                    set(person, "name", json!("Towpath"));
                }
            }
        }
    }
}

fn rewritten(mut response: HttpResponse, change: impl FnOnce(&mut Value)) -> HttpResponse {
    let Some(mut answer) =
        response.body().bytes().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok())
    else {
        return response;
    };
    change(&mut answer);
    *response.body_mut() = SdkBody::from(answer.to_string());
    response
}

fn set(value: &mut Value, member: &str, to: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(member.to_owned(), to);
    }
}

/// What the account's owner is answered; nothing where that is an error.
fn ask(local: &LocalAws, at: Environment, service: Service, operation: &str, input: Value) -> Value {
    let Ok(account) = at.account().parse() else { return Value::Null };
    let caller = Caller::administrator(&account);
    local.lock().call(&caller, service, operation, input).unwrap_or_default()
}

fn tip(local: &LocalAws, at: Environment) -> String {
    let asked = json!({ "repositoryName": "deployment", "branchName": "main" });
    text(&ask(local, at, Service::CodeCommit, "GetBranch", asked), "/branch/commitId")
}

fn parent(local: &LocalAws, at: Environment, commit: &str) -> String {
    let asked = json!({ "repositoryName": "deployment", "commitId": commit });
    text(&ask(local, at, Service::CodeCommit, "GetCommit", asked), "/commit/parents/0")
}
