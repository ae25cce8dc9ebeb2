//! Two accounts: what one may do in the other, and what it may tell it.

use crate::check::{Check, Stop, Verdict};
use crate::expect::{holds, list, refused, same, text};
use crate::listener::{OWN_SOURCE, has};
use crate::resources::{AtEnd, ImageRepository, Queue, Role};
use crate::scene::Scene;
use client::wait::{Seen, until};
use client::{ApiError, Aws, Ecr, Image};
use serde_json::{Value, json};

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A trust may name an account's role in a condition before the role is there", trusted_role),
    check("A role of another account reads the images that it may, and writes none", reading_role),
    check("Another account's registry is closed without a policy of the repository", closed_registry),
    check("Another account's bus takes the events that its policy names", bus),
    check("A rule brings an event to another account's bus, with its own account in it", forwarding),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("accounts", name, run)
}

/// A role of `there` for one role of `here`, which need not be there yet, and the two roles of `here`: the one and
/// another one, which may both assume any role.
struct Roles<'a> {
    reader: Role<'a>,
    the_one: Role<'a>,
    another: Role<'a>,
}

impl<'a> Roles<'a> {
    fn new(here: &'a Scene, there: &'a Scene, statements: &Value) -> Result<Self, Stop> {
        let name = here.name("role");
        let one = format!("arn:aws:iam::{}:role/{name}", here.account);
        let root = json!({ "AWS": format!("arn:aws:iam::{}:root", here.account) });
        let condition = json!({ "ArnEquals": { "aws:PrincipalArn": one } });
        let reader = Role::named(there, there.name("role"), &root, &condition, statements)?;
        let assume = json!([{ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": reader.arn }]);
        let the_one = Role::named(here, name, &root, &json!({}), &assume)?;
        let another = Role::new(here, &root, &assume)?;
        Ok(Self { reader, the_one, another })
    }

    /// The reader's session, by way of the one role.
    fn session(&self, here: &Scene) -> Result<Aws, Stop> {
        let one = become_role(here, &here.aws, &self.the_one.arn)?;
        become_role(here, &one, &self.reader.arn)
    }
}

/// A session of a role that was made just now: it can be assumed only some seconds later.
fn become_role(scene: &Scene, aws: &Aws, arn: &str) -> Result<Aws, Stop> {
    let session = until("the new role", scene.patience(), || match aws.assume_role(arn, "conformance") {
        Err(error) if error.code == "AccessDenied" => Seen::NotYet(error.to_string()),
        other => Seen::Done(other),
    })?;
    Ok(session?)
}

fn trusted_role(here: &Scene) -> Verdict {
    let there = here.other()?;
    let roles = Roles::new(here, there, &json!([{ "Effect": "Allow", "Action": "ecr:*", "Resource": "*" }]))?;
    let session = roles.session(here)?;
    let identity = session.query("sts", "GetCallerIdentity", &[])?;
    let arn = format!("arn:aws:sts::{}:assumed-role/{}/conformance", there.account, roles.reader.name);
    same("the session's ARN", &identity.text_of("Arn"), &Some(arn.as_str()))?;
    let another = become_role(here, &here.aws, &roles.another.arn)?;
    refused(another.assume_role(&roles.reader.arn, "conformance"), &["AccessDenied"])?;
    refused(here.aws.assume_role(&roles.reader.arn, "conformance"), &["AccessDenied"])?;
    refused(there.aws.assume_role(&roles.reader.arn, "conformance"), &["AccessDenied"])?;
    Ok(())
}

fn reading_role(here: &Scene) -> Verdict {
    let there = here.other()?;
    let images = ImageRepository::new(there)?;
    let closed = ImageRepository::new(there)?;
    let digest = images.push(Some("one"), &built("one")?)?;
    let repository = there.arn("ecr", &format!("repository/{}", images.name));
    let actions = ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    let statements = json!([{ "Effect": "Allow", "Action": actions, "Resource": repository }]);
    let roles = Roles::new(here, there, &statements)?;
    let session = roles.session(here)?;
    let ecr = Ecr::new(&session);
    let described = until("the new role's policy", here.patience(), || {
        match ecr.call("DescribeImages", &images.name, json!({})) {
            Err(error) if error.code == "AccessDeniedException" => Seen::NotYet(error.to_string()),
            other => Seen::Done(other),
        }
    })??;
    same("the image's digest", &text(&described, "/imageDetails/0/imageDigest")?, &digest)?;
    let one = json!({ "imageIds": [{ "imageDigest": digest }] });
    let got = ecr.call("BatchGetImage", &images.name, one)?;
    let manifest = text(&got, "/images/0/imageManifest")?;
    let subject = json!({ "subjectId": { "imageDigest": digest } });
    let referrers = ecr.call("ListImageReferrers", &images.name, subject)?;
    same("the referrers, listed with ecr:BatchGetImage alone", &list(&referrers, "/referrers").len(), &0)?;
    let denied = &["AccessDeniedException"];
    let again = json!({ "imageManifest": manifest, "imageTag": "two" });
    refused(ecr.call("PutImage", &images.name, again), denied)?;
    refused(ecr.call("InitiateLayerUpload", &images.name, json!({})), denied)?;
    refused(ecr.call("CreateRepository", &there.name("images"), json!({})), denied)?;
    refused(ecr.call("DescribeImages", &closed.name, json!({})), denied)?;
    refused(session.call("ecr", "GetAuthorizationToken", &json!({})), denied)?;
    refused(session.call("codecommit", "ListRepositories", &json!({})), denied)?;
    Ok(())
}

fn closed_registry(here: &Scene) -> Verdict {
    let there = here.other()?;
    let images = ImageRepository::new(there)?;
    images.push(Some("one"), &built("one")?)?;
    let named = |mut input: Value| {
        if let Some(members) = input.as_object_mut() {
            members.insert("registryId".to_owned(), json!(there.account));
            members.insert("repositoryName".to_owned(), json!(images.name));
        }
        input
    };
    let one = json!({ "imageIds": [{ "imageTag": "one" }] });
    for (operation, input) in [
        ("DescribeImages", json!({})),
        ("BatchGetImage", one.clone()),
        ("InitiateLayerUpload", json!({})),
        ("BatchDeleteImage", one),
    ] {
        refused(here.call("ecr", operation, &named(input)), &["AccessDeniedException"])?;
    }
    Ok(())
}

/// A bus of `there` that takes events of [`OWN_SOURCE`] and of the type `told` from `here`; gives its name and ARN.
fn open_bus(here: &Scene, there: &Scene) -> Result<(String, String), Stop> {
    let name = there.name("bus");
    there.call("events", "CreateEventBus", &json!({ "Name": name }))?;
    let arn = there.arn("events", &format!("event-bus/{name}"));
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "told", "Effect": "Allow", "Action": "events:PutEvents", "Resource": arn,
        "Principal": { "AWS": format!("arn:aws:iam::{}:root", here.account) },
        "Condition": { "StringEquals": { "events:source": OWN_SOURCE, "events:detail-type": "told" } },
    }] });
    let input = json!({ "EventBusName": name, "Policy": policy.to_string() });
    there.call("events", "PutPermission", &input)?;
    Ok((name, arn))
}

fn close_bus(there: &Scene, name: &str) {
    let _ = there.call("events", "DeleteEventBus", &json!({ "Name": name }));
}

fn put(aws: &Aws, bus: &str, source: &str, detail_type: &str) -> Result<Value, ApiError> {
    let entry = json!({
        "EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": r#"{"word":"told"}"#,
    });
    aws.call("events", "PutEvents", &json!({ "Entries": [entry] }))
}

fn bus(here: &Scene) -> Verdict {
    let there = here.other()?;
    let (name, arn) = open_bus(here, there)?;
    let _closes = AtEnd(|| close_bus(there, &name));
    let put_once =
        until("the new bus's policy", here.patience(), || match put(&here.aws, &arn, OWN_SOURCE, "told") {
            Err(error) if error.code == "AccessDeniedException" => Seen::NotYet(error.to_string()),
            other => Seen::Done(other),
        })??;
    same("the events refused", &put_once.get("FailedEntryCount"), &Some(&json!(0)))?;
    let denied = &["AccessDeniedException"];
    refused(put(&here.aws, &arn, OWN_SOURCE, "another type"), denied)?;
    refused(put(&here.aws, &arn, "another.source", "told"), denied)?;
    let default = there.arn("events", "event-bus/default");
    refused(put(&here.aws, &default, OWN_SOURCE, "told"), denied)?;
    Ok(())
}

fn forwarding(here: &Scene) -> Verdict {
    let there = here.other()?;
    let (name, arn) = open_bus(here, there)?;
    let _closes = AtEnd(|| close_bus(there, &name));
    let heard = heard_on(there, &name, &here.account)?;
    let (queue, rule) = (&heard, there.name("rule"));
    let _silent = AtEnd(|| delete_rule(there, "listener", &name));
    let trusted = json!({ "Service": "events.amazonaws.com" });
    let statements = json!([{ "Effect": "Allow", "Action": "events:PutEvents", "Resource": arn }]);
    let role = Role::new(here, &trusted, &statements)?;
    let pattern = json!({ "source": [OWN_SOURCE], "account": [here.account] }).to_string();
    here.call("events", "PutRule", &json!({ "Name": rule, "EventPattern": pattern }))?;
    let _gone = AtEnd(|| delete_rule(here, &rule, "default"));
    let without_role = json!({ "Rule": rule, "Targets": [{ "Id": "queue", "Arn": arn }] });
    refused(here.call("events", "PutTargets", &without_role), &["ValidationException"])?;
    let target = json!({ "Id": "queue", "Arn": arn, "RoleArn": role.arn });
    here.call("events", "PutTargets", &json!({ "Rule": rule, "Targets": [target] }))?;
    let event = until("the forwarded event", here.patience(), || {
        let told = put(&here.aws, "default", OWN_SOURCE, "told").map_err(Stop::from);
        match told.and_then(|_| Ok(queue.receive(1)?)).map(|messages| messages.first().cloned()) {
            Err(stop) => Seen::Done(Err(stop)),
            Ok(None) => Seen::NotYet("no event".to_owned()),
            Ok(Some(message)) => Seen::Done(text(&message, "/Body")),
        }
    })??;
    let event: Value = serde_json::from_str(&event)
        .map_err(|error| Stop::Failed(format!("expected an event, saw {error}: {event}")))?;
    same("the event's account", &text(&event, "/account")?, &here.account)?;
    holds("the event is as it was told", has(&event, "word", "told"))
}

/// A queue that hears what an account tells a bus.
fn heard_on<'a>(there: &'a Scene, bus: &str, account: &str) -> Result<Queue<'a>, Stop> {
    let queue = Queue::new(there, &json!({}))?;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": { "ArnEquals": { "aws:SourceArn": there.arn("events", &format!("rule/{bus}/listener")) } },
    }] });
    queue.call("SetQueueAttributes", json!({ "Attributes": { "Policy": policy.to_string() } }))?;
    let pattern = json!({ "account": [account] }).to_string();
    let rule = json!({ "Name": "listener", "EventBusName": bus, "EventPattern": pattern });
    there.call("events", "PutRule", &rule)?;
    let target = json!({ "Id": "queue", "Arn": queue.arn });
    there.call(
        "events",
        "PutTargets",
        &json!({ "Rule": "listener", "EventBusName": bus, "Targets": [target] }),
    )?;
    Ok(queue)
}

fn delete_rule(scene: &Scene, rule: &str, bus: &str) {
    let targets = json!({ "Rule": rule, "EventBusName": bus, "Ids": ["queue"] });
    let _ = scene.call("events", "RemoveTargets", &targets);
    let _ = scene.call("events", "DeleteRule", &json!({ "Name": rule, "EventBusName": bus }));
}

fn built(version: &str) -> Result<client::Artifact, Stop> {
    Image::new("conformance").version(version).build().map_err(Stop::from)
}
