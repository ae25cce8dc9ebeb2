//! Bad input at every door: one clear record, nothing done, nobody else harmed.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{DEV, Failure, RULES, Story};

fn image_pushed(repository: &str, tag: &str) -> String {
    let digest = format!("sha256:{}", "a".repeat(64));
    json!({
        "version": "0", "id": "bad-event", "detail-type": "ECR Image Action", "source": "aws.ecr", "account": DEV,
        "time": "2026-11-21T00:00:00Z", "region": "eu-west-1", "resources": [],
        "detail": { "action-type": "PUSH", "result": "SUCCESS", "repository-name": repository, "image-tag": tag,
                    "image-digest": digest },
    })
    .to_string()
}

#[test]
fn messages_that_nobody_can_read_end_in_the_dead_letter_queue() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    for function in ["on_image_push", "on_commit", "on_deployment_change", "reconcile"] {
        story.send(function, "no JSON")?;
        story.rest()?;
        story.send(function, r#"{"source":"aws.ecr"}"#)?;
    }
    story.rest()?;
    expect![[r#"
        records
          5 × on_image_push: - invalid: the message is no event: expected ident at line 1 column 2
          5 × on_image_push: - invalid: the event has no detail-type
          5 × on_commit: - invalid: the message is no event: expected ident at line 1 column 2
          5 × on_commit: - invalid: the event has no detail-type
          5 × on_deployment_change: - invalid: the message is no event: expected ident at line 1 column 2
          5 × on_deployment_change: - invalid: the event has no detail-type
          5 × reconcile: - invalid: the message is no event: expected ident at line 1 column 2
          5 × reconcile: - invalid: the event has no detail-type
    "#]]
    .assert_eq(&story.told()?);
    for function in ["on_image_push", "on_commit", "on_deployment_change", "reconcile"] {
        assert_eq!(story.dead_letters(function)?, ["no JSON", r#"{"source":"aws.ecr"}"#], "{function}");
    }
    Ok(())
}

#[test]
fn bad_names_are_refused_and_the_rest_of_the_batch_goes_on() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let long = "a".repeat(300);
    let looks_like_a_digest = format!("sha256:{}", "b".repeat(64));
    for (repository, tag) in [
        ("../x", "1111111"),
        ("a/../../b", "1111111"),
        ("", "1111111"),
        (long.as_str(), "1111111"),
        ("a\u{7}\nb", "1111111"),
        ("webapp1", "../x"),
        ("webapp1", long.as_str()),
        ("webapp1", "a\u{1b}[31mb"),
        ("webapp1", looks_like_a_digest.as_str()),
    ] {
        story.send("on_image_push", &image_pushed(repository, tag))?;
    }
    story.push("webapp1", "1111111")?;
    expect![[r#"
        commits
          <commit 2> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 2>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 2> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 2> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 2>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          5 × on_image_push: - invalid: the event's detail.repository-name: "../x" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
          5 × on_image_push: - invalid: the event's detail.repository-name: "a/../../b" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
          5 × on_image_push: - invalid: the event's detail.repository-name: "" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
          5 × on_image_push: - invalid: the event's detail.repository-name: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" (300 characters) is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
          5 × on_image_push: - invalid: the event's detail.repository-name: "a\u{7}\nb" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
          5 × on_image_push: - invalid: the event's detail.image-tag: "../x" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
          on_image_push: - ignored: the tag "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" (300 characters) of webapp1 is longer than any that is pulled
          5 × on_image_push: - invalid: the event's detail.image-tag: "a\u{1b}[31mb" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
          5 × on_image_push: - invalid: the event's detail.image-tag: "<digest 1>" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 1>: cluster1/webapp1: webapp1 → 1111111 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 2>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:1111111>
            - comment at commit <commit 2> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    assert_eq!(story.dead_letters("on_image_push")?.len(), 8);
    Ok(())
}

#[test]
fn broken_rules_stop_what_they_speak_of_and_nothing_else() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.commit("Break all", &[("delivery.yaml", Some("version: 1\nservices: [\n"))])?;
    story.push("webapp1", "1111111")?;
    expect![[r#"
        commits
          <commit 2> Pat Person: Break all
            M delivery.yaml
        records
          on_image_push: - refused (invalid_rules): delivery.yaml, line 2: not YAML: unclosed bracket '['
          on_commit: - ignored: commit <commit 2> changes no revision.json
    "#]]
    .assert_eq(&story.told()?);
    let one_wrong = format!(
        "{RULES}  cluster1/webapp2:\n    containers:\n      webapp2: {{ repository: ../x, select: newest }}\n"
    );
    story.commit("Break one", &[("delivery.yaml", Some(&one_wrong))])?;
    story.push("webapp1", "2222222")?;
    expect![[r#"
        commits
          <commit 3> Pat Person: Break one
            M delivery.yaml
          <commit 4> Towpath: cluster1/webapp1: webapp1 → 2222222
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        runs
          cluster1/webapp1 webapp1@<webapp1:2222222>
        evidence
          <webapp1:2222222> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 4>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (<webapp1:2222222>)
            - commit to deployment main on <commit 3>: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
          on_commit: - ignored: commit <commit 3> changes no revision.json
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 4>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 4>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:2222222>
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn a_broken_revision_or_hold_moves_nothing_until_it_is_mended() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111"])?;
    story.commit("Break it", &[("cluster1/webapp1/revision.json", Some("[{\"name\": 3}]\n"))])?;
    expect![[r#"
        commits
          <commit 3> Pat Person: Break it
            M cluster1/webapp1/revision.json
        records
          on_commit: cluster1/webapp1 refused (invalid_revision): revision.json, entry 1: "name" is 3: expected a text; commit a corrected file
    "#]].assert_eq(&story.told()?);
    story.push("webapp1", "2222222")?;
    expect![[r#"
        records
          on_image_push: cluster1/webapp1 refused (invalid_revision): revision.json, entry 1: "name" is 3: expected a text; commit a corrected file
    "#]].assert_eq(&story.told()?);
    let revision = story.revision("webapp1", "2222222");
    story.commit(
        "Mend it, break the hold",
        &[
            ("cluster1/webapp1/revision.json", Some(&revision)),
            ("cluster1/webapp1/hold.json", Some("{\"version\": 7}\n")),
        ],
    )?;
    story.forget()?;
    story.push("webapp1", "3333333")?;
    expect![[r#"
        records
          on_image_push: cluster1/webapp1 refused (invalid_hold): hold.json has version 7: expected version 1; install a Towpath that knows it; until it is corrected nothing moves this service
    "#]].assert_eq(&story.told()?);
    Ok(())
}
