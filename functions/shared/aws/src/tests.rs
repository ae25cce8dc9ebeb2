//! The adapter against canned answers: what is tried again, and what a lost reply is taken for.

use crate::codecommit::{Committed, FileChange, NewCommit};
use crate::{Applied, Applying, CallErrorKind, Clients, Connection, Queues, StopCause, Tip};
use aws_credential_types::Credentials;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use domain::decision::DecisionKind;
use domain::names::{
    AccountId, BranchName, CommitId, EnvironmentName, FilePath, ImageDigest, ImageRepositoryName, ImageTag,
    RepositoryName, ServiceId,
};
use domain::plan::{CommitFiles, FileContent, Plan, StartPipeline, Step, TagImage};
use domain::trailers::{CommitMessage, ServiceTrailers, Trailers};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the other side does with one request.
#[derive(Debug)]
enum Answer {
    Reply(u16, String),
    /// Whatever it did, its reply never comes.
    Lost,
}

/// Answers each request with the next canned answer, and remembers the requests.
#[derive(Debug, Clone, Default)]
struct Canned {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        self.requests.lock().unwrap().push((operation.clone(), body));
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| panic!("{operation} was not expected"));
        HttpConnectorFuture::new(async move {
            match answer {
                Answer::Reply(status, text) => {
                    Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(text)))
                }
                Answer::Lost => std::future::pending().await,
            }
        })
    }
}

impl Canned {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    fn clients(&self) -> Clients {
        let connector = SharedHttpConnector::new(self.clone());
        let connection = Connection {
            credentials: Credentials::new("111111111111", "secret", None, None, "test"),
            region: "eu-west-1".to_owned(),
            endpoint_url: Some("http://localhost".to_owned()),
            transfers: connector.clone().into(),
            http_client: http_client_fn(move |_, _| connector.clone()),
            time_source: SharedTimeSource::new(SystemTimeSource::new()),
        };
        Clients::new(&connection, AccountId::parse("111111111111").unwrap())
    }

    /// The operations that were called, in their order; every answer was used.
    fn operations(&self) -> Vec<String> {
        assert!(self.answers.lock().unwrap().is_empty(), "an answer was not asked for");
        self.requests.lock().unwrap().iter().map(|(operation, _)| operation.clone()).collect()
    }

    /// What each request says in this member.
    fn members(&self, name: &str) -> Vec<String> {
        let member = |body: &str| {
            serde_json::from_str::<serde_json::Value>(body).unwrap()[name].as_str().unwrap().to_owned()
        };
        self.requests.lock().unwrap().iter().map(|(_, body)| member(body)).collect()
    }
}

fn json(body: &serde_json::Value) -> Answer {
    Answer::Reply(200, body.to_string())
}

fn refused(code: &str) -> Answer {
    Answer::Reply(400, serde_json::json!({"__type": code, "message": "no"}).to_string())
}

fn xml_throttle() -> Answer {
    let body = "<ThrottlingException>\n  <Message>Rate exceeded</Message>\n</ThrottlingException>\n";
    Answer::Reply(400, body.to_owned())
}

fn id(digit: &str) -> CommitId {
    CommitId::parse(&digit.repeat(40)).unwrap()
}

fn tip(commit: &CommitId) -> Answer {
    json(&serde_json::json!({"branch": {"branchName": "main", "commitId": commit.as_str()}}))
}

fn commit(own: &CommitId, parent: &CommitId, message: &str) -> Answer {
    json(&serde_json::json!({"commit": {
        "commitId": own.as_str(), "treeId": "4".repeat(40), "parents": [parent.as_str()], "message": message,
        "author": {"name": "x", "email": "x", "date": "1 +0000"},
        "committer": {"name": "x", "email": "x", "date": "1 +0000"},
    }}))
}

async fn try_to_commit(canned: &Canned) -> Result<Committed, crate::CallError> {
    let repository = RepositoryName::parse("deployment").unwrap();
    let branch = BranchName::parse("main").unwrap();
    let new = NewCommit {
        repository: &repository,
        branch: &branch,
        parent: &id("1"),
        message: "webapp1: 0012e34\n\nEvent-Id: e-1\n",
        files: vec![FileChange::Put(FilePath::rules(), b"version: 1\n".to_vec())],
    };
    canned.clients().commit(&new).await
}

#[tokio::test(start_paused = true)]
async fn an_xml_throttle_is_tried_again() {
    let canned = Canned::new([xml_throttle(), xml_throttle(), tip(&id("1"))]);
    let (repository, branch) =
        (RepositoryName::parse("deployment").unwrap(), BranchName::parse("main").unwrap());
    let found = canned.clients().branch_tip(&repository, &branch).await.unwrap();
    assert_eq!(found, Some(id("1")));
    assert_eq!(canned.operations(), ["GetBranch"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_does_not_end_is_transient() {
    let canned = Canned::new([xml_throttle(), xml_throttle(), xml_throttle(), xml_throttle()]);
    let (repository, branch) =
        (RepositoryName::parse("deployment").unwrap(), BranchName::parse("main").unwrap());
    let error = canned.clients().branch_tip(&repository, &branch).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Transient);
    assert_eq!(canned.operations().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_is_tried_once_and_told_as_denied() {
    let canned = Canned::new([refused("AccessDeniedException")]);
    let (repository, branch) =
        (RepositoryName::parse("deployment").unwrap(), BranchName::parse("main").unwrap());
    let error = canned.clients().branch_tip(&repository, &branch).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Denied);
    expect_test::expect!["CodeCommit GetBranch for branch main of deployment: AccessDeniedException: no (the caller's role lacks this permission)"].assert_eq(&error.to_string());
    assert_eq!(canned.operations(), ["GetBranch"]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_reply_was_lost_is_found_at_the_tip() {
    let message = "webapp1: 0012e34\n\nEvent-Id: e-1";
    let canned = Canned::new([
        Answer::Lost,
        refused("ParentCommitIdOutdatedException"),
        tip(&id("2")),
        commit(&id("2"), &id("1"), message),
    ]);
    assert_eq!(try_to_commit(&canned).await.unwrap(), Committed::Done(id("2")));
    assert_eq!(canned.operations(), ["CreateCommit", "CreateCommit", "GetBranch", "GetCommit"]);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_commit_is_not_taken_for_ours() {
    for (parent, message) in [("1", "by hand"), ("3", "webapp1: 0012e34\n\nEvent-Id: e-1\n")] {
        let canned = Canned::new([
            Answer::Lost,
            refused("ParentCommitIdOutdatedException"),
            tip(&id("2")),
            commit(&id("2"), &id(parent), message),
        ]);
        assert_eq!(try_to_commit(&canned).await.unwrap(), Committed::TipMoved, "parent {parent}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_effect_that_is_not_at_the_tip_is_transient() {
    let canned = Canned::new([
        Answer::Lost,
        Answer::Lost,
        Answer::Lost,
        Answer::Lost,
        tip(&id("1")),
        commit(&id("1"), &id("0"), "before"),
    ]);
    let error = try_to_commit(&canned).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Transient);
    assert_eq!(canned.operations().last().map(String::as_str), Some("GetCommit"));
}

#[tokio::test(start_paused = true)]
async fn content_that_is_there_already_is_no_change() {
    let canned = Canned::new([refused("NoChangeException")]);
    assert_eq!(try_to_commit(&canned).await.unwrap(), Committed::NoChange);
}

#[tokio::test(start_paused = true)]
async fn a_start_is_repeated_with_its_token() {
    let execution = "417b6f73-99ef-4105-95f1-11ebb1bcade5";
    let canned = Canned::new([Answer::Lost, json(&serde_json::json!({ "pipelineExecutionId": execution }))]);
    let service = ServiceId::parse("cluster1/webapp1").unwrap();
    let repository = RepositoryName::parse("deployment").unwrap();
    let start = StartPipeline {
        token: domain::names::RequestToken::of_start(&repository, &service, &id("1")),
        service,
        pipeline: domain::names::PipelineName::parse("deploy-cluster1-webapp1").unwrap(),
        source_action: domain::names::ActionName::parse("Source").unwrap(),
        commit: id("1"),
    };
    assert_eq!(canned.clients().start_pipeline(&start).await.unwrap().to_string(), execution);
    assert_eq!(canned.operations(), ["StartPipelineExecution"; 2]);
    let requests = canned.requests.lock().unwrap();
    let token = format!("\"clientRequestToken\":\"{}\"", start.token.as_str());
    assert!(requests.iter().all(|(_, body)| body.contains(&token)), "{requests:?}");
}

fn commit_of(own: &str, parents: &[&str], seconds: i64) -> Answer {
    let parents: Vec<String> = parents.iter().map(|parent| parent.repeat(40)).collect();
    let person = serde_json::json!({ "name": "x", "email": "x", "date": format!("{seconds} +0000") });
    json(&serde_json::json!({ "commit": {
        "commitId": own.repeat(40), "treeId": "f".repeat(40), "parents": parents, "message": "m",
        "author": person, "committer": person,
    } }))
}

/// Whether a move from one commit to another was forced, and what it took to know.
async fn forced(old: &str, new: &str, answers: Vec<Answer>) -> (bool, usize) {
    let canned = Canned::new(answers);
    let repository = RepositoryName::parse("deployment").unwrap();
    let forced = canned.clients().is_forced(&repository, &id(old), &id(new)).await.unwrap();
    (forced, canned.operations().len())
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_push_is_known_by_one_call() {
    assert_eq!(forced("1", "2", vec![commit_of("2", &["1"], 20)]).await, (false, 1));
    // A merge, whichever side it was made from.
    assert_eq!(forced("1", "2", vec![commit_of("2", &["5", "1"], 20)]).await, (false, 1));
    let three = vec![commit_of("3", &["2"], 30), commit_of("1", &[], 10), commit_of("2", &["1"], 20)];
    assert_eq!(forced("1", "3", three).await, (false, 3));
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_lost_its_old_tip_was_forced() {
    let back = vec![commit_of("1", &[], 10), commit_of("3", &["2"], 30)];
    assert_eq!(forced("3", "1", back).await, (true, 2));
    let rewritten = vec![commit_of("4", &["1"], 40), commit_of("3", &["1"], 30), commit_of("1", &[], 10)];
    assert_eq!(forced("3", "4", rewritten).await, (true, 3));
    // Far behind the old tip nobody needs to look.
    let day = 24 * 3600;
    let old = vec![commit_of("2", &["1"], 1), commit_of("3", &["2"], 3 * day), commit_of("1", &["0"], 0)];
    assert_eq!(forced("3", "2", old).await, (true, 3));
    let gone = vec![commit_of("2", &["1"], 20), refused("CommitIdDoesNotExistException")];
    assert_eq!(forced("3", "2", gone).await, (true, 2));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_without_a_branch_reads_nothing_more() {
    let canned =
        Canned::new([refused("CommitDoesNotExistException"), refused("BranchDoesNotExistException")]);
    let service = ServiceId::parse("cluster1/webapp1").unwrap();
    let stack = crate::Stack {
        environment: EnvironmentName::parse("dev").unwrap(),
        repository: domain::facts::DeploymentRepository {
            name: RepositoryName::parse("deployment").unwrap(),
            branch: BranchName::parse("main").unwrap(),
        },
        registry: domain::names::EcrRegistry {
            account: AccountId::parse("111111111111").unwrap(),
            region: domain::names::Region::parse("eu-west-1").unwrap(),
        },
        upstream: None,
        pipelines: domain::names::PipelinePattern::parse("deploy-{cluster}-{service}").unwrap(),
        stalled_after: Duration::from_secs(900),
    };
    let now = domain::time::Timestamp::from_epoch_seconds(0);
    let clients = canned.clients();
    let read = Box::pin(crate::facts::read_rollback(&clients, &stack, &service, now)).await.unwrap();
    assert_eq!(read, None);
    assert_eq!(canned.operations(), ["GetFile", "GetBranch"]);
}

#[tokio::test(start_paused = true)]
async fn an_automation_execution_tells_who_started_it() {
    let execution = domain::names::EventId::parse("f3114220-eb2a-47f8-bbae-aaa046d42dc9").unwrap();
    let canned = Canned::new([
        json(&serde_json::json!({ "AutomationExecution": {
            "AutomationExecutionId": execution.as_str(), "DocumentName": "towpath-roll_back",
            "AutomationExecutionStatus": "InProgress", "ExecutedBy": "arn:aws:iam::111111111111:user/mary",
            "Parameters": { "Service": ["webapp1"] },
        } })),
        refused("AutomationExecutionNotFoundException"),
    ]);
    let found = canned.clients().automation_execution(&execution).await.unwrap().unwrap();
    assert_eq!(found.status, domain::facts::AutomationStatus::InProgress);
    assert_eq!((found.document.as_str(), found.parent), ("towpath-roll_back", None));
    assert_eq!(found.executed_by.as_deref(), Some("arn:aws:iam::111111111111:user/mary"));
    assert_eq!(found.parameters.get("Service"), Some(&vec!["webapp1".to_owned()]));
    assert_eq!(canned.clients().automation_execution(&execution).await.unwrap(), None);
}

/// A commit for these services on the first tip.
fn commit_for(names: &[&str]) -> Step {
    let of = |name: &&str| ServiceTrailers {
        service: ServiceId::parse(name).unwrap(),
        decision: Some(DecisionKind::Moved),
        approved_by: Vec::new(),
        containers: Vec::new(),
    };
    let files = names.iter().map(|name| {
        let path = ServiceId::parse(name).unwrap().revision_path();
        FileContent { path, text: "[]".to_owned() }
    });
    let headlines: Vec<String> = names.iter().map(|_| "moved".to_owned()).collect();
    let trailers = Trailers { services: names.iter().map(of).collect(), ..Trailers::default() };
    Step::CommitFiles(CommitFiles {
        repository: RepositoryName::parse("deployment").unwrap(),
        branch: BranchName::parse("main").unwrap(),
        parent: id("1"),
        files: files.collect(),
        message: CommitMessage::of_services(&headlines, trailers),
    })
}

async fn apply(canned: &Canned, plan: &Plan, deadline: Instant) -> Applied {
    let with = Applying {
        environment: &EnvironmentName::parse("prd").unwrap(),
        queues: &Queues::new(),
        upstream: None,
        deadline,
        left_out: &BTreeSet::new(),
        copies: &|_, _| {},
    };
    canned.clients().apply(plan, &with).await
}

/// The services of the steps that were not done, and whether others were in their way.
fn stopped(applied: &Applied) -> Vec<(String, bool)> {
    let stopped = applied.stopped.iter().map(|step| {
        let services: Vec<String> = step.services.iter().map(ToString::to_string).collect();
        (services.join(", "), matches!(step.cause, StopCause::HeldUp { .. }))
    });
    stopped.collect()
}

fn committed(digit: &str) -> Answer {
    json(&serde_json::json!({ "commitId": id(digit).as_str() }))
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test(start_paused = true)]
async fn a_commit_for_several_services_that_is_not_taken_ends_the_plan() {
    let step = commit_for(&["cluster1/one", "cluster1/two"]);
    let plan = Plan { steps: vec![step], ..Plan::default() };
    for (code, tip) in [
        ("DirectoryNameConflictsWithFileNameException", Tip::Rejected),
        ("CommitMessageLengthExceededException", Tip::Rejected),
        ("AccessDeniedException", Tip::Unmoved),
        ("EncryptionKeyUnavailableException", Tip::Unmoved),
        ("BranchDoesNotExistException", Tip::Unmoved),
    ] {
        let canned = Canned::new([refused(code)]);
        let applied = apply(&canned, &plan, later()).await;
        assert_eq!((canned.operations(), applied.tip), (vec!["CreateCommit".to_owned()], tip), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_commit_of_a_plan_is_made_on_the_one_before() {
    let names = ["cluster1/one", "cluster1/two", "cluster1/three"];
    let plan = Plan { steps: names.iter().map(|name| commit_for(&[name])).collect(), ..Plan::default() };
    let answers = || [committed("2"), refused("FileNameConflictsWithDirectoryNameException"), committed("3")];
    let canned = Canned::new(answers());
    let applied = apply(&canned, &plan, later()).await;
    assert_eq!(stopped(&applied), [("cluster1/two".to_owned(), false)]);
    let commits = [("cluster1/one", "2"), ("cluster1/three", "3")];
    let commits = commits.map(|(name, digit)| (ServiceId::parse(name).unwrap(), id(digit)));
    assert_eq!((applied.commits, applied.done), (BTreeMap::from(commits), 2));
    assert_eq!(canned.members("parentCommitId"), [id("1"), id("2"), id("2")].map(|id| id.to_string()));

    let canned = Canned::new(answers().into_iter().take(1));
    let applied = apply(&canned, &plan, Instant::now()).await;
    let expected = [("cluster1/two".to_owned(), true), ("cluster1/three".to_owned(), true)];
    assert_eq!(stopped(&applied), expected, "no further commit is begun when the time is up");
}

/// It was decided without knowing of the first: its whole hold.json may lack what the first one wrote there. Named with the
/// parent that was read, it comes too late, and CodeCommit says so.
#[tokio::test(start_paused = true)]
async fn a_second_commit_for_one_service_is_not_made_on_the_first() {
    let plan = Plan { steps: vec![commit_for(&["cluster1/one"]); 2], ..Plan::default() };
    let canned = Canned::new([committed("2"), committed("3")]);
    let _ = apply(&canned, &plan, later()).await;
    assert_eq!(canned.members("parentCommitId"), [id("1"), id("1")].map(|id| id.to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_tag_cannot_be_put_holds_the_others_up_and_does_not_drop_them() {
    let canned = Canned::new([refused("InvalidParameterException")]);
    let tag = TagImage {
        service: ServiceId::parse("cluster1/one").unwrap(),
        repository: ImageRepositoryName::parse("one").unwrap(),
        digest: ImageDigest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
        tag: ImageTag::parse("1.0.0").unwrap(),
    };
    let steps = vec![Step::TagImage(tag), commit_for(&["cluster1/one", "cluster1/two"])];
    let applied = apply(&canned, &Plan { steps, ..Plan::default() }, later()).await;
    assert_eq!(canned.operations(), ["BatchGetImage"], "nothing is committed");
    assert_eq!(stopped(&applied), [("cluster1/one".to_owned(), false), ("cluster1/two".to_owned(), true)]);
}
