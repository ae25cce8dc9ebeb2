use super::*;
use crate::clock::Clock;
use crate::settings::Settings;
use crate::store::Store;
use chrono::DateTime;
use expect_test::expect;

mod kinds;
mod roles;
mod templates;

const DEV: &str = "111111111111";
const NAMED: [&str; 1] = ["CAPABILITY_NAMED_IAM"];

/// A world and the folder of its functions' executables.
struct Stage {
    world: World,
    functions: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let store = Store::temporary().expect("a store");
        let mut world = World::new([dev()], "eu-west-1", Clock::Manual(now), 1, Settings::default(), store);
        world.endpoint = Some("http://127.0.0.1:4566".to_owned());
        let functions = tempfile::tempdir().expect("a folder");
        for name in
            ["on_image_push", "promote_image", "on_commit", "on_deployment_change", "roll_back", "reconcile"]
        {
            std::fs::write(functions.path().join(name), name).expect("an executable");
        }
        Self { world, functions }
    }

    fn call(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        call(&mut self.world, &administrator(), operation, input)
    }

    fn deploy(&mut self, stack: &str, template: &str, parameters: &[(&str, &str)]) -> Result<(), AwsError> {
        let parameters =
            parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        deploy(&mut self.world, &dev(), stack, template, &parameters, self.functions.path())
    }

    /// The project's own templates, and beside them the cluster and service that the pipeline deploys.
    fn deploy_all(&mut self) {
        self.deploy("towpath-deployment-repository", &own("infra/deployment_repository.yaml"), &[])
            .expect("the deployment repository");
        self.deploy("towpath", &own("template.yaml"), &[]).expect("the functions");
        let service = [("Cluster", "cluster1"), ("Service", "webapp1")];
        self.deploy("pipeline", &own("infra/pipeline.yaml"), &service).expect("the pipeline");
    }

    fn create(&mut self, name: &str, template: &str) -> String {
        let input = json!({"StackName": name, "TemplateBody": template, "Capabilities": NAMED});
        match self.call("CreateStack", input) {
            Ok(_) => self.status(name),
            Err(error) => error.to_string(),
        }
    }

    fn update(&mut self, name: &str, template: &str) -> String {
        let input = json!({"StackName": name, "TemplateBody": template, "Capabilities": NAMED});
        match self.call("UpdateStack", input) {
            Ok(_) => self.status(name),
            Err(error) => error.to_string(),
        }
    }

    fn status(&mut self, name: &str) -> String {
        let stacks = self.call("DescribeStacks", json!({"StackName": name})).expect("a stack");
        let stack = &stacks["Stacks"][0];
        let status = stack["StackStatus"].as_str().expect("a status");
        stack["StackStatusReason"]
            .as_str()
            .map_or_else(|| status.to_owned(), |reason| format!("{status}: {reason}"))
    }

    fn events(&mut self, name: &str) -> String {
        let events = self.call("DescribeStackEvents", json!({"StackName": name})).expect("events");
        let mut lines: Vec<String> = events["StackEvents"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| {
                let text = |member: &str| event[member].as_str().unwrap_or_default().to_owned();
                format!("{} {}", text("LogicalResourceId"), text("ResourceStatus"))
            })
            .collect();
        lines.reverse();
        lines.join("\n")
    }
}

fn dev() -> AccountId {
    DEV.parse().expect("an id")
}

fn administrator() -> Caller {
    Caller::administrator(&dev())
}

/// One of the project's own templates.
fn own(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a template")
}

#[test]
fn an_empty_account_has_no_stacks_and_deleting_none_is_no_error() {
    let mut stage = Stage::new();
    assert_eq!(stage.call("DescribeStacks", json!({})).expect("a list")["Stacks"], json!([]));
    stage.call("DeleteStack", json!({"StackName": "none"})).expect("nothing");
    let error = stage.call("DescribeStacks", json!({"StackName": "none"})).expect_err("a refusal");
    assert_eq!(error.to_string(), "ValidationError: Stack with id none does not exist");
}

const QUEUE: &str = r#"
Parameters:
  Name: { Type: String, Default: jobs, AllowedPattern: "[a-z-]+" }
  Seconds: { Type: Number, Default: 30, MaxValue: 100 }
  Twice: { Type: String, Default: "no", AllowedValues: ["yes", "no"] }
Mappings:
  Retention: { short: { seconds: 60 }, long: { seconds: 1209600 } }
Conditions:
  IsTwice: !Equals [!Ref Twice, "yes"]
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${AWS::StackName}-${Name}"
      VisibilityTimeout: !Ref Seconds
      MessageRetentionPeriod: !FindInMap [Retention, !If [IsTwice, long, short], seconds]
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt Dead.Arn
        maxReceiveCount: 5
  Dead:
    Type: AWS::SQS::Queue
  More:
    Type: AWS::SQS::Queue
    Condition: IsTwice
Outputs:
  Joined: { Value: !Join ["|", [!GetAtt Jobs.QueueName, !Select [1, !Split ["-", !Ref Name]]]] }
  Arn: { Value: !GetAtt Jobs.Arn, Export: { Name: !Sub "${AWS::StackName}-arn" } }
"#;

#[test]
fn a_stack_is_made_in_the_order_of_its_references() {
    let mut stage = Stage::new();
    let parameters = json!([{"ParameterKey": "Name", "ParameterValue": "a-b"}]);
    let input = json!({"StackName": "work", "TemplateBody": QUEUE, "Parameters": parameters});
    stage.call("CreateStack", input).expect("a stack");
    expect![[r#"
        work CREATE_IN_PROGRESS
        Dead CREATE_IN_PROGRESS
        Dead CREATE_COMPLETE
        Jobs CREATE_IN_PROGRESS
        Jobs CREATE_COMPLETE
        work CREATE_COMPLETE"#]]
    .assert_eq(&stage.events("work"));
    let outputs = stage.call("DescribeStacks", json!({"StackName": "work"})).expect("a stack");
    expect![[r#"[{"Description":null,"ExportName":"work-arn","OutputKey":"Arn","OutputValue":"arn:aws:sqs:eu-west-1:111111111111:work-a-b"},{"Description":null,"ExportName":null,"OutputKey":"Joined","OutputValue":"work-a-b|b"}]"#]].assert_eq(&outputs["Stacks"][0]["Outputs"].to_string());
}

#[test]
fn an_update_changes_in_place_adds_and_removes_and_says_when_there_is_nothing_to_do() {
    let mut stage = Stage::new();
    let template = QUEUE.replace("Default: jobs", "Default: a-b");
    assert_eq!(stage.create("work", &template), "CREATE_COMPLETE");
    assert_eq!(stage.update("work", &template), "ValidationError: No updates are to be performed.");
    let more =
        template.replace(r#"Default: "no""#, r#"Default: "yes""#).replace("Default: 30", "Default: 31");
    assert_eq!(stage.update("work", &more), "UPDATE_COMPLETE");
    assert_eq!(stage.update("work", &template), "UPDATE_COMPLETE");
    expect![[r#"
        work CREATE_IN_PROGRESS
        Dead CREATE_IN_PROGRESS
        Dead CREATE_COMPLETE
        Jobs CREATE_IN_PROGRESS
        Jobs CREATE_COMPLETE
        work CREATE_COMPLETE
        work UPDATE_IN_PROGRESS
        Jobs UPDATE_IN_PROGRESS
        Jobs UPDATE_COMPLETE
        More CREATE_IN_PROGRESS
        More CREATE_COMPLETE
        work UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        work UPDATE_COMPLETE
        work UPDATE_IN_PROGRESS
        Jobs UPDATE_IN_PROGRESS
        Jobs UPDATE_COMPLETE
        work UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        More DELETE_IN_PROGRESS
        More DELETE_COMPLETE
        work UPDATE_COMPLETE"#]]
    .assert_eq(&stage.events("work"));
}

#[test]
fn what_cannot_be_changed_in_place_is_refused_by_name_and_everything_goes_back() {
    let mut stage = Stage::new();
    let template = QUEUE.replace("Default: jobs", "Default: a-b");
    assert_eq!(stage.create("work", &template), "CREATE_COMPLETE");
    // Dead is changed first and goes back; Jobs would need a new queue.
    let other = template.replace("${AWS::StackName}-${Name}", "other-${Name}").replace(
        "  Dead:\n    Type: AWS::SQS::Queue",
        "  Dead:\n    Type: AWS::SQS::Queue\n    Properties: { DelaySeconds: 1 }",
    );
    expect!["UPDATE_ROLLBACK_COMPLETE: The following resource(s) failed to update: [Jobs]: NotInLocalAws: the local accounts do not know an update that changes QueueName of AWS::SQS::Queue Jobs: give the resource another logical id; AWS may"].assert_eq(&stage.update("work", &other));
    expect![[r#"
        work CREATE_IN_PROGRESS
        Dead CREATE_IN_PROGRESS
        Dead CREATE_COMPLETE
        Jobs CREATE_IN_PROGRESS
        Jobs CREATE_COMPLETE
        work CREATE_COMPLETE
        work UPDATE_IN_PROGRESS
        Dead UPDATE_IN_PROGRESS
        Dead UPDATE_COMPLETE
        Jobs UPDATE_IN_PROGRESS
        Jobs UPDATE_FAILED
        work UPDATE_ROLLBACK_IN_PROGRESS
        Dead UPDATE_COMPLETE
        work UPDATE_ROLLBACK_COMPLETE"#]]
    .assert_eq(&stage.events("work"));
}

#[test]
fn a_stack_that_fails_is_taken_back_whole() {
    let mut stage = Stage::new();
    let template = r#"
Resources:
  A: { Type: AWS::SQS::Queue, Properties: { QueueName: a } }
  B: { Type: AWS::SQS::Queue, DependsOn: A, Properties: { QueueName: b, Visibility: 3 } }
"#;
    expect!["ROLLBACK_COMPLETE: The following resource(s) failed to create: [B]: NotInLocalAws: the local accounts do not know the property Visibility of AWS::SQS::Queue B; AWS may"].assert_eq(&stage.create("work", template));
    expect![[r#"
        work CREATE_IN_PROGRESS
        A CREATE_IN_PROGRESS
        A CREATE_COMPLETE
        B CREATE_IN_PROGRESS
        B CREATE_FAILED
        work ROLLBACK_IN_PROGRESS
        A DELETE_IN_PROGRESS
        A DELETE_COMPLETE
        work ROLLBACK_COMPLETE"#]]
    .assert_eq(&stage.events("work"));
    let queues = crate::services::sqs::call(&mut stage.world, &administrator(), "ListQueues", json!({}));
    assert_eq!(queues.expect("a list").get("QueueUrls").cloned().unwrap_or(json!([])), json!([]));
    assert!(stage.update("work", QUEUE).contains("is in ROLLBACK_COMPLETE state and can not be updated."));
}

#[test]
fn an_export_in_use_holds_its_stack() {
    let mut stage = Stage::new();
    assert_eq!(stage.create("first", &QUEUE.replace("Default: jobs", "Default: a-b")), "CREATE_COMPLETE");
    let second = r#"
Resources:
  Q: { Type: AWS::SQS::Queue }
Outputs:
  Arn: { Value: !ImportValue first-arn }
"#;
    assert_eq!(stage.create("second", second), "CREATE_COMPLETE");
    let error = stage.call("DeleteStack", json!({"StackName": "first"})).expect_err("a refusal");
    assert_eq!(error.message, "Export first-arn cannot be deleted as it is in use by second");
    stage.call("DeleteStack", json!({"StackName": "second"})).expect("deleted");
    stage.call("DeleteStack", json!({"StackName": "first"})).expect("deleted");
    assert_eq!(stage.call("ListExports", json!({})).expect("a list")["Exports"], json!([]));
    let third = stage.create("third", &second.replace("first-arn", "none"));
    assert!(third.starts_with("ROLLBACK_COMPLETE: No export named none found"), "{third}");
}

#[test]
fn what_is_not_done_here_is_refused_by_name() {
    let mut stage = Stage::new();
    let mut refusals = String::new();
    for template in [
        "Resources: { A: { Type: AWS::EC2::Instance } }",
        "Resources: { A: { Type: AWS::SQS::Queue, CreationPolicy: {} } }",
        "Resources: { A: { Type: AWS::SQS::Queue, Properties: { QueueName: !Base64 x } } }",
        "Resources: { A: { Type: AWS::SQS::Queue, Properties: { QueueName: !Ref B } } }",
        "Resources: { A: { Type: AWS::SQS::Queue, DependsOn: B }, B: { Type: AWS::SQS::Queue, DependsOn: A } }",
        "Transform: My::Macro\nResources: { A: { Type: AWS::SQS::Queue } }",
        "Rules: {}\nResources: { A: { Type: AWS::SQS::Queue } }",
        "Resources: {}",
        "Parameters: { P: { Type: String } }\nResources: { A: { Type: AWS::SQS::Queue } }",
        "Parameters: { P: { Type: String, Default: X, AllowedPattern: '[a-z]' } }\nResources: { A: { Type: AWS::SQS::Queue } }",
        "Parameters: { P: { Type: 'AWS::EC2::VPC::Id', Default: X } }\nResources: { A: { Type: AWS::SQS::Queue } }",
    ] {
        let stack = format!("s{}", refusals.lines().count());
        refusals.push_str(&format!("{}\n", stage.create(&stack, template)));
    }
    expect![[r#"
        NotInLocalAws: the local accounts do not know the resource type AWS::EC2::Instance of A; AWS may
        ValidationError: Template format error: Invalid template property or properties: unknown field `CreationPolicy`, expected one of `Type`, `Condition`, `DependsOn`, `DeletionPolicy`, `UpdateReplacePolicy`, `Metadata`, `Properties`
        NotInLocalAws: the local accounts do not know the function Fn::Base64 in a template here; AWS may
        ValidationError: Template format error: Unresolved resource dependencies [B] in the Resources block of the template
        ValidationError: Template format error: Circular dependency between resources: [A, B]
        NotInLocalAws: the local accounts do not know the transform "My::Macro"; AWS may
        NotInLocalAws: the local accounts do not know the template section Rules; AWS may
        ValidationError: Template format error: At least one Resources member must be defined, and at most 500
        ValidationError: Parameters: [P] must have values
        ValidationError: Parameter 'P' is `X`; expected a value that matches [a-z]
        NotInLocalAws: the local accounts do not know the parameter type AWS::EC2::VPC::Id of P; AWS may
    "#]].assert_eq(&refusals);
}

#[test]
fn roles_need_the_capability_to_make_them() {
    let mut stage = Stage::new();
    let input = json!({"StackName": "r", "TemplateBody": own("infra/deployment_repository.yaml")});
    let error = stage.call("CreateStack", input).expect_err("a refusal");
    assert_eq!(
        error.to_string(),
        "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]"
    );
}

#[test]
fn a_change_set_shows_what_it_would_do_and_does_it_once() {
    let mut stage = Stage::new();
    let template = QUEUE.replace("Default: jobs", "Default: a-b");
    let set = |kind: &str, text: &str| json!({"StackName": "work", "ChangeSetName": "c", "ChangeSetType": kind, "TemplateBody": text, "Tags": ""});
    let named = json!({"StackName": "work", "ChangeSetName": "c"});
    stage.call("CreateChangeSet", set("CREATE", &template)).expect("a change set");
    assert_eq!(stage.status("work"), "REVIEW_IN_PROGRESS");
    stage.call("ExecuteChangeSet", named.clone()).expect("carried out");
    assert_eq!(stage.status("work"), "CREATE_COMPLETE");
    assert_eq!(
        stage.call("ExecuteChangeSet", named.clone()).expect_err("a refusal").code,
        "ChangeSetNotFound"
    );

    stage.call("CreateChangeSet", set("UPDATE", &template)).expect("a change set");
    let described = stage.call("DescribeChangeSet", named.clone()).expect("a change set");
    assert_eq!(described["Status"], "FAILED");
    assert!(
        described["StatusReason"].as_str().is_some_and(|reason| reason.contains("didn't contain changes"))
    );
    stage.call("DeleteChangeSet", named.clone()).expect("deleted");

    let changed = template.replace("Default: 30", "Default: 31");
    stage.call("CreateChangeSet", set("UPDATE", &changed)).expect("a change set");
    let described = stage.call("DescribeChangeSet", named.clone()).expect("a change set");
    assert_eq!(described["Changes"][0]["ResourceChange"]["LogicalResourceId"], "Jobs");
    assert_eq!(described["Changes"].as_array().map(Vec::len), Some(1));
    stage.call("ExecuteChangeSet", named).expect("carried out");
    assert_eq!(stage.status("work"), "UPDATE_COMPLETE");
}
