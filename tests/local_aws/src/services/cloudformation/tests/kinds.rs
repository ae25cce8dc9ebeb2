//! Resource types beside those of the project's own templates.

use super::*;
use crate::services;

const SURROUNDINGS: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Count: { Type: Number, Default: 0 }
  Image: { Type: String, Default: first }
Resources:
  Images:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: webapp1
      ImageTagMutability: IMMUTABLE
      EmptyOnDelete: true
      RepositoryPolicyText:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { AWS: "222222222222" }, Action: "ecr:BatchGetImage" }
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: { ClusterName: cluster1 }
  TaskRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: ecs-tasks.amazonaws.com }, Action: "sts:AssumeRole" }
      ManagedPolicyArns: [!Ref Shared]
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "sqs:SendMessage", Resource: "*" }] }
  Own:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: own
      Roles: [!Ref TaskRole]
      PolicyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "ecr:BatchGetImage", Resource: "*" }] }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: webapp1
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      Cpu: "256"
      Memory: "512"
      ExecutionRoleArn: !GetAtt TaskRole.Arn
      ContainerDefinitions:
        - Name: webapp1
          Image: !Sub "${Images.RepositoryUri}:${Image}"
          Environment: [{ Name: MODE, Value: quiet }]
          DockerLabels: { Team: blue }
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: webapp1
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: !Ref Count
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }
      DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } }
  Bus:
    Type: AWS::Events::EventBus
    Properties: { Name: towpath }
  BusPolicy:
    Type: AWS::Events::EventBusPolicy
    Properties:
      EventBusName: !Ref Bus
      StatementId: upstream
      Statement:
        Effect: Allow
        Principal: { AWS: "222222222222" }
        Action: events:PutEvents
        Resource: !GetAtt Bus.Arn
  FunctionRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" }
  Function:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: on_commit } }
    Properties:
      CodeUri: .
      Handler: bootstrap
      Runtime: provided.al2023
      Role: !GetAtt FunctionRole.Arn
      Events:
        Forwarded:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Bus
            Pattern: { source: [towpath] }
"#;

fn parameters(values: &[(&str, &str)]) -> Value {
    values.iter().map(|(key, value)| json!({"ParameterKey": key, "ParameterValue": value})).collect()
}

fn change(stage: &mut Stage, operation: &str, values: &[(&str, &str)]) -> String {
    stage.world.settings.functions_directory = Some(stage.functions.path().to_owned());
    let input = json!({
        "StackName": "surroundings",
        "TemplateBody": SURROUNDINGS,
        "Parameters": parameters(values),
        "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    });
    stage.call(operation, input).expect("taken");
    stage.status("surroundings")
}

#[test]
fn a_service_and_all_around_it_is_made_changed_and_deleted() {
    let mut stage = Stage::new();
    assert_eq!(change(&mut stage, "CreateStack", &[]), "CREATE_COMPLETE");
    let input = json!({"cluster": "cluster1", "services": ["webapp1"]});
    let service = |stage: &mut Stage| {
        let answer =
            services::ecs::call(&mut stage.world, &administrator(), "DescribeServices", input.clone());
        let answer = answer.expect("a service");
        let service = &answer["services"][0];
        format!("{} {}", service["taskDefinition"], service["desiredCount"])
    };
    let before = service(&mut stage);
    assert_eq!(before, r#""arn:aws:ecs:eu-west-1:111111111111:task-definition/webapp1:1" 0"#);
    let values = [("Image", "second"), ("Count", "1")];
    assert_eq!(change(&mut stage, "UpdateStack", &values), "UPDATE_COMPLETE");
    let after = service(&mut stage);
    assert_eq!(after, r#""arn:aws:ecs:eu-west-1:111111111111:task-definition/webapp1:2" 1"#);

    let input = json!({"taskDefinition": "webapp1:2"});
    let task = services::ecs::call(&mut stage.world, &administrator(), "DescribeTaskDefinition", input)
        .expect("a task definition");
    let container = &task["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(container["dockerLabels"], json!({"Team": "blue"}));
    assert_eq!(container["environment"], json!([{"name": "MODE", "value": "quiet"}]));

    let input = json!({"Name": "towpath"});
    let bus =
        services::events::call(&mut stage.world, &administrator(), "DescribeEventBus", input).expect("a bus");
    assert!(bus["Policy"].as_str().is_some_and(|policy| policy.contains(r#""Sid":"upstream""#)), "{bus}");

    stage.call("DeleteStack", json!({"StackName": "surroundings"})).expect("deleted");
    let left = stage.call("ListStacks", json!({})).expect("a list");
    assert_eq!(left["StackSummaries"][0]["StackStatus"], "DELETE_COMPLETE", "{}", stage_reason(&left));
}

fn stage_reason(stacks: &Value) -> String {
    stacks["StackSummaries"][0]["StackStatusReason"].to_string()
}

#[test]
fn an_event_of_a_function_becomes_a_rule_and_its_permission() {
    let mut stage = Stage::new();
    change(&mut stage, "CreateStack", &[]);
    let resources = stage.call("ListStackResources", json!({"StackName": "surroundings"})).expect("a list");
    let made: Vec<String> = resources["StackResourceSummaries"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|resource| resource["LogicalResourceId"].as_str())
        .filter(|id| id.starts_with("Function"))
        .map(str::to_owned)
        .collect();
    assert_eq!(made, ["FunctionRole", "Function", "FunctionForwarded", "FunctionForwardedPermission"]);
}
