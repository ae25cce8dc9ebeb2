//! Pipelines that checks make. Each goes when its value goes.

use crate::check::Stop;
use crate::expect::{list, text};
use crate::resources::{GitRepository, Role};
use crate::scene::Scene;
use client::ApiError;
use client::wait::{Seen, until};
use serde_json::{Value, json};

/// A pipeline with the role it uses.
#[derive(Debug)]
pub struct Pipeline<'a> {
    /// Its name.
    pub name: String,
    /// The declaration that it was made of.
    pub declaration: Value,
    scene: &'a Scene,
    _role: Option<Role<'a>>,
}

/// A second stage that waits for a person and costs nothing.
pub fn approval_stage() -> Value {
    json!({
        "name": "Approve",
        "actions": [{
            "name": "Approve",
            "actionTypeId": { "category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1" },
        }],
    })
}

/// A second stage that deploys `<cluster>/<service>/revision.json`.
pub fn deploy_stage(cluster: &str, service: &str) -> Value {
    json!({
        "name": "Deploy",
        "actions": [{
            "name": "Deploy",
            "actionTypeId": { "category": "Deploy", "owner": "AWS", "provider": "ECS", "version": "1" },
            "configuration": {
                "ClusterName": cluster,
                "ServiceName": service,
                "FileName": format!("{cluster}/{service}/revision.json"),
                "DeploymentTimeout": "10",
            },
            "inputArtifacts": [{ "name": "Source" }],
        }],
    })
}

impl<'a> Pipeline<'a> {
    /// A V2 pipeline in mode QUEUED: the branch `main` of the repository, then this stage.
    ///
    /// # Errors
    /// What CodePipeline or IAM says; not tried in a real account without a bucket.
    pub fn new(scene: &'a Scene, repository: &GitRepository<'_>, stage: &Value) -> Result<Self, Stop> {
        Self::of_type(scene, repository, stage, "V2", "QUEUED")
    }

    /// The same in another type and mode.
    ///
    /// # Errors
    /// As [`Pipeline::new`].
    pub fn of_type(
        scene: &'a Scene,
        repository: &GitRepository<'_>,
        stage: &Value,
        pipeline_type: &str,
        mode: &str,
    ) -> Result<Self, Stop> {
        let bucket = match &scene.options.artifact_bucket {
            Some(bucket) => bucket.clone(),
            None if scene.is_real() => {
                return Err(Stop::NotTried("a pipeline needs --artifact-bucket".to_owned()));
            }
            None => "conformance-artifacts".to_owned(),
        };
        let (role_arn, role) = match &scene.options.pipeline_role {
            Some(arn) => (arn.clone(), None),
            None => {
                let role = pipeline_role(scene, repository)?;
                (role.arn.clone(), Some(role))
            }
        };
        let name = scene.name("pipeline");
        let declaration = json!({
            "name": name,
            "roleArn": role_arn,
            "pipelineType": pipeline_type,
            "executionMode": mode,
            "artifactStore": { "type": "S3", "location": bucket },
            "stages": [source_stage(&repository.name), stage],
        });
        let input = json!({ "pipeline": declaration });
        // A role that is new cannot be used at once in a real account.
        until("the pipeline's creation", scene.patience(), || {
            match scene.call("codepipeline", "CreatePipeline", &input) {
                Err(error) if role.is_some() && scene.is_real() && error.message.contains("role") => {
                    Seen::NotYet(error.to_string())
                }
                outcome => Seen::Done(outcome),
            }
        })??;
        Ok(Self { name, declaration, scene, _role: role })
    }

    /// One operation that names the pipeline `pipelineName`.
    ///
    /// # Errors
    /// What CodePipeline says.
    pub fn call(&self, operation: &str, mut input: Value) -> Result<Value, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("pipelineName".to_owned(), json!(self.name));
        }
        self.scene.call("codepipeline", operation, &input)
    }

    /// Starts it with these members beside its name.
    ///
    /// # Errors
    /// What CodePipeline says.
    pub fn start(&self, mut input: Value) -> Result<String, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("name".to_owned(), json!(self.name));
        }
        let reply = self.scene.call("codepipeline", "StartPipelineExecution", &input)?;
        Ok(reply.get("pipelineExecutionId").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Starts it at this commit.
    ///
    /// # Errors
    /// What CodePipeline says.
    pub fn start_at(&self, commit: &str) -> Result<String, ApiError> {
        self.start(json!({ "sourceRevisions": [at(commit)] }))
    }

    /// Its executions, newest first.
    ///
    /// # Errors
    /// What CodePipeline says.
    pub fn executions(&self) -> Result<Vec<Value>, Stop> {
        Ok(list(&self.call("ListPipelineExecutions", json!({}))?, "/pipelineExecutionSummaries"))
    }

    /// Waits until this execution is over; its status.
    ///
    /// # Errors
    /// What CodePipeline says; also when it takes too long.
    pub fn ended(&self, execution: &str) -> Result<String, Stop> {
        until("the execution's end", self.scene.patience(), || match self.status(execution) {
            Ok(status) if matches!(status.as_str(), "InProgress" | "Stopping") => Seen::NotYet(status),
            outcome => Seen::Done(outcome),
        })?
    }

    /// The status of this execution.
    ///
    /// # Errors
    /// What CodePipeline says.
    pub fn status(&self, execution: &str) -> Result<String, Stop> {
        let reply = self.call("GetPipelineExecution", json!({ "pipelineExecutionId": execution }))?;
        text(&reply, "/pipelineExecution/status")
    }

    /// Waits until the approval is open for this execution; its token.
    ///
    /// # Errors
    /// What CodePipeline says; also when it takes too long.
    pub fn approval_token(&self, execution: &str) -> Result<String, Stop> {
        until("the open approval", self.scene.patience(), || {
            let state = self.scene.call("codepipeline", "GetPipelineState", &json!({ "name": self.name }));
            match state {
                Err(error) => Seen::Done(Err(Stop::from(error))),
                Ok(state) => {
                    let stage = state.pointer("/stageStates/1").unwrap_or(&Value::Null);
                    let of = stage.pointer("/latestExecution/pipelineExecutionId").and_then(Value::as_str);
                    let token =
                        stage.pointer("/actionStates/0/latestExecution/token").and_then(Value::as_str);
                    match token.filter(|_| of == Some(execution)) {
                        Some(token) => Seen::Done(Ok(token.to_owned())),
                        None => Seen::NotYet(format!("stage at {of:?}")),
                    }
                }
            }
        })?
    }

    /// Answers the approval.
    ///
    /// # Errors
    /// What CodePipeline says.
    pub fn answer(&self, token: &str, status: &str) -> Result<Value, ApiError> {
        let input = json!({
            "stageName": "Approve",
            "actionName": "Approve",
            "token": token,
            "result": { "status": status, "summary": "by the suite" },
        });
        self.call("PutApprovalResult", input)
    }
}

impl Drop for Pipeline<'_> {
    fn drop(&mut self) {
        let _ = self.scene.call("codepipeline", "DeletePipeline", &json!({ "name": self.name }));
    }
}

/// A source revision: this commit.
pub fn at(commit: &str) -> Value {
    json!({ "actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit })
}

fn source_stage(repository: &str) -> Value {
    json!({
        "name": "Source",
        "actions": [{
            "name": "Source",
            "actionTypeId": { "category": "Source", "owner": "AWS", "provider": "CodeCommit", "version": "1" },
            "configuration": {
                "RepositoryName": repository,
                "BranchName": "main",
                "PollForSourceChanges": "false",
            },
            "outputArtifacts": [{ "name": "Source" }],
        }],
    })
}

fn pipeline_role<'a>(scene: &'a Scene, repository: &GitRepository<'_>) -> Result<Role<'a>, Stop> {
    let trusted = json!({ "Service": "codepipeline.amazonaws.com" });
    let allow = |actions: &[&str], resource: &str| json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
    let source = [
        "codecommit:GetBranch",
        "codecommit:GetCommit",
        "codecommit:GetRepository",
        "codecommit:UploadArchive",
        "codecommit:GetUploadArchiveStatus",
        "codecommit:CancelUploadArchive",
    ];
    let deploy = [
        "ecs:DescribeTaskDefinition",
        "ecs:RegisterTaskDefinition",
        "ecs:DescribeServices",
        "ecs:UpdateService",
        "ecs:DescribeTasks",
        "ecs:ListTasks",
        "ecs:TagResource",
    ];
    let bucket = scene.options.artifact_bucket.as_deref().unwrap_or("conformance-artifacts");
    let mut pass_role = allow(&["iam:PassRole"], "*");
    if let Some(members) = pass_role.as_object_mut() {
        let services = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"];
        members
            .insert("Condition".to_owned(), json!({ "StringEquals": { "iam:PassedToService": services } }));
    }
    let statements = json!([
        allow(&source, &scene.arn("codecommit", &repository.name)),
        allow(&deploy, "*"),
        allow(
            &["s3:GetObject", "s3:PutObject", "s3:GetBucketVersioning"],
            &format!("arn:aws:s3:::{bucket}/*")
        ),
        pass_role,
    ]);
    Role::new(scene, &trusted, &statements)
}
