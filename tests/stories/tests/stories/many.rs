//! Many services and pushes at the same time: nothing is lost, and few commits say it all.

use client::image::Image;
use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::{Duration, SystemTime};
use stories::{Failure, Story};

/// The rules of so many services, each of which runs what was pushed last to the repository of its name.
fn rules(services: usize) -> String {
    let mut rules = "version: 1\nservices:\n".to_owned();
    for number in 1..=services {
        let name = name(number);
        let _ = write!(
            rules,
            "  cluster1/{name}:\n    containers:\n      {name}: {{ repository: {name}, select: newest }}\n"
        );
    }
    rules
}

fn name(number: usize) -> String {
    format!("webapp{number}")
}

/// An account whose rules name so many services, which nobody has created in ECS yet.
fn with_services(services: usize) -> Result<Story, Failure> {
    let mut story = Story::start(Settings::default())?;
    for number in 1..=services {
        story.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": name(number) }))?;
    }
    story.commit("Deliver them", &[("delivery.yaml", Some(&rules(services)))])?;
    story.forget()?;
    Ok(story)
}

/// What comes of these versions of every service, pushed before anybody is woken.
fn push_to_all(story: &mut Story, services: usize, versions: &[&str]) -> Result<String, Failure> {
    let mut newest = Vec::new();
    for version in versions {
        newest.clear();
        // Of images that were pushed at the same moment, nobody could say which is the newer.
        story.world(|world| {
            let now = world.clock.now();
            world.clock.set(now + chrono::Duration::milliseconds(500));
        });
        for repository in (1..=services).map(name) {
            let image = Image::new(&repository).version(version);
            newest.push(story.push_only(&repository, version, &image)?);
        }
    }
    story.rest()?;
    let told = story.outcome()?;
    let commits = told.lines().filter(|line| line.contains(" Towpath: ")).count();
    let mut right = 0;
    for (number, digest) in (1..).zip(&newest) {
        let file = story.file_as_it_is(&format!("cluster1/{}/revision.json", name(number)))?;
        right += usize::from(file.contains(digest));
    }
    let lost = story.dead_letters("on_image_push")?.len();
    Ok(format!("{commits} commits, {right} right files, {lost} dead letters\n"))
}

#[test]
fn fifty_services_in_the_same_second_are_one_commit_and_a_hundred_pushes_another() -> Result<(), Failure> {
    let mut story = with_services(50)?;
    expect![[r#"
        1 commits, 50 right files, 0 dead letters
    "#]]
    .assert_eq(&push_to_all(&mut story, 50, &["1111111"])?);
    expect![[r#"
        1 commits, 50 right files, 0 dead letters
    "#]]
    .assert_eq(&push_to_all(&mut story, 50, &["2222222", "3333333"])?);
    Ok(())
}

#[test]
fn more_files_than_a_commit_holds_are_several_commits() -> Result<(), Failure> {
    let mut story = with_services(120)?;
    expect![[r#"
        2 commits, 120 right files, 0 dead letters
    "#]]
    .assert_eq(&push_to_all(&mut story, 120, &["1111111"])?);
    Ok(())
}

/// How many calls a sweep makes at rest, for some numbers of services, each deployed so long ago.
fn calls_of_a_sweep(ago: Duration) -> Result<String, Failure> {
    let begins = SystemTime::now().checked_sub(ago).ok_or("before all time")?;
    let mut story = Story::start_at(Settings::default(), begins.into())?;
    let mut told = String::new();
    for number in 1..=11 {
        let name = name(number);
        story.make_service(&name, true)?;
        story.commit("Deliver one more", &[("delivery.yaml", Some(&rules(number)))])?;
        story.make_pipeline(&name)?;
        story.push(&name, "1111111")?;
        if [1, 2, 10, 11].contains(&number) {
            story.forget()?;
            story.sweep()?;
            let happened = story.happened()?;
            let calls = happened.lines().find_map(|line| {
                let calls = line.trim().strip_prefix("reconcile: ")?;
                calls.parse::<usize>().ok()
            });
            let _ = writeln!(told, "{number} services: {} calls", calls.ok_or("there was no sweep")?);
            if number == 1 {
                let begin = happened.find("calls\n").ok_or("there were no calls")?;
                told += happened.get(begin..).unwrap_or_default();
            }
        }
    }
    Ok(told)
}

#[test]
fn a_sweep_makes_so_many_calls_for_services_that_were_deployed_before() -> Result<(), Failure> {
    expect![[r#"
        1 services: 15 calls
        calls
          reconcile: 15
            1 codecommit GetCommit
            1 codecommit GetDifferences
            3 codecommit GetFile
            1 codecommit GetFile (FileDoesNotExistException)
            1 codecommit ListFileCommitHistory
            1 codepipeline GetPipeline
            1 codepipeline ListPipelineExecutions
            1 ecr DescribeImages
            1 ecs DescribeServiceDeployments
            1 ecs DescribeServiceRevisions
            1 ecs DescribeTasks
            1 ecs ListServiceDeployments
            1 ecs ListTasks
        2 services: 27 calls
        10 services: 123 calls
        11 services: 137 calls
    "#]]
    .assert_eq(&calls_of_a_sweep(Duration::from_hours(48))?);
    Ok(())
}

#[test]
fn a_sweep_makes_so_many_calls_for_services_that_were_deployed_within_a_day() -> Result<(), Failure> {
    expect![[r#"
        1 services: 20 calls
        calls
          reconcile: 20
            1 codecommit GetCommentsForComparedCommit
            1 codecommit GetCommit
            1 codecommit GetDifferences
            3 codecommit GetFile
            2 codecommit GetFile (FileDoesNotExistException)
            1 codecommit ListFileCommitHistory
            1 codepipeline GetPipeline
            1 codepipeline ListActionExecutions
            1 codepipeline ListPipelineExecutions
            1 ecr BatchGetImage
            1 ecr DescribeImages
            1 ecr ListImageReferrers
            1 ecs DescribeServiceDeployments
            1 ecs DescribeServiceRevisions
            1 ecs DescribeTasks
            1 ecs ListServiceDeployments
            1 ecs ListTasks
        2 services: 38 calls
        10 services: 182 calls
        11 services: 202 calls
    "#]]
    .assert_eq(&calls_of_a_sweep(Duration::from_hours(3))?);
    Ok(())
}

/// What the last sweep to its end counted, without the states in which no service is.
fn counted(story: &Story) -> Result<Vec<String>, Failure> {
    let asked = json!({ "logGroupName": "/aws/lambda/towpath-reconcile", "filterPattern": "" });
    let answer = story.aws.call("logs", "FilterLogEvents", &asked)?;
    let events = answer.get("events").and_then(Value::as_array).into_iter().flatten();
    let lines = events.filter_map(|event| serde_json::from_str(event.get("message")?.as_str()?).ok());
    let metrics: Vec<Value> = lines.filter(|line: &Value| line.get("_aws").is_some()).collect();
    let last = metrics.last().and_then(Value::as_object).ok_or("nothing was counted")?;
    let named = last.iter().filter_map(|(name, count)| Some((name, count.as_u64()?)));
    let counts = named.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}"));
    Ok(std::iter::once(format!("counted {} times", metrics.len())).chain(counts).collect())
}

#[test]
fn a_sweep_that_does_not_fit_into_one_invocation_looks_at_each_service_once() -> Result<(), Failure> {
    let mut story = with_services(25)?;
    // So little time that each invocation comes no further than its first ten services.
    story.reinstall_with("Timeout: 120", "Timeout: 30")?;
    story.lose_events("aws.ecr");
    for repository in (1..=25).map(name) {
        story.push_only(&repository, "1111111", &Image::new(&repository).version("1111111"))?;
    }
    story.rest()?;
    story.heal();
    story.forget()?;
    story.sweep()?;
    let happened = story.happened()?;
    let looked: Vec<&str> =
        happened.lines().map(str::trim).filter(|line| line.contains("reconcile: cluster1/")).collect();
    let once = |number: usize| {
        let begins = format!("reconcile: cluster1/{} woken: ", name(number));
        looked.iter().filter(|line| line.starts_with(&begins)).count() == 1
    };
    assert!(looked.len() == 25 && (1..=25).all(once), "{looked:#?}");
    // Three invocations: each reads the services there are, two say where to go on, and all say whom to wake.
    let calls = happened.rfind("reconcile: ").and_then(|begin| happened.get(begin..));
    expect![[r#"
        reconcile: 192
            3 codecommit GetCommit
            3 codecommit GetDifferences
            6 codecommit GetFile
            50 codecommit GetFile (FileDoesNotExistException)
            25 codecommit ListFileCommitHistory
            25 codepipeline GetPipeline (PipelineNotFoundException)
            25 ecr DescribeImages
            25 ecs ListServiceDeployments (ServiceNotFoundException)
            25 ecs ListTasks (ServiceNotFoundException)
            5 sqs SendMessageBatch
    "#]]
    .assert_eq(calls.unwrap_or_default());
    expect![[r#"
        counted 1 times
        never_deployed 25"#]]
    .assert_eq(&counted(&story)?.join("\n"));
    // What it woke up does what was missed.
    let mut delivered = 0;
    for service in (1..=25).map(name) {
        delivered += usize::from(story.file(&format!("cluster1/{service}/revision.json"))? != "none\n");
    }
    assert_eq!((delivered, story.dead_letters("reconcile")?.len()), (25, 0));
    Ok(())
}
