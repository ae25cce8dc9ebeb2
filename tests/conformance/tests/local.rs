//! The suite against the local accounts, served as anybody would serve them.

use client::Aws;
use conformance::{Options, Scene, suite};
use local_aws::serve;
use local_aws::settings::{Settings, Unconfirmed};

const ACCOUNT: &str = "111111111111";

/// Serves one account without stacks, and runs the checks whose line contains `only`.
fn run(settings: Settings, only: &str) -> (conformance::report::Report, conformance::answers::Answers) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let running = runtime
        .block_on(serve::start(&serve::Options {
            port: 0,
            region: "eu-west-1".to_owned(),
            environments: vec![format!("dev={ACCOUNT}").parse().unwrap()],
            store: None,
            project: None,
            functions: std::env::temp_dir(),
            settings,
            seed: 1,
        }))
        .unwrap();
    let scene = Scene::new(Aws::local(&running.endpoint, ACCOUNT), ACCOUNT, Options::default());
    let report = suite::run(&scene, only, |line| println!("{line}"));
    runtime.block_on(running.stop()).unwrap();
    (report, scene.answers())
}

#[test]
fn the_local_accounts_behave_as_aws_does() {
    let (report, answers) = run(Settings::default(), "");
    println!("{}", answers.table());
    assert_eq!(report.failed(), Vec::<String>::new());
    let not_tried = report.not_tried();
    expect_test::expect![[""]].assert_eq(&not_tried.join("\n"));
    assert!(report.passed() > 100, "{}", report.closing_line());
}

#[test]
fn they_behave_so_with_every_unconfirmed_fact_the_other_way() {
    let unconfirmed = Unconfirmed {
        untagged_push_has_no_tag_member: true,
        retag_is_silent: true,
        child_push_is_silent: true,
        referrer_push_is_not_an_image_action: true,
        absent_layer_is_a_failure: true,
        same_immutable_tag_is_tag_already_exists: true,
        task_reports_child_digest: true,
        revision_without_digest: false,
        start_token_is_forgotten: true,
        source_revision_comes_late: true,
        codecommit_throttles_in_xml: true,
        history_is_oldest_first: true,
        ..Unconfirmed::default()
    };
    let (report, answers) = run(Settings { unconfirmed, ..Settings::default() }, "");
    println!("{}", answers.table());
    assert_eq!(report.failed(), Vec::<String>::new());
}
