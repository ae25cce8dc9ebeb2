//! The suite against the local accounts, served as anybody would serve them.

#![cfg(test)]

use client::Aws;
use conformance::answers::Answers;
use conformance::report::Report;
use conformance::{Options, Scene, suite};
use expect_test::expect;
use local_aws::faults::{CallFault, CallFaultKind};
use local_aws::serve;
use local_aws::settings::{Settings, Unconfirmed};
use std::collections::BTreeSet;

const ACCOUNT: &str = "111111111111";
const OTHER_ACCOUNT: &str = "222222222222";

/// Serves two accounts without stacks, while `during` runs.
fn served<T>(settings: Settings, during: impl FnOnce(&serve::Running) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = serve::Options {
        port: 0,
        region: "eu-west-1".to_owned(),
        environments: vec![
            format!("dev={ACCOUNT}").parse().unwrap(),
            format!("stg={OTHER_ACCOUNT}").parse().unwrap(),
        ],
        store: None,
        project: None,
        functions: std::env::temp_dir(),
        settings,
        seed: 1,
    };
    let running = runtime.block_on(serve::start(&options)).unwrap();
    let result = during(&running);
    runtime.block_on(running.stop()).unwrap();
    result
}

/// Runs every check, the services beside each other.
fn run(settings: Settings) -> (Report, Answers) {
    let (parts, left) =
        served(settings, |running| (all_services(&running.endpoint), left_behind(&running.endpoint)));
    assert_eq!(left, Vec::<String>::new());
    let (mut all, mut answers) = (Report::default(), Answers::default());
    for (report, seen) in parts {
        all.ended.extend(report.ended);
        answers.merge(seen);
    }
    assert_eq!(all.ended.len(), suite::checks().len());
    (all, answers)
}

/// The names of this suite that are still there.
fn left_behind(endpoint: &str) -> Vec<String> {
    [ACCOUNT, OTHER_ACCOUNT].into_iter().flat_map(|account| left_in(endpoint, account)).collect()
}

fn left_in(endpoint: &str, account: &str) -> Vec<String> {
    let aws = Aws::local(endpoint, account);
    let listings = [
        ("codecommit", "ListRepositories"),
        ("codepipeline", "ListPipelines"),
        ("ecr", "DescribeRepositories"),
        ("ecs", "ListClusters"),
        ("events", "ListEventBuses"),
        ("events", "ListRules"),
        ("sqs", "ListQueues"),
    ];
    let listed = listings.map(|(service, operation)| {
        let all = aws.call(service, operation, &serde_json::json!({})).unwrap().to_string();
        (format!("{service} {operation}: {all}"), all.contains("conformance-"))
    });
    listed.into_iter().filter(|(_, left)| *left).map(|(listed, _)| listed).collect()
}

fn all_services(endpoint: &str) -> Vec<(Report, Answers)> {
    let services: BTreeSet<&str> = suite::checks().iter().map(|check| check.service).collect();
    std::thread::scope(|threads| {
        let started: Vec<_> =
            services.iter().map(|service| threads.spawn(move || part(endpoint, service))).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn part(endpoint: &str, service: &str) -> (Report, Answers) {
    let scene = |account: &str| Scene::new(Aws::local(endpoint, account), account, Options::default());
    let scene = scene(ACCOUNT).with_other(scene(OTHER_ACCOUNT));
    let report = suite::run(&scene, &format!("{service}: "), |line| println!("{line}"));
    (report, scene.answers())
}

#[test]
fn the_local_accounts_behave_as_aws_does() {
    let (report, answers) = run(Settings::default());
    assert_eq!(report.failed(), Vec::<String>::new());
    expect!["codecommit: Too many calls are throttled ... not tried, because it takes thousands of calls: allow it with --provoke-throttling"].assert_eq(&report.not_tried().join("\n"));
    expect![[r#"
        question                                                              | answer seen
        ----------------------------------------------------------------------+------------
        image-tag in the event of an untagged push: absent or ""?             | ""
        events for the push of an attested index of two platforms?            | 5 events: 4 × child, image-tag ""; 1 × index, image-tag "multi"
        event of another tag on a digest that is there?                       | PUSH
        events of a referrer's push?                                          | ECR Image Action with its own digest; ECR Referrer Action with its own digest
        BatchGetImage by tag without acceptedMediaTypes, of an OCI image?     | as it was pushed
        BatchCheckLayerAvailability of an absent layer?                       | UNAVAILABLE
        the same tag and digest again, tags immutable?                        | ImageAlreadyExistsException
        InitiateLayerUpload's partSize?                                       | 10485760
        lifetime of GetDownloadUrlForLayer's address?                         | 3600 s
        order of ListFileCommitHistory?                                       | newest first
        page of ListFileCommitHistory without maxResults?                     | pages of [3] for 3 versions
        page of GetDifferences without MaxResults?                            | pages of [100, 50] for 150 differences
        a commit message without a line end comes back as?                    | as it was sent
        events for one push of three branches?                                | 3 events
        format of CodeCommit's throttles?                                     | not seen
        a second start with the same clientRequestToken?                      | the same execution
        source revision of an execution right after its start?                | there at once
        version in pipeline events?                                           | 1.0
        event of a rollback execution's start?                                | trigger-type ManualRollback; execution-id, execution-trigger, pipeline, pipeline-execution-attempt, start-time, state, version
        ECS action with a digest and a FileName with folders?                 | Succeeded, deployed
        ECS action with unknown keys in the file?                             | Failed, not deployed
        ECS action with an unknown container name?                            | Failed
        imageDigest of a service revision for an index: its own or a child's? | the index's own
    "#]].assert_eq(&answers.table());
}

#[test]
fn they_do_so_with_every_unconfirmed_fact_the_other_way() {
    let unconfirmed = Unconfirmed {
        untagged_push_has_no_tag_member: true,
        retag_is_silent: true,
        child_push_is_silent: true,
        referrer_push_is_not_an_image_action: true,
        referrer_action_names_its_subject: true,
        pull_by_tag_prefers_docker: true,
        absent_layer_is_a_failure: true,
        same_immutable_tag_is_tag_already_exists: true,
        task_reports_child_digest: true,
        revision_without_digest: true,
        start_token_is_forgotten: true,
        source_revision_comes_late: true,
        codecommit_throttles_in_xml: true,
        history_is_oldest_first: true,
    };
    let (report, answers) = run(Settings { unconfirmed, ..Settings::default() });
    assert_eq!(report.failed(), Vec::<String>::new());
    expect![[r#"
        question                                                              | answer seen
        ----------------------------------------------------------------------+------------
        image-tag in the event of an untagged push: absent or ""?             | no event at all
        events for the push of an attested index of two platforms?            | 1 events: 1 × index, image-tag "multi"
        event of another tag on a digest that is there?                       | none
        events of a referrer's push?                                          | ECR Referrer Action with another digest
        BatchGetImage by tag without acceptedMediaTypes, of an OCI image?     | converted to application/vnd.docker.distribution.manifest.v2+json
        BatchCheckLayerAvailability of an absent layer?                       | a failure, MissingLayerDigest
        the same tag and digest again, tags immutable?                        | ImageTagAlreadyExistsException
        InitiateLayerUpload's partSize?                                       | 10485760
        lifetime of GetDownloadUrlForLayer's address?                         | 3600 s
        order of ListFileCommitHistory?                                       | oldest first
        page of ListFileCommitHistory without maxResults?                     | pages of [3] for 3 versions
        page of GetDifferences without MaxResults?                            | pages of [100, 50] for 150 differences
        a commit message without a line end comes back as?                    | as it was sent
        events for one push of three branches?                                | 3 events
        format of CodeCommit's throttles?                                     | not seen
        a second start with the same clientRequestToken?                      | another execution
        source revision of an execution right after its start?                | not yet there
        version in pipeline events?                                           | 1.0
        event of a rollback execution's start?                                | trigger-type ManualRollback; execution-id, execution-trigger, pipeline, pipeline-execution-attempt, start-time, state, version
        ECS action with a digest and a FileName with folders?                 | Succeeded, deployed
        ECS action with unknown keys in the file?                             | Failed, not deployed
        ECS action with an unknown container name?                            | Failed
        imageDigest of a service revision for an index: its own or a child's? | none
    "#]].assert_eq(&answers.table());
}

#[test]
fn throttles_have_the_format_that_was_chosen() {
    let mut seen = Vec::new();
    for codecommit_throttles_in_xml in [false, true] {
        let unconfirmed = Unconfirmed { codecommit_throttles_in_xml, ..Unconfirmed::default() };
        let (report, answers) = served(Settings { unconfirmed, ..Settings::default() }, |running| {
            running.local.lock().faults.add_call_fault(CallFault {
                service: Some("codecommit".to_owned()),
                operation: Some("GetBranch".to_owned()),
                caller: None,
                skip: 20,
                times: 1,
                what: CallFaultKind::Throttle,
            });
            let options = Options { provoke_throttling: true, ..Options::default() };
            let scene = Scene::new(Aws::local(&running.endpoint, ACCOUNT), ACCOUNT, options);
            (suite::run(&scene, "Too many calls", |_| {}), scene.answers())
        });
        assert_eq!((report.passed(), report.failed()), (1, Vec::new()));
        let table = answers.table();
        seen.push(table.lines().find(|line| line.contains("throttles")).unwrap().to_owned());
    }
    expect![[r#"
        format of CodeCommit's throttles?                                     | JSON, status 400, ThrottlingException
        format of CodeCommit's throttles?                                     | XML, status 400, ThrottlingException"#]].assert_eq(&seen.join("\n"));
}
