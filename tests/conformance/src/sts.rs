//! STS and IAM: who calls, and what a role may.

use crate::check::{Check, Verdict};
use crate::expect::{holds, refused, same};
use crate::resources::{GitRepository, Role};
use crate::scene::Scene;
use client::ApiError;
use client::wait::{Seen, until};
use serde_json::json;

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("The caller's identity names account and ARN", identity),
    check("A role that is not there cannot be assumed", missing_role),
    check("A role's session may what its policy says and nothing else", role_session),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("sts", name, run)
}

fn identity(scene: &Scene) -> Verdict {
    let reply = scene.aws.query("sts", "GetCallerIdentity", &[])?;
    same("the account", &reply.text_of("Account"), &Some(scene.account.as_str()))?;
    let arn = reply.text_of("Arn").unwrap_or_default();
    holds(format!("`{arn}` is an ARN of the account"), arn.contains(&format!("::{}:", scene.account)))
}

fn missing_role(scene: &Scene) -> Verdict {
    let arn = format!("arn:aws:iam::{}:role/{}", scene.account, scene.name("missing"));
    refused(scene.aws.assume_role(&arn, "conformance"), &["AccessDenied"])?;
    Ok(())
}

fn role_session(scene: &Scene) -> Verdict {
    let (allowed, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    let (other, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    let resource = scene.arn("codecommit", &allowed.name);
    let statements = json!([{ "Effect": "Allow", "Action": ["codecommit:GetBranch"], "Resource": resource }]);
    let root = format!("arn:aws:iam::{}:root", scene.account);
    let role = Role::new(scene, &json!({ "AWS": root }), &statements)?;
    // A new role can be assumed, and may, only some seconds after it was made.
    let mut last = ApiError::no_reply("not asked yet");
    let waited = until("the new role", scene.patience(), || {
        let branch = json!({ "repositoryName": allowed.name, "branchName": "main" });
        let session = scene.aws.assume_role(&role.arn, "conformance");
        match session.and_then(|aws| aws.call("codecommit", "GetBranch", &branch).map(|_| aws)) {
            Ok(aws) => Seen::Done(Ok(aws)),
            Err(error) if error.code.starts_with("AccessDenied") => {
                last = error;
                Seen::NotYet(last.to_string())
            }
            Err(error) => Seen::Done(Err(error)),
        }
    })?;
    let aws = waited?;
    let identity = aws.query("sts", "GetCallerIdentity", &[])?;
    let arn = format!("arn:aws:sts::{}:assumed-role/{}/conformance", scene.account, role.name);
    same("the session's ARN", &identity.text_of("Arn"), &Some(arn.as_str()))?;
    let branch = json!({ "repositoryName": other.name, "branchName": "main" });
    refused(aws.call("codecommit", "GetBranch", &branch), &["AccessDeniedException"])?;
    let file = json!({ "repositoryName": allowed.name, "filePath": "a" });
    refused(aws.call("codecommit", "GetFile", &file), &["AccessDeniedException"])?;
    Ok(())
}
