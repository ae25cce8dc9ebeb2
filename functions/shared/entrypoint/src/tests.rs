//! Batches and the loop that decides again, against canned answers of AWS.

use crate::batch::{Batch, Received, answer as answer_batch};
use crate::event::Event;
use crate::record::{Lines, keeping};
use crate::settle::{Mode, NotSettled, Read, Settled, Unsettled, answer, settle};
use crate::{Context, Failed};
use aws::facts::Unread;
use aws::{CallError, Connection};
use aws_credential_types::Credentials;
use aws_lambda_events::sqs::SqsMessage;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use domain::decision::{Decision, DecisionKind};
use domain::names::{BranchName, CommitId, EventId, FilePath, RepositoryName, ServiceId};
use domain::plan::{CommitFiles, FileContent, Plan, Step, Then};
use domain::trailers::{CommitMessage, ServiceTrailers, Trailers};
use domain::wake_up::{Function, WakeUp};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Answers each request with the next canned answer; the last one stays.
#[derive(Debug, Clone)]
struct Canned(Arc<Mutex<VecDeque<(u16, Value)>>>);

impl HttpConnector for Canned {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let mut answers = self.0.lock().unwrap();
        let (status, body) =
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers.front().unwrap().clone() };
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
        HttpConnectorFuture::new(async move { Ok(response) })
    }
}

fn context(answers: impl IntoIterator<Item = (u16, Value)>) -> Context {
    let connector = SharedHttpConnector::new(Canned(Arc::new(Mutex::new(answers.into_iter().collect()))));
    let connection = Connection {
        credentials: Credentials::new("111111111111", "secret", None, None, "test"),
        region: "eu-west-1".to_owned(),
        endpoint_url: Some("http://localhost".to_owned()),
        transfers: connector.clone().into(),
        http_client: http_client_fn(move |_, _| connector.clone()),
        time_source: SharedTimeSource::new(SystemTimeSource::new()),
    };
    let variable = |name: &str| {
        let value = match name {
            "AWS_REGION" => "eu-west-1",
            "TOWPATH_ACCOUNT" => "111111111111",
            "TOWPATH_DEPLOYMENT_BRANCH" => "main",
            "TOWPATH_DEPLOYMENT_REPOSITORY" => "deployment",
            "TOWPATH_ENVIRONMENT" => "dev",
            "TOWPATH_PIPELINE_PATTERN" => "deploy-{cluster}-{service}",
            "TOWPATH_STALLED_AFTER_MINUTES" => "15",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Context::new(Function::OnImagePush, &variable, &connection).unwrap()
}

fn refused(code: &str) -> (u16, Value) {
    (400, json!({ "__type": code, "message": "no" }))
}

fn commit(digit: &str) -> CommitId {
    CommitId::parse(&digit.repeat(40)).unwrap()
}

fn service() -> ServiceId {
    ServiceId::parse("cluster1/webapp1").unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn message(id: Option<&str>, body: &str) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = id.map(str::to_owned);
    message.body = Some(body.to_owned());
    message
}

fn wake_up() -> String {
    WakeUp { service: service(), reason: "look".to_owned() }.text()
}

#[tokio::test]
async fn an_empty_batch_asks_nobody() {
    let context = context([]);
    let handle = async |_: &Context, _: Batch| -> Failed { panic!("there is nothing to handle") };
    let response = answer_batch(&context, &[], soon(), &handle).await.unwrap();
    assert_eq!(response.batch_item_failures.len(), 0);
}

#[tokio::test]
async fn a_bad_record_fails_alone() {
    let context = context([]);
    let seen = RefCell::new(Vec::new());
    let handle = async |_: &Context, batch: Batch| -> Failed {
        let ids = batch.received.iter().map(|received| received.message.clone());
        seen.borrow_mut().extend(ids);
        let woken = |received: &Received| matches!(received.event, Event::WakeUp(_));
        assert!(batch.received.iter().all(woken), "what asks for nothing is not handed on");
        Failed::from(["fails".to_owned()])
    };
    let deleted = json!({
        "id": "e-1", "source": "aws.ecr", "detail-type": "ECR Image Action", "account": "111111111111",
        "detail": { "action-type": "DELETE", "result": "SUCCESS", "repository-name": "webapp1" },
    });
    let messages = [
        message(Some("bad"), "no event"),
        message(Some("fails"), &wake_up()),
        message(Some("good"), &wake_up()),
        message(Some("ignored"), &deleted.to_string()),
        message(Some("empty"), ""),
    ];
    let response = answer_batch(&context, &messages, soon(), &handle).await.unwrap();
    let failed: Vec<_> =
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(failed, ["bad", "empty", "fails"]);
    assert_eq!(*seen.borrow(), ["fails", "good"]);
}

#[tokio::test]
async fn a_message_without_an_id_fails_the_whole_batch() {
    let context = context([]);
    let handle = async |_: &Context, _: Batch| -> Failed { panic!("nothing may be handled") };
    let messages = [message(Some("good"), &wake_up()), message(None, &wake_up())];
    let error = answer_batch(&context, &messages, soon(), &handle).await.unwrap_err();
    assert_eq!(error.to_string(), "a message has no messageId: expected a batch as SQS sends it");
}

/// A plan of one commit on this tip.
fn commits(tip: &CommitId) -> Plan {
    commits_for(&["cluster1/webapp1"], tip)
}

/// A plan of one commit on this tip for these services.
fn commits_for(names: &[&str], tip: &CommitId) -> Plan {
    let services: Vec<ServiceId> = names.iter().map(|name| ServiceId::parse(name).unwrap()).collect();
    let trailers = services.iter().map(|service| ServiceTrailers {
        service: service.clone(),
        decision: Some(DecisionKind::Held),
        approved_by: Vec::new(),
        containers: Vec::new(),
    });
    let step = Step::CommitFiles(CommitFiles {
        repository: RepositoryName::parse("deployment").unwrap(),
        branch: BranchName::parse("main").unwrap(),
        parent: tip.clone(),
        files: vec![FileContent { path: FilePath::rules(), text: "version: 1\n".to_owned() }],
        message: CommitMessage {
            trailers: Trailers { services: trailers.collect(), ..Trailers::default() },
            ..CommitMessage::default()
        },
    });
    let decisions = services.iter().map(|service| Decision::of(service, DecisionKind::Held, "held"));
    Plan { steps: vec![step], decisions: decisions.collect(), then: Then::Done }
}

fn nothing() -> Plan {
    Plan::nothing(Decision::of(&service(), DecisionKind::Ignored, "no branch"))
}

/// What CodeCommit answers to a commit on a tip that has moved: the refusal, the tip, and whose it is.
fn moved_to(tip: &CommitId) -> [(u16, Value); 3] {
    let person = json!({ "name": "x", "email": "x", "date": "1 +0000" });
    let found = json!({
        "commitId": tip.as_str(), "treeId": "4".repeat(40), "parents": ["9".repeat(40)], "message": "by hand",
        "author": person, "committer": person,
    });
    [
        refused("ParentCommitIdOutdatedException"),
        (200, json!({ "branch": { "branchName": "main", "commitId": tip.as_str() } })),
        (200, json!({ "commit": found })),
    ]
}

fn committed(id: &CommitId) -> (u16, Value) {
    (200, json!({ "commitId": id.as_str() }))
}

type ReadTip = Result<Option<Read<CommitId>>, CallError>;

fn read_of(tip: CommitId) -> ReadTip {
    Ok(Some(Read { facts: tip.clone(), tip, unread: Vec::new() }))
}

#[tokio::test(start_paused = true)]
async fn nothing_to_read_is_said_and_nothing_is_done() {
    let context = context([]);
    let read = async || -> ReadTip { Ok(None) };
    let settled = answer(&context, &[], (Mode::Apply, soon()), read, commits, nothing).await.unwrap();
    assert_eq!((settled.plan, settled.about.tip), (nothing(), None));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_the_plan_and_does_none_of_it() {
    let context = context([]);
    let read = async || read_of(commit("1"));
    let settled = answer(&context, &[], (Mode::DryRun, soon()), read, commits, nothing).await.unwrap();
    assert_eq!((settled.plan, settled.about.commits), (commits(&commit("1")), BTreeMap::new()));
}

#[tokio::test(start_paused = true)]
async fn when_the_tip_has_moved_everything_is_read_and_decided_again() {
    let answers = moved_to(&commit("2")).into_iter().chain([committed(&commit("3"))]);
    let (context, reads) = (context(answers), Cell::new(0));
    let read = async || {
        reads.set(reads.get() + 1);
        read_of(commit(if reads.get() == 1 { "1" } else { "2" }))
    };
    let Settled { plan, about, troubles, .. } =
        answer(&context, &[], (Mode::Apply, soon()), read, commits, nothing).await.unwrap();
    assert_eq!(
        (plan, about.commits, troubles.len()),
        (commits(&commit("2")), BTreeMap::from([(service(), commit("3"))]), 0)
    );
    assert_eq!(reads.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_never_stands_still_is_left_to_the_queue() {
    // What a commit says never changes, and so is asked for once.
    let again = (0..20).flat_map(|_| moved_to(&commit("2")).into_iter().take(2));
    let answers = moved_to(&commit("2")).into_iter().chain(again);
    let (context, reads) = (context(answers), Cell::new(0));
    let read = async || {
        reads.set(reads.get() + 1);
        read_of(commit("1"))
    };
    let unsettled = settle(&context, &[], soon(), read, commits, nothing).await;
    assert_eq!((unsettled, reads.get()), (Unsettled::Everything, 8));
}

/// The records of what was settled, each by its service, its decision or what it is, and its commit.
fn told(lines: &Lines) -> Vec<String> {
    let shown = |line: &String| {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |member: &str| record[member].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", text("service"), text("decision"), text("commit").get(..1).unwrap_or("-"))
    };
    lines.lock().unwrap().iter().map(shown).collect()
}

const CONFLICT: &str = "DirectoryNameConflictsWithFileNameException";

#[tokio::test(start_paused = true)]
async fn a_service_whose_commit_is_not_taken_is_told_and_the_others_are_committed_for() {
    let context =
        context([refused(CONFLICT), committed(&commit("2")), refused(CONFLICT), committed(&commit("3"))]);
    let names = ["cluster1/a", "cluster1/b", "cluster1/c"];
    let read = async || read_of(commit("1"));
    let (lines, decide) = (Lines::default(), |tip: &CommitId| commits_for(&names, tip));
    let settled = settle(&context, &[], soon(), read, decide, nothing);
    assert_eq!(keeping(Arc::clone(&lines), settled).await, Unsettled::Nothing);
    assert_eq!(told(&lines), ["cluster1/a held 2", "cluster1/c held 3", "cluster1/b refused -"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_committed_before_the_branch_moved_is_told_and_the_rest_is_decided_again() {
    let answers = [refused(CONFLICT), committed(&commit("2"))].into_iter();
    let answers = answers.chain(moved_to(&commit("3"))).chain([committed(&commit("4"))]);
    let (context, reads) = (context(answers), Cell::new(0));
    let read = async || {
        reads.set(reads.get() + 1);
        read_of(commit(if reads.get() == 1 { "1" } else { "3" }))
    };
    let decide = |tip: &CommitId| {
        let all = ["cluster1/a", "cluster1/b", "cluster1/c"];
        commits_for(if *tip == commit("1") { &all } else { &["cluster1/b", "cluster1/c"] }, tip)
    };
    let lines = Lines::default();
    let settled = settle(&context, &[], soon(), read, decide, nothing);
    assert_eq!(keeping(Arc::clone(&lines), settled).await, Unsettled::Nothing);
    assert_eq!(told(&lines), ["cluster1/a held 2", "cluster1/b held 4", "cluster1/c held 4"]);
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_nothing_is_begun() {
    let context = context([]);
    let read = async || -> ReadTip { panic!("nothing may be read") };
    let answered = answer(&context, &[], (Mode::Apply, Instant::now()), read, commits, nothing).await;
    assert!(matches!(answered, Err(NotSettled::GaveUp)), "{answered:?}");
}

/// A call that is answered with this code fails so.
async fn trouble(code: &str) -> Unread {
    let (repository, branch) =
        (RepositoryName::parse("deployment").unwrap(), BranchName::parse("main").unwrap());
    let error = context([refused(code)]).clients.branch_tip(&repository, &branch).await.unwrap_err();
    Unread { services: BTreeSet::from([service()]), error }
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_is_answered_and_what_failed_comes_back() {
    let context = context([]);
    let events = [EventId::parse("e-1").unwrap()];
    let only = Unsettled::Services(BTreeSet::from([service()]));
    for (code, expected) in [("AccessDeniedException", Unsettled::Nothing), ("ThrottlingException", only)] {
        let read = async || Ok(Some(Read { facts: (), tip: commit("1"), unread: vec![trouble(code).await] }));
        let unsettled = settle(&context, &events, soon(), read, |()| Plan::default(), nothing).await;
        assert_eq!(unsettled, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_yet_comes_back() {
    let context = context([]);
    let undecided = |(): &()| Plan {
        then: Then::LookAgain,
        ..Plan::nothing(Decision::of(&service(), DecisionKind::Undecided, "not yet"))
    };
    let read = async || Ok(Some(Read { facts: (), tip: commit("1"), unread: Vec::new() }));
    let unsettled = settle(&context, &[], soon(), read, undecided, nothing).await;
    assert_eq!(unsettled, Unsettled::Services(BTreeSet::from([service()])));
}
