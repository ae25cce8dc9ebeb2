//! ECS: services, their deployments and revisions.

use crate::answers::Question;
use crate::check::{Check, Stop, Verdict};
use crate::expect::{holds, list, number, refused, same, text, texts};
use crate::resources::ImageRepository;
use crate::scene::Scene;
use crate::services::{CONTAINER, Cluster, Family, Service};
use client::wait::{Seen, until};
use client::{Image, Index};
use serde_json::{Value, json};

/// An image that anybody may pull; without tasks nobody does.
const PUBLIC_IMAGE: &str = "public.ecr.aws/docker/library/busybox:stable";

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A service that is not there is MISSING, not an error", missing_service),
    check("At most ten services are described at once", too_many_services),
    check("A cluster that is not there has its own code", missing_cluster),
    check("A service that is not there cannot be updated", update_missing_service),
    check("Task definitions of a family are numbered", task_definitions),
    check("A service needs a task definition that is there", missing_task_definition),
    check("A service's name is taken once", service_names),
    check("A service without tasks is deployed at once", deployed_at_once),
    check("An update makes a new deployment and a new revision", update),
    check("A forced deployment is one, even of the same task definition", forced_deployment),
    check("A deployment that is over cannot be stopped", stop_finished),
    check("A deployment that is not there has its own code", missing_deployment),
    check("A deleted service is told as such", deleted_service),
    check("Tasks that crash let the circuit breaker roll back", circuit_breaker),
    check("A revision tells the digest that runs", digest_of_revision),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("ecs", name, run)
}

fn missing_service(scene: &Scene) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let name = scene.name("missing");
    let reply = cluster.call("DescribeServices", json!({ "services": [name] }))?;
    same("the services", &list(&reply, "/services").len(), &0)?;
    same("the reason", &texts(&reply, "/failures", "reason"), &["MISSING"])?;
    let arn = text(&reply, "/failures/0/arn")?;
    holds(format!("`{arn}` names the service"), arn.ends_with(&name))
}

fn too_many_services(scene: &Scene) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let names: Vec<String> = (0..11).map(|number| format!("service-{number}")).collect();
    let many = cluster.call("DescribeServices", json!({ "services": names }));
    refused(many, &["InvalidParameterException"])?;
    let none = cluster.call("DescribeServices", json!({ "services": [] }));
    refused(none, &["InvalidParameterException"])?;
    Ok(())
}

fn missing_cluster(scene: &Scene) -> Verdict {
    let cluster = scene.name("missing");
    let described = scene.call("ecs", "DescribeServices", &json!({ "cluster": cluster, "services": ["x"] }));
    refused(described, &["ClusterNotFoundException"])?;
    let clusters = scene.call("ecs", "DescribeClusters", &json!({ "clusters": [cluster] }))?;
    same("the reason", &texts(&clusters, "/failures", "reason"), &["MISSING"])
}

fn update_missing_service(scene: &Scene) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let name = scene.name("missing");
    let updated = cluster.call("UpdateService", json!({ "service": name, "desiredCount": 0 }));
    refused(updated, &["ServiceNotFoundException"])?;
    let listed = cluster.call("ListServiceDeployments", json!({ "service": name }));
    refused(listed, &["ServiceNotFoundException"])?;
    Ok(())
}

fn task_definitions(scene: &Scene) -> Verdict {
    let family = Family::new(scene);
    let (first, second) = (family.register("busybox:1")?, family.register("busybox:2")?);
    holds(format!("`{first}` is revision 1"), first.ends_with(&format!("{}:1", family.name)))?;
    holds(format!("`{second}` is revision 2"), second.ends_with(&format!("{}:2", family.name)))?;
    let newest = scene.call("ecs", "DescribeTaskDefinition", &json!({ "taskDefinition": family.name }))?;
    same("the family's newest", &text(&newest, "/taskDefinition/taskDefinitionArn")?, &second)?;
    let image = text(&newest, "/taskDefinition/containerDefinitions/0/image")?;
    same("its image", &image, &"busybox:2")?;
    same("its status", &text(&newest, "/taskDefinition/status")?, &"ACTIVE")?;
    let gone = scene.call("ecs", "DeregisterTaskDefinition", &json!({ "taskDefinition": first }))?;
    same("the status after deregistration", &text(&gone, "/taskDefinition/status")?, &"INACTIVE")?;
    let missing = json!({ "taskDefinition": format!("{}:9", family.name) });
    refused(scene.call("ecs", "DescribeTaskDefinition", &missing), &["ClientException"])?;
    let bad = json!({ "family": "bad family", "containerDefinitions": [] });
    let codes = ["ClientException", "InvalidParameterException"];
    refused(scene.call("ecs", "RegisterTaskDefinition", &bad), &codes)?;
    Ok(())
}

fn missing_task_definition(scene: &Scene) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let input = json!({
        "serviceName": scene.name("service"),
        "taskDefinition": format!("{}:1", scene.name("family")),
        "desiredCount": 0,
    });
    let codes = ["ClientException", "InvalidParameterException"];
    refused(cluster.call("CreateService", input), &codes)?;
    Ok(())
}

fn services_may_be(scene: &Scene) -> Verdict {
    let fine = !scene.is_real() || !scene.options.subnets.is_empty();
    let why = "a service in a real account needs --subnets".to_owned();
    if fine { Ok(()) } else { Err(Stop::NotTried(why)) }
}

fn service_names(scene: &Scene) -> Verdict {
    services_may_be(scene)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let definition = family.register(PUBLIC_IMAGE)?;
    let service = Service::new(scene, &cluster, 0, &definition)?;
    let again = json!({ "serviceName": service.name, "taskDefinition": definition, "desiredCount": 0 });
    refused(cluster.call("CreateService", again), &["InvalidParameterException"])?;
    let listed = list(&cluster.call("ListServices", json!({}))?, "/serviceArns");
    let arn = scene.arn("ecs", &format!("service/{}/{}", cluster.name, service.name));
    same("the services", &listed, &[json!(arn)])
}

fn deployed_at_once(scene: &Scene) -> Verdict {
    services_may_be(scene)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let definition = family.register(PUBLIC_IMAGE)?;
    let service = Service::new(scene, &cluster, 0, &definition)?;
    let deployment = service.deployed()?;
    same("the deployment", &text(&deployment, "/status")?, &"SUCCESSFUL")?;
    let described = service.described()?;
    same("the status", &text(&described, "/status")?, &"ACTIVE")?;
    same("the task definition", &text(&described, "/taskDefinition")?, &definition)?;
    same("its deployments", &list(&described, "/deployments").len(), &1)?;
    same("the deployment", &text(&described, "/deployments/0/status")?, &"PRIMARY")?;
    same("its rollout", &text(&described, "/deployments/0/rolloutState")?, &"COMPLETED")?;
    let id = text(&described, "/deployments/0/id")?;
    holds(format!("`{id}` is a deployment's id"), id.starts_with("ecs-svc/"))?;
    let revision = text(&deployment, "/targetServiceRevision/arn")?;
    let current = text(&described, "/currentServiceRevisions/0/arn");
    if let Ok(current) = current {
        same("the current revision", &current, &revision)?;
    }
    let revision = service.revision(&revision)?;
    same("the revision's task definition", &text(&revision, "/taskDefinition")?, &definition)?;
    number(&deployment, "/createdAt").map(|_| ())
}

fn update(scene: &Scene) -> Verdict {
    services_may_be(scene)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let service = Service::new(scene, &cluster, 0, &family.register(PUBLIC_IMAGE)?)?;
    let first = service.deployed()?;
    let id = text(&service.described()?, "/deployments/0/id")?;
    let definition = family.register(PUBLIC_IMAGE)?;
    let updated = service.call("UpdateService", json!({ "taskDefinition": definition }))?;
    same("the task definition", &text(&updated, "/service/taskDefinition")?, &definition)?;
    let new_id = text(&updated, "/service/deployments/0/id")?;
    holds("the deployment has another id", new_id != id)?;
    let arn = text(&first, "/serviceDeploymentArn")?;
    // ECS lists the new deployment a moment after it promised it.
    until("the new deployment", scene.patience(), || match service.deployments() {
        Ok(all) if all.len() == 2 => Seen::Done(Ok(())),
        Ok(all) => Seen::NotYet(format!("{} deployments", all.len())),
        Err(stop) => Seen::Done(Err(stop)),
    })??;
    let second = service.deployed()?;
    same("the second deployment", &text(&second, "/status")?, &"SUCCESSFUL")?;
    let all = json!({ "all": service.deployments()? });
    let arns = texts(&all, "/all", "serviceDeploymentArn");
    same("all deployments, newest first", &arns, &[text(&second, "/serviceDeploymentArn")?, arn])?;
    let target = text(&second, "/targetServiceRevision/arn")?;
    let source = texts(&second, "/sourceServiceRevisions", "arn");
    let before = text(&first, "/targetServiceRevision/arn")?;
    holds("the revision is another", target != before)?;
    holds(
        format!("the sources {source:?} are the revision before, or none"),
        source.is_empty() || source == [before],
    )?;
    let revision = service.revision(&target)?;
    same("the revision's task definition", &text(&revision, "/taskDefinition")?, &definition)?;
    let filter = json!({ "status": ["IN_PROGRESS"] });
    let running = service.call("ListServiceDeployments", filter)?;
    same("none in progress", &list(&running, "/serviceDeployments").len(), &0)
}

fn forced_deployment(scene: &Scene) -> Verdict {
    services_may_be(scene)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let service = Service::new(scene, &cluster, 0, &family.register(PUBLIC_IMAGE)?)?;
    service.deployed()?;
    let id = text(&service.described()?, "/deployments/0/id")?;
    let updated = service.call("UpdateService", json!({ "forceNewDeployment": true }))?;
    holds("the deployment has another id", text(&updated, "/service/deployments/0/id")? != id)?;
    service.deployed()?;
    Ok(())
}

fn stop_finished(scene: &Scene) -> Verdict {
    services_may_be(scene)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let service = Service::new(scene, &cluster, 0, &family.register(PUBLIC_IMAGE)?)?;
    let arn = text(&service.deployed()?, "/serviceDeploymentArn")?;
    let stopped = json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" });
    refused(scene.call("ecs", "StopServiceDeployment", &stopped), &["ConflictException"])?;
    Ok(())
}

fn missing_deployment(scene: &Scene) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let path = format!("service-deployment/{}/none/0123456789abcdefghijk", cluster.name);
    let arn = scene.arn("ecs", &path);
    let stopped = scene.call("ecs", "StopServiceDeployment", &json!({ "serviceDeploymentArn": arn }));
    refused(stopped, &["ServiceDeploymentNotFoundException", "ServiceNotFoundException"])?;
    Ok(())
}

fn deleted_service(scene: &Scene) -> Verdict {
    services_may_be(scene)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let service = Service::new(scene, &cluster, 0, &family.register(PUBLIC_IMAGE)?)?;
    service.deployed()?;
    service.call("DeleteService", json!({ "force": true }))?;
    until("the service's end", scene.patience(), || match service.described() {
        Ok(described) if described.get("status") == Some(&json!("INACTIVE")) => Seen::Done(Ok(())),
        Ok(described) => Seen::NotYet(described.get("status").unwrap_or(&Value::Null).to_string()),
        Err(stop) => Seen::Done(Err(stop)),
    })??;
    let updated = service.call("UpdateService", json!({ "desiredCount": 0 }));
    refused(updated, &["ServiceNotActiveException", "ServiceNotFoundException"])?;
    Ok(())
}

fn tasks_may_run(scene: &Scene) -> Verdict {
    if scene.is_real() && (scene.options.subnets.is_empty() || scene.options.execution_role.is_none()) {
        let why = "tasks in a real account need --subnets and --execution-role";
        return Err(Stop::NotTried(why.to_owned()));
    }
    Ok(())
}

fn circuit_breaker(scene: &Scene) -> Verdict {
    tasks_may_run(scene)?;
    let repository = ImageRepository::new(scene)?;
    let (good, bad) = (Image::new("webapp1").build()?, Image::new("webapp1").exit_code(1).build()?);
    repository.push(Some("good"), &good)?;
    repository.push(Some("bad"), &bad)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let uri = |digest: &str| format!("{}@{digest}", repository.uri());
    let running = if scene.is_real() { PUBLIC_IMAGE.to_owned() } else { uri(&good.digest) };
    let first = family.register(&running)?;
    let service = Service::new(scene, &cluster, 1, &first)?;
    same("the first deployment", &text(&service.deployed()?, "/status")?, &"SUCCESSFUL")?;
    let second = family.register(&uri(&bad.digest))?;
    service.call("UpdateService", json!({ "taskDefinition": second }))?;
    until("the second deployment", scene.patience(), || match service.deployments() {
        Ok(all) if all.len() >= 2 => Seen::Done(Ok(())),
        Ok(all) => Seen::NotYet(format!("{} deployments", all.len())),
        Err(stop) => Seen::Done(Err(stop)),
    })??;
    let rolled_back = service.deployed()?;
    same("the deployment", &text(&rolled_back, "/status")?, &"ROLLBACK_SUCCESSFUL")?;
    same("the breaker", &text(&rolled_back, "/deploymentCircuitBreaker/status")?, &"TRIGGERED")?;
    text(&rolled_back, "/rollback/reason")?;
    let target = service.revision(&text(&rolled_back, "/rollback/serviceRevisionArn")?)?;
    same("what it rolled back to", &text(&target, "/taskDefinition")?, &first)?;
    same("what the service runs", &text(&service.described()?, "/taskDefinition")?, &first)
}

fn digest_of_revision(scene: &Scene) -> Verdict {
    tasks_may_run(scene)?;
    let repository = ImageRepository::new(scene)?;
    let image = Image::new("webapp1").version("1");
    let index =
        Index::new().image(image.clone()).image(image.platform("linux", "arm64")).attested().build()?;
    repository.push(Some("multi"), &index)?;
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let uri = format!("{}:multi", repository.uri());
    let service = Service::new(scene, &cluster, 1, &family.register(&uri)?)?;
    let revision = until("the revision's digest", scene.patience(), || {
        let (arn, over) = match service.newest() {
            Err(stop) => return Seen::Done(Err(stop)),
            Ok(newest) => (text(&newest, "/targetServiceRevision/arn"), Service::is_over(&newest)),
        };
        match arn.and_then(|arn| service.revision(&arn)) {
            Ok(revision) if over || revision.pointer("/containerImages/0/imageDigest").is_some() => {
                Seen::Done(Ok(revision))
            }
            Ok(_) => Seen::NotYet("a revision without a digest".to_owned()),
            Err(stop) => Seen::NotYet(stop.to_string()),
        }
    })??;
    same("the container", &text(&revision, "/containerImages/0/containerName")?, &CONTAINER)?;
    same("the image", &text(&revision, "/containerImages/0/image")?, &uri)?;
    let digest = revision.pointer("/containerImages/0/imageDigest").and_then(Value::as_str);
    let answer = match digest {
        None => "none",
        Some(digest) if digest == index.digest => "the index's own",
        Some(digest) if index.children.iter().any(|child| child.digest == digest) => "a child's",
        Some(_) => "another",
    };
    scene.answer(Question::EcsDigest, answer);
    holds(format!("the digest is the index's or a child's, if there is one ({answer})"), answer != "another")
}
