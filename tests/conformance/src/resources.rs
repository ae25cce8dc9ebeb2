//! What checks make. Each goes when its value goes, whatever the check's end.

use crate::check::Stop;
use crate::expect::text;
use crate::scene::Scene;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{ApiError, Artifact};
use serde_json::{Value, json};

/// A CodeCommit repository.
#[derive(Debug)]
pub struct GitRepository<'a> {
    /// Its name.
    pub name: String,
    scene: &'a Scene,
}

impl<'a> GitRepository<'a> {
    /// An empty one.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn new(scene: &'a Scene) -> Result<Self, Stop> {
        let name = scene.name("git");
        scene.call("codecommit", "CreateRepository", &json!({ "repositoryName": name }))?;
        Ok(Self { name, scene })
    }

    /// One with a first commit of these files on `main`; gives the commit id too.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn with_files(scene: &'a Scene, files: &[(&str, &str)]) -> Result<(Self, String), Stop> {
        let repository = Self::new(scene)?;
        let commit = repository.commit(None, files, "Add files")?;
        Ok((repository, commit))
    }

    /// One operation on it.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn call(&self, operation: &str, mut input: Value) -> Result<Value, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("repositoryName".to_owned(), json!(self.name));
        }
        self.scene.call("codecommit", operation, &input)
    }

    /// A commit of these files on `main`; its id.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn commit(
        &self,
        parent: Option<&str>,
        files: &[(&str, &str)],
        message: &str,
    ) -> Result<String, ApiError> {
        let put: Vec<Value> =
            files.iter().map(|(path, content)| put_file(path, content.as_bytes())).collect();
        let reply = self.create_commit(parent, json!({ "putFiles": put, "commitMessage": message }))?;
        Ok(reply.get("commitId").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// `CreateCommit` on `main` with these members beside repository, branch and parent.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn create_commit(&self, parent: Option<&str>, mut input: Value) -> Result<Value, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("branchName".to_owned(), json!("main"));
            if let Some(parent) = parent {
                members.insert("parentCommitId".to_owned(), json!(parent));
            }
        }
        self.call("CreateCommit", input)
    }

    /// The commit that `main` stands at.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn tip(&self) -> Result<String, Stop> {
        text(&self.call("GetBranch", json!({ "branchName": "main" }))?, "/branch/commitId")
    }
}

impl Drop for GitRepository<'_> {
    fn drop(&mut self) {
        let _ = self.call("DeleteRepository", json!({}));
    }
}

/// An entry of `putFiles`.
pub fn put_file(path: &str, content: &[u8]) -> Value {
    json!({ "filePath": path, "fileMode": "NORMAL", "fileContent": STANDARD.encode(content) })
}

/// An ECR repository.
#[derive(Debug)]
pub struct ImageRepository<'a> {
    /// Its name.
    pub name: String,
    scene: &'a Scene,
}

impl<'a> ImageRepository<'a> {
    /// An empty one with mutable tags.
    ///
    /// # Errors
    /// What ECR says.
    pub fn new(scene: &'a Scene) -> Result<Self, Stop> {
        Self::with(scene, json!({}))
    }

    /// An empty one with these settings.
    ///
    /// # Errors
    /// What ECR says.
    pub fn with(scene: &'a Scene, settings: Value) -> Result<Self, Stop> {
        let name = scene.name("images");
        scene.ecr().call("CreateRepository", &name, settings)?;
        Ok(Self { name, scene })
    }

    /// One operation on it.
    ///
    /// # Errors
    /// What ECR says.
    pub fn call(&self, operation: &str, input: Value) -> Result<Value, ApiError> {
        self.scene.ecr().call(operation, &self.name, input)
    }

    /// Pushes through ECR's operations; the digest.
    ///
    /// # Errors
    /// What ECR says.
    pub fn push(&self, tag: Option<&str>, artifact: &Artifact) -> Result<String, ApiError> {
        self.scene.ecr().push(&self.name, tag, artifact)
    }

    /// Its address in image names.
    pub fn uri(&self) -> String {
        format!("{}.dkr.ecr.{}.amazonaws.com/{}", self.scene.account, self.scene.aws.region, self.name)
    }
}

impl Drop for ImageRepository<'_> {
    fn drop(&mut self) {
        let _ = self.call("DeleteRepository", json!({ "force": true }));
    }
}

/// An SQS queue.
#[derive(Debug)]
pub struct Queue<'a> {
    /// Its address.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    scene: &'a Scene,
}

impl<'a> Queue<'a> {
    /// One with these attributes.
    ///
    /// # Errors
    /// What SQS says.
    pub fn new(scene: &'a Scene, attributes: &Value) -> Result<Self, Stop> {
        let name = scene.name("queue");
        let input = json!({ "QueueName": name, "Attributes": attributes });
        let url = text(&scene.call("sqs", "CreateQueue", &input)?, "/QueueUrl")?;
        Ok(Self { url, arn: scene.arn("sqs", &name), scene })
    }

    /// One operation on it.
    ///
    /// # Errors
    /// What SQS says.
    pub fn call(&self, operation: &str, mut input: Value) -> Result<Value, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("QueueUrl".to_owned(), json!(self.url));
        }
        self.scene.call("sqs", operation, &input)
    }

    /// What can be received now, at most ten, waiting up to `seconds` for the first.
    ///
    /// # Errors
    /// What SQS says.
    pub fn receive(&self, seconds: u32) -> Result<Vec<Value>, ApiError> {
        let input = json!({
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": seconds,
            "AttributeNames": ["ApproximateReceiveCount"],
        });
        Ok(crate::expect::list(&self.call("ReceiveMessage", input)?, "/Messages"))
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        let _ = self.call("DeleteQueue", json!({}));
    }
}

/// A role with one inline policy.
#[derive(Debug)]
pub struct Role<'a> {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    scene: &'a Scene,
}

impl<'a> Role<'a> {
    /// A role that `trusted` (the value of a policy's `Principal`) may take, with these statements.
    ///
    /// # Errors
    /// What IAM says.
    pub fn new(scene: &'a Scene, trusted: &Value, statements: &Value) -> Result<Self, Stop> {
        Self::named(scene, scene.name("role"), trusted, &json!({}), statements)
    }

    /// [`Role::new`] of this name, and only under this condition.
    ///
    /// # Errors
    /// What IAM says.
    pub fn named(
        scene: &'a Scene,
        name: String,
        trusted: &Value,
        condition: &Value,
        statements: &Value,
    ) -> Result<Self, Stop> {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole", "Condition": condition,
            }],
        });
        let trust = trust.to_string();
        let input = [("RoleName", name.as_str()), ("AssumeRolePolicyDocument", &trust)];
        scene.aws.query("iam", "CreateRole", &input)?;
        let arn = format!("arn:aws:iam::{}:role/{name}", scene.account);
        let role = Self { name, arn, scene };
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let input = [("RoleName", role.name.as_str()), ("PolicyName", "p"), ("PolicyDocument", &policy)];
        scene.aws.query("iam", "PutRolePolicy", &input)?;
        Ok(role)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let input = [("RoleName", self.name.as_str()), ("PolicyName", "p")];
        let _ = self.scene.aws.query("iam", "DeleteRolePolicy", &input);
        let _ = self.scene.aws.query("iam", "DeleteRole", &[("RoleName", self.name.as_str())]);
    }
}

/// Calls this when it goes.
pub struct AtEnd<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<F: FnMut()> std::fmt::Debug for AtEnd<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AtEnd")
    }
}
