//! What `roll_back` refuses, each with what a person can do.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{Failure, Story};

const ROLL_BACK: &str = "towpath-roll_back";

#[test]
fn a_parameter_that_the_document_does_not_take_is_refused_before_anything_runs() -> Result<(), Failure> {
    let story = Story::start(Settings::default())?;
    for (name, value) in [("Cluster", "../x"), ("To", "a b"), ("Reason", "{{ Cluster }}"), ("Force", "yes")] {
        let error = story.automate(ROLL_BACK, &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains("InvalidAutomationExecutionParametersException"), "{error}");
        assert!(error.contains(name), "{error}");
    }
    Ok(())
}

#[test]
fn a_request_that_cannot_be_read_names_what_is_wrong_with_it() -> Result<(), Failure> {
    let mut story = Story::start(Settings::default())?;
    let mut told = String::new();
    for payload in [
        json!([]),
        json!({ "service": "webapp1", "action": "roll_back", "to": "previous", "reason": "x", "who": "m" }),
        json!({ "service": "cluster1/webapp1", "action": "undo", "reason": "x", "who": "m" }),
        json!({ "service": "cluster1/webapp1", "action": "release", "reason": "x", "force": true }),
    ] {
        let answer = story.ask(&payload)?;
        told += &story.shown(&answer);
    }
    expect![[r#"
        {"errorMessage":"the request is not readable (invalid length 0, expected a JSON object): expected {\"service\": \"<cluster>/<service>\", \"action\": \"roll_back\" or \"release\", \"to\": …, \"reason\": …, \"who\": …, \"dryRun\": false}","errorType":"InvalidRequest"}
        {"errorMessage":"service: \"webapp1\" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _","errorType":"InvalidRequest"}
        {"errorMessage":"action: \"undo\" is not an action: expected roll_back or release","errorType":"InvalidRequest"}
        {"errorMessage":"the request is not readable (unknown field `force`, expected one of `service`, `cluster`, `action`, `to`, `reason`, `automationExecutionId`, `who`, `dryRun`): expected {\"service\": \"<cluster>/<service>\", \"action\": \"roll_back\" or \"release\", \"to\": …, \"reason\": …, \"who\": …, \"dryRun\": false}","errorType":"InvalidRequest"}
    "#]].assert_eq(&told);
    Ok(())
}

#[test]
fn where_there_is_nothing_to_go_back_to_it_says_so() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let mut told = String::new();
    let mut ask = |story: &mut Story, title: &str, more: &[(&str, &str)]| -> Result<(), Failure> {
        story.forget()?;
        let answer = story.automate(ROLL_BACK, more)?;
        told += &format!("{title}\n  {}", story.shown(&answer));
        Ok(())
    };
    ask(&mut story, "a service that nobody knows", &[("Service", "absent")])?;
    ask(&mut story, "a service that was never deployed", &[])?;
    story.push("webapp1", "1111111")?;
    ask(&mut story, "nothing before", &[])?;
    ask(&mut story, "what it runs already", &[("To", "1111111")])?;
    story.push_bad("webapp1", "2222222")?;
    story.push("webapp1", "3333333")?;
    ask(&mut story, "a commit that is not there", &[("To", "0123456789012345678901234567890123456789")])?;
    ask(&mut story, "a tag that never ran", &[("To", "v9")])?;
    ask(&mut story, "an image in quarantine", &[("To", "2222222")])?;
    let gone = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageTag": "1111111" }] });
    story.aws.call("ecr", "BatchDeleteImage", &gone)?;
    ask(&mut story, "an image that is gone", &[("To", "1111111")])?;
    ask(&mut story, "previous, where the only healthy image is gone", &[])?;
    story.commit("?", &[("cluster1/webapp1/hold.json", Some("{"))])?;
    ask(&mut story, "a hold that cannot be read", &[])?;
    expect![[r#"
        a service that nobody knows
          refused (no_revision): there is no cluster1/absent/revision.json at the tip of the deployment branch; commit one to deploy the service
        a service that was never deployed
          refused (no_revision): there is no cluster1/webapp1/revision.json at the tip of the deployment branch; commit one to deploy the service
        nothing before
          refused (no_healthy_revision): no earlier revision is known to be healthy; a person has to choose one
        what it runs already
          nothing: git says this revision already
        a commit that is not there
          refused (target_unknown): "<commit 6>" fits none of the 3 earlier revisions; name previous, or one of these commits: <commit 4>, <commit 3>, <commit 2>
        a tag that never ran
          refused (target_unknown): "v9" fits none of the 3 earlier revisions; name previous, or one of these commits: <commit 4>, <commit 3>, <commit 2>
        an image in quarantine
          refused (target_quarantined): container webapp1: <webapp1:2222222> is in quarantine (since <time>: container webapp1 exited with code 1 (Essential container in task exited)); choose another revision, or release it first: run the document towpath-release for cluster1/webapp1 --to <webapp1:2222222>
        an image that is gone
          refused (image_gone): container webapp1: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:1111111> is not in the registry any more; push it again, or roll back to another revision
        previous, where the only healthy image is gone
          refused (no_healthy_revision): no earlier revision is known to be healthy; a person has to choose one
        a hold that cannot be read
          refused (invalid_hold): hold.json cannot be read: EOF while parsing an object at line 1 column 1; until it is corrected nothing moves this service
    "#]].assert_eq(&told);
    Ok(())
}

#[test]
fn an_ambiguous_name_and_an_image_of_another_registry() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let elsewhere = json!([{ "name": "webapp1", "imageUri": "registry.example/webapp1:1" }]).to_string();
    let path = "cluster1/webapp1/revision.json";
    story.push("webapp1", "1111111")?;
    let from_elsewhere = story.commit("From elsewhere", &[(path, Some(&elsewhere))])?;
    let image = story.push("webapp1", "2222222")?;
    story.commit("By hand", &[(path, Some(&story.revision("webapp1", &image)))])?;
    // The first image gets a tag that looks like that commit.
    let digits = from_elsewhere.get(..7).unwrap_or_default().to_owned();
    let asked = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageTag": "1111111" }] });
    let found = story.aws.call("ecr", "BatchGetImage", &asked)?;
    let manifest = found.pointer("/images/0/imageManifest").cloned().unwrap_or_default();
    let input = json!({ "repositoryName": "webapp1", "imageManifest": manifest, "imageTag": digits });
    story.aws.call("ecr", "PutImage", &input)?;
    story.rest()?;
    story.forget()?;
    let mut told = String::new();
    for more in [[("To", digits.as_str()), ("DryRun", "true")], [("To", &from_elsewhere), ("DryRun", "true")]]
    {
        let answer = story.automate(ROLL_BACK, &more)?;
        told += &story.shown(&answer);
    }
    expect![[r#"
        refused (target_ambiguous): "<commit 3>" fits several earlier revisions (<commit 3>, <commit 2>); name one of these commits
        rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 3>, which was never verified here; whether registry.example/webapp1:1 is still there cannot be seen from here; in quarantine now: webapp1 <webapp1:2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&told);
    Ok(())
}
