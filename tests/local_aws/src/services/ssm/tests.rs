use crate::caller::Caller;
use crate::services::Service;
use crate::services::testing::{DEV, call, world};
use crate::world::World;
use expect_test::expect;
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "schemaVersion": "0.3",
        "parameters": {
            "Name": { "type": "String", "allowedPattern": "^[a-z]+$" },
            "Dry": { "type": "Boolean", "default": false },
        },
        "outputs": ["Ask.Payload"],
        "mainSteps": [{
            "name": "Ask", "action": "aws:invokeLambdaFunction",
            "inputs": { "FunctionName": "asked", "InputPayload": { "name": "{{ Name }}", "dry": "{{Dry}}" } },
        }],
    })
}

fn create(content: &Value) -> Value {
    json!({ "Name": "ask", "DocumentType": "Automation", "Content": content.to_string() })
}

fn refused(world: &mut World, operation: &str, input: Value) -> String {
    let administrator = Caller::administrator(&DEV.parse().unwrap());
    world.call(&administrator, Service::Ssm, operation, input).unwrap_err().to_string()
}

#[test]
fn an_account_without_documents_lists_none() {
    let mut world = world();
    assert_eq!(
        call(&mut world, Service::Ssm, "ListDocuments", json!({})),
        json!({"DocumentIdentifiers": []})
    );
}

#[test]
fn what_a_document_does_not_take_starts_nothing() {
    let mut world = world();
    call(&mut world, Service::Ssm, "CreateDocument", create(&document()));
    let mut shown = String::new();
    for parameters in [
        json!({}),
        json!({"Name": ["A1"]}),
        json!({"Name": ["a"], "Dry": ["perhaps"]}),
        json!({"Name": ["a"], "Other": ["b"]}),
    ] {
        let input = json!({ "DocumentName": "ask", "Parameters": parameters });
        shown += &format!("{}\n", refused(&mut world, "StartAutomationExecution", input));
    }
    let mut other = document();
    other["mainSteps"][0]["action"] = json!("aws:sleep");
    shown += &format!("{}\n", refused(&mut world, "CreateDocument", create(&other)));
    expect![[r#"
        InvalidAutomationExecutionParametersException: Parameter Name is required and has no value or default
        InvalidAutomationExecutionParametersException: Parameter Name is "A1", which does not match the allowedPattern ^[a-z]+$
        InvalidAutomationExecutionParametersException: Parameter Dry is "perhaps"; expected true or false
        InvalidAutomationExecutionParametersException: Parameter Other is not defined in the Automation document
        NotInLocalAws: the local accounts do not know this of an Automation document: unknown variant `aws:sleep`, expected `aws:invokeLambdaFunction` at line 1 column 35; AWS may
    "#]].assert_eq(&shown);
}

#[test]
fn a_step_whose_function_is_not_there_fails_the_execution() {
    let mut world = world();
    call(&mut world, Service::Ssm, "CreateDocument", create(&document()));
    let input = json!({ "DocumentName": "ask", "Parameters": { "Name": ["a"] } });
    let id =
        call(&mut world, Service::Ssm, "StartAutomationExecution", input)["AutomationExecutionId"].clone();
    let input = json!({ "AutomationExecutionId": id });
    let execution =
        call(&mut world, Service::Ssm, "GetAutomationExecution", input)["AutomationExecution"].clone();
    assert_eq!(execution["AutomationExecutionStatus"], "Failed");
    assert_eq!(execution["StepExecutions"][0]["Inputs"]["Payload"], r#"{"dry":false,"name":"a"}"#);
}
