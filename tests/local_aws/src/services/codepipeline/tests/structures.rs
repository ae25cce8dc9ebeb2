//! What a pipeline may look like.

use super::*;
use expect_test::expect;

type Change = &'static dyn Fn(&mut Value);

#[test]
fn no_pipelines_are_an_empty_list() {
    let mut tried = Tried::new();
    assert_eq!(tried.call("ListPipelines", json!({})), json!({ "pipelines": [] }));
    assert_eq!(tried.call("DeletePipeline", json!({ "name": "deploy" })), json!({}));
    expect!["PipelineNotFoundException: Account '111111111111' does not have a pipeline with name 'deploy'"]
        .assert_eq(&tried.refusal("GetPipeline", json!({ "name": "deploy" })));
    assert_eq!(tried.world.next_due(), None);
}

#[test]
fn structures_that_cannot_run_are_refused() {
    let mut tried = Tried::new();
    let mut refusals = String::new();
    let changes: [(&str, Change); 16] = [
        ("one stage", &|it| it["stages"].as_array_mut().expect("stages").truncate(1)),
        ("no source", &|it| it["stages"].as_array_mut().expect("stages").reverse()),
        ("same stage", &|it| it["stages"][1]["name"] = json!("Source")),
        ("no store", &|it| drop(it.as_object_mut().expect("a pipeline").remove("artifactStore"))),
        ("no name", &|it| drop(it.as_object_mut().expect("a pipeline").remove("name"))),
        ("bad name", &|it| it["name"] = json!("../x")),
        ("bad role", &|it| it["roleArn"] = json!("pipeline")),
        ("unknown role", &|it| it["roleArn"] = json!("arn:aws:iam::111111111111:role/nobody")),
        ("bad mode", &|it| it["executionMode"] = json!("SERIAL")),
        ("queued V1", &|it| it["pipelineType"] = json!("V1")),
        ("unknown input", &|it| it["stages"][1]["actions"][0]["inputArtifacts"][0]["name"] = json!("Other")),
        ("no service", &|it| drop(configuration(it).remove("ServiceName"))),
        ("odd key", &|it| drop(configuration(it).insert("Region".to_owned(), json!("here")))),
        ("long time-out", &|it| drop(configuration(it).insert("DeploymentTimeout".to_owned(), json!("61")))),
        ("other provider", &|it| it["stages"][1]["actions"][0]["actionTypeId"]["provider"] = json!("S3")),
        ("triggers", &|it| it["triggers"] = json!([])),
    ];
    for (name, change) in changes {
        let mut pipeline = pipeline("QUEUED", &deployment());
        change(&mut pipeline);
        let refusal = tried.refusal("CreatePipeline", json!({ "pipeline": pipeline }));
        refusals.push_str(&format!("{name}: {refusal}\n"));
    }
    expect![[r#"
        one stage: InvalidStructureException: Pipeline 'deploy' has 1 stages; it must have between 2 and 50
        no source: InvalidStructureException: The first stage must have source actions only; 'Deploy' in stage 'Deploy' is none
        same stage: InvalidStageDeclarationException: Two stages have the name 'Source'; stage names must be unique
        no store: InvalidStructureException: Pipeline 'deploy' must have an artifactStore
        no name: ValidationException: 1 validation error detected: Value null at 'pipeline.name' failed to satisfy constraint: Member must not be null
        bad name: ValidationException: 1 validation error detected: Value '../x' at 'pipeline.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9.@\-_]+
        bad role: ValidationException: 1 validation error detected: Value 'pipeline' at 'pipeline.roleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws(-[\w]+)*:iam::[0-9]{12}:role/.*
        unknown role: InvalidStructureException: CodePipeline is not authorized to perform AssumeRole on role arn:aws:iam::111111111111:role/nobody
        bad mode: ValidationException: 1 validation error detected: Value 'SERIAL' at 'pipeline.executionMode' failed to satisfy constraint: Member must satisfy enum value set: [QUEUED, SUPERSEDED, PARALLEL]
        queued V1: InvalidStructureException: The execution mode QUEUED needs the pipeline type V2; pipeline 'deploy' has the type V1
        unknown input: InvalidStructureException: Input artifact 'Other' of action 'Deploy' is no output artifact of an action before it
        no service: InvalidActionDeclarationException: Action configuration for action 'Deploy' is missing required configuration 'ServiceName'
        odd key: InvalidActionDeclarationException: Action configuration for action 'Deploy' contains unknown configuration 'Region'
        long time-out: InvalidActionDeclarationException: Action configuration for action 'Deploy' has the value '61' for 'DeploymentTimeout', which is not allowed
        other provider: NotInLocalAws: the local accounts do not know the codepipeline action type Deploy/AWS/S3/1; AWS may
        triggers: NotInLocalAws: the local accounts do not know this of codepipeline CreatePipeline: unknown field `triggers`, expected one of `name`, `roleArn`, `artifactStore`, `stages`, `version`, `executionMode`, `pipelineType`, `variables`; AWS may
    "#]].assert_eq(&refusals);
}

fn configuration(pipeline: &mut Value) -> &mut serde_json::Map<String, Value> {
    pipeline["stages"][1]["actions"][0]["configuration"].as_object_mut().expect("a configuration")
}

#[test]
fn a_pipeline_is_given_back_as_it_was_made_and_updates_count_its_versions() {
    let mut tried = Tried::new();
    tried.commit(FILE, "[]");
    tried.create("QUEUED", &approval());
    let again = json!({ "pipeline": pipeline("QUEUED", &approval()) });
    expect![
        "PipelineNameInUseException: A pipeline with name 'deploy' already exists in account '111111111111'"
    ]
    .assert_eq(&tried.refusal("CreatePipeline", again.clone()));
    tried.pass_seconds(1);
    assert_eq!(tried.call("UpdatePipeline", again)["pipeline"]["version"], 2);
    expect![[r#"
        1 Cancelled of [c1] by CreatePipeline
            Source Succeeded
            Approve Abandoned
    "#]]
    .assert_eq(&tried.story());
    let shown = tried.call("GetPipeline", json!({ "name": "deploy" }));
    expect![[r#"
        {
          "metadata": {
            "created": 1800000000.0,
            "pipelineArn": "arn:aws:codepipeline:eu-west-1:111111111111:deploy",
            "updated": 1800000001.0
          },
          "pipeline": {
            "artifactStore": {
              "location": "artifacts-1111",
              "type": "S3"
            },
            "executionMode": "QUEUED",
            "name": "deploy",
            "pipelineType": "V2",
            "roleArn": "arn:aws:iam::111111111111:role/pipeline",
            "stages": [
              {
                "actions": [
                  {
                    "actionTypeId": {
                      "category": "Source",
                      "owner": "AWS",
                      "provider": "CodeCommit",
                      "version": "1"
                    },
                    "configuration": {
                      "BranchName": "main",
                      "PollForSourceChanges": "false",
                      "RepositoryName": "deployment"
                    },
                    "inputArtifacts": [],
                    "name": "Source",
                    "outputArtifacts": [
                      {
                        "name": "Source"
                      }
                    ],
                    "runOrder": 1
                  }
                ],
                "name": "Source"
              },
              {
                "actions": [
                  {
                    "actionTypeId": {
                      "category": "Approval",
                      "owner": "AWS",
                      "provider": "Manual",
                      "version": "1"
                    },
                    "configuration": {},
                    "inputArtifacts": [],
                    "name": "Approve",
                    "outputArtifacts": [],
                    "runOrder": 1
                  }
                ],
                "name": "Deploy"
              }
            ],
            "version": 2
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&shown).expect("text"));
    assert_eq!(
        tried.call("GetPipeline", json!({ "name": "deploy", "version": 1 }))["pipeline"]["version"],
        1
    );
    expect!["PipelineVersionNotFoundException: The pipeline 'deploy' has no version 3"]
        .assert_eq(&tried.refusal("GetPipeline", json!({ "name": "deploy", "version": 3 })));
    let mut other = json!({ "pipeline": pipeline("QUEUED", &approval()) });
    other["pipeline"]["name"] = json!("other");
    expect!["InvalidStructureException: Account '111111111111' does not have a pipeline with name 'other'"]
        .assert_eq(&tried.refusal("UpdatePipeline", other));
}

#[test]
fn pipelines_are_listed_in_pages() {
    let mut tried = Tried::new();
    for name in ["a", "b", "c"] {
        let mut pipeline = pipeline("QUEUED", &approval());
        pipeline["name"] = json!(name);
        tried.call("CreatePipeline", json!({ "pipeline": pipeline }));
    }
    let first = tried.call("ListPipelines", json!({ "maxResults": 2 }));
    let names = |page: &Value| -> Vec<String> {
        page["pipelines"].as_array().expect("a list").iter().map(|it| text(&it["name"]).to_owned()).collect()
    };
    assert_eq!(names(&first), ["a", "b"]);
    let second = tried.call("ListPipelines", json!({ "maxResults": 2, "nextToken": first["nextToken"] }));
    assert_eq!(names(&second), ["c"]);
    assert_eq!(second.get("nextToken"), None);
    expect!["InvalidNextTokenException: The next token was specified in an invalid format"]
        .assert_eq(&tried.refusal("ListPipelines", json!({ "nextToken": "x" })));
    expect![[r#"ValidationException: 1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"#]]
        .assert_eq(&tried.refusal("ListPipelines", json!({ "maxResults": 0 })));
}

#[test]
fn tags_are_added_listed_and_removed() {
    let mut tried = Tried::new();
    let arn = "arn:aws:codepipeline:eu-west-1:111111111111:deploy";
    expect!["ResourceNotFoundException: Account '111111111111' does not have a pipeline with name 'deploy'"]
        .assert_eq(&tried.refusal("ListTagsForResource", json!({ "resourceArn": arn })));
    let tags = json!([{ "key": "team", "value": "a" }]);
    let made =
        tried.call("CreatePipeline", json!({ "pipeline": pipeline("QUEUED", &approval()), "tags": tags }));
    assert_eq!(made["tags"], tags);
    tried.call("TagResource", json!({ "resourceArn": arn, "tags": [{ "key": "towpath", "value": "dev" }] }));
    tried.call("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] }));
    let listed = tried.call("ListTagsForResource", json!({ "resourceArn": arn }));
    assert_eq!(listed, json!({ "tags": [{ "key": "towpath", "value": "dev" }] }));
    let other = json!({ "resourceArn": "arn:aws:codepipeline:eu-west-1:222222222222:deploy" });
    expect!["InvalidArnException: 'arn:aws:codepipeline:eu-west-1:222222222222:deploy' is not the ARN of a pipeline in this account and Region"]
        .assert_eq(&tried.refusal("ListTagsForResource", other));
}

#[test]
fn an_operation_that_is_not_here_is_refused_by_name() {
    let mut tried = Tried::new();
    expect!["NotInLocalAws: the local accounts do not know the operation codepipeline PollForJobs; AWS may"]
        .assert_eq(&tried.refusal("PollForJobs", json!({})));
}

#[test]
fn a_pipeline_without_a_type_is_v1_and_takes_no_overrides() {
    let mut tried = Tried::new();
    let commit = tried.commit(FILE, "1");
    let mut pipeline = pipeline("SUPERSEDED", &approval());
    for member in ["pipelineType", "executionMode"] {
        pipeline.as_object_mut().expect("a pipeline").remove(member);
    }
    tried.call("CreatePipeline", json!({ "pipeline": pipeline }));
    let shown = tried.call("GetPipeline", json!({ "name": "deploy" }));
    assert_eq!(shown["pipeline"]["pipelineType"], "V1");
    assert_eq!(shown["pipeline"]["executionMode"], "SUPERSEDED");
    let revision = json!({ "actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit });
    expect![
        "ValidationException: sourceRevisions need the pipeline type V2; pipeline 'deploy' has the type V1"
    ]
    .assert_eq(
        &tried.refusal("StartPipelineExecution", json!({ "name": "deploy", "sourceRevisions": [revision] })),
    );
}
