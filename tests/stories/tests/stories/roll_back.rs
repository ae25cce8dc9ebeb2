//! A person goes back through the console's door, and what was left stays away.

#![expect(clippy::indexing_slicing, reason = "an answer without the member fails the story")]

use local_aws::settings::Settings;
use serde_json::{Value, json};
use stories::{Failure, Story};

/// Starts an Automation document on the service, lets everything happen, and gives the function's answer.
fn automate(story: &Story, document: &str, more: &[(&str, &str)]) -> Result<Value, Failure> {
    let mut parameters =
        json!({ "Cluster": ["cluster1"], "Service": ["webapp1"], "Reason": ["it answers 500"] });
    for (name, value) in more {
        parameters[*name] = json!([value]);
    }
    let input = json!({ "DocumentName": document, "Parameters": parameters });
    let started = story.aws.call("ssm", "StartAutomationExecution", &input)?;
    story.rest()?;
    let asked = json!({ "AutomationExecutionId": started["AutomationExecutionId"] });
    let execution = story.aws.call("ssm", "GetAutomationExecution", &asked)?["AutomationExecution"].clone();
    if execution["AutomationExecutionStatus"] != "Success" {
        return Err(execution.to_string().into());
    }
    let outputs = execution["Outputs"].as_object().ok_or("no outputs")?;
    let payload = outputs.values().next().and_then(|values| values[0].as_str()).ok_or("no payload")?;
    Ok(serde_json::from_str(payload)?)
}

/// What git, ECS and the hold say of the service.
fn runs(story: &Story) -> Result<String, Failure> {
    let asked = json!({ "cluster": "cluster1", "services": ["webapp1"] });
    let service = story.aws.call("ecs", "DescribeServices", &asked)?["services"][0].clone();
    let asked = json!({ "serviceRevisionArns": [service["currentServiceRevisions"][0]["arn"]] });
    let revision = story.aws.call("ecs", "DescribeServiceRevisions", &asked)?;
    Ok(revision["serviceRevisions"][0]["containerImages"][0]["image"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_rollback_through_the_console_holds_until_it_is_released() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let good = story.push("webapp1", "1111111")?;
    let bad = story.push("webapp1", "2222222")?;
    let before = story.file("cluster1/webapp1/revision.json")?;

    let told = automate(&story, "towpath-roll_back", &[("DryRun", "true")])?;
    assert_eq!((&told["decision"], &told["dryRun"]), (&json!("rolled_back"), &json!(true)), "{told}");
    assert_eq!(story.file("cluster1/webapp1/revision.json")?, before);

    let told = automate(&story, "towpath-roll_back", &[("Who", "mary")])?;
    assert_eq!(told["decision"], "rolled_back", "{told}");
    assert!(told["commit"].is_string(), "{told}");
    let revision = story.file("cluster1/webapp1/revision.json")?;
    let hold = story.file("cluster1/webapp1/hold.json")?;
    assert!(revision.contains("<webapp1:1111111>"), "{revision}");
    for expected in ["\"hold\"", "user/administrator", "it answers 500", "<webapp1:2222222>"] {
        assert!(hold.contains(expected), "{expected} in {hold}");
    }
    assert!(runs(&story)?.ends_with(&good), "{}", runs(&story)?);

    // The bad image's push comes again, and the sweeps run.
    let event = json!({
        "version": "0", "id": "5f6ec4d5-4de4-7aad-a046-56d5cfe1df0e", "detail-type": "ECR Image Action",
        "source": "aws.ecr", "account": "111111111111", "time": "2026-11-21T05:00:00Z", "region": "eu-west-1",
        "resources": [],
        "detail": {
            "result": "SUCCESS", "repository-name": "webapp1", "image-digest": bad, "action-type": "PUSH",
            "image-tag": "2222222",
        },
    });
    story.send("on_image_push", &event.to_string())?;
    story.rest()?;
    story.sweep()?;
    story.sweep()?;
    // Nor does a newer push that nobody asked for move it.
    let newer = story.push("webapp1", "3333333")?;
    assert_eq!(story.file("cluster1/webapp1/revision.json")?, revision);
    assert_eq!(story.file("cluster1/webapp1/hold.json")?, hold);
    assert!(runs(&story)?.ends_with(&good));

    let told = automate(&story, "towpath-roll_back", &[("To", &bad)])?;
    assert_eq!(told["refusal"], "target_quarantined", "{told}");

    let told = automate(&story, "towpath-release", &[("To", "hold")])?;
    assert_eq!(told["decision"], "released", "{told}");
    story.sweep()?;
    assert!(story.file("cluster1/webapp1/revision.json")?.contains("<webapp1:3333333>"));
    assert!(runs(&story)?.ends_with(&newer));
    Ok(())
}

#[test]
fn a_parameter_that_the_document_does_not_take_is_refused_before_anything_runs() -> Result<(), Failure> {
    let story = Story::start(Settings::default())?;
    for (name, value) in [("Cluster", "../x"), ("To", "a b"), ("Reason", "{{ Cluster }}"), ("Force", "yes")] {
        let error = automate(&story, "towpath-roll_back", &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains("InvalidAutomationExecutionParametersException"), "{error}");
        assert!(error.contains(name), "{error}");
    }
    Ok(())
}
