//! Why a deployment failed: in ECS's words, and whose fault that is.
//!
//! What is not in the table is nobody's known fault: then a person decides.

use crate::facts::{StoppedContainer, StoppedTask};
use crate::text::one_line;

/// Why a deployment failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Whose fault it is.
    pub fault: Fault,
    /// In words.
    pub sentence: String,
}

/// Whose fault a failure is. The later ones count more where tasks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing tells.
    Unknown,
    /// Capacity, placement, network, secrets or roles: another image would have failed too.
    Environment,
    /// The image crashed, failed its checks, or could not be pulled.
    Image,
    /// A person stopped it.
    Person,
}

/// Parts of ECS's sentences in lower case, the first that is found deciding: what narrows a cause stands before it.
const TABLE: [(&str, Fault); 36] = [
    ("stopservicedeployment", Fault::Person),
    ("stopped by user", Fault::Person),
    ("requested by user", Fault::Person),
    ("by the user", Fault::Person),
    ("task stopped by user", Fault::Person),
    // Secrets, roles and network, also where they keep an image from being pulled.
    ("resourceinitializationerror", Fault::Environment),
    ("unable to assume", Fault::Environment),
    ("not authorized", Fault::Environment),
    ("accessdenied", Fault::Environment),
    ("access denied", Fault::Environment),
    ("no basic auth credentials", Fault::Environment),
    ("403 forbidden", Fault::Environment),
    ("i/o timeout", Fault::Environment),
    ("dial tcp", Fault::Environment),
    ("request canceled while waiting", Fault::Environment),
    ("toomanyrequests", Fault::Environment),
    ("no space left on device", Fault::Environment),
    // Capacity and placement.
    ("unable to place", Fault::Environment),
    ("capacity", Fault::Environment),
    ("resource:", Fault::Environment),
    ("spotinterruption", Fault::Environment),
    ("spot interruption", Fault::Environment),
    ("host ec2", Fault::Environment),
    ("network interface", Fault::Environment),
    ("internalerror", Fault::Environment),
    ("cannotinspectcontainererror", Fault::Environment),
    ("containerruntimetimeouterror", Fault::Environment),
    // The image.
    ("cannotpullcontainererror", Fault::Image),
    ("cannotpullimage", Fault::Image),
    ("cannotstartcontainererror", Fault::Image),
    ("cannotcreatecontainererror", Fault::Image),
    ("outofmemory", Fault::Image),
    ("health check", Fault::Image),
    ("essential container", Fault::Image),
    ("essentialcontainerexited", Fault::Image),
    ("alarm", Fault::Image),
];

const SENTENCE_CHARACTERS: usize = 300;

/// The cause that a deployment's reason and its stopped tasks tell: of several the one that counts most. Where they tell
/// none, what ECS said of the service meanwhile: tasks that could not even be placed leave no other trace.
#[must_use]
pub fn cause(reason: Option<&str>, tasks: &[StoppedTask], messages: &[String]) -> Cause {
    let cause = cause_of_tasks(reason, tasks);
    if cause.fault != Fault::Unknown {
        return cause;
    }
    let told = messages.iter().find(|message| fault_of(message) == Fault::Environment);
    told.map_or(cause, |message| Cause {
        fault: Fault::Environment,
        sentence: one_line(message, SENTENCE_CHARACTERS),
    })
}

fn cause_of_tasks(reason: Option<&str>, tasks: &[StoppedTask]) -> Cause {
    let told = reason
        .map(|reason| Cause { fault: fault_of(reason), sentence: one_line(reason, SENTENCE_CHARACTERS) });
    let stopped = tasks.iter().filter(|task| !was_replaced(task)).map(of_task);
    let causes: Vec<Cause> = stopped.chain(told).collect();
    let gravest = causes.iter().map(|cause| cause.fault).max();
    // Of those that count most, the first: what a task says before what ECS makes of it.
    causes
        .into_iter()
        .find(|cause| Some(cause.fault) == gravest)
        .unwrap_or(Cause { fault: Fault::Unknown, sentence: "ECS tells no reason".to_owned() })
}

fn fault_of(text: &str) -> Fault {
    let text = text.to_lowercase();
    TABLE.iter().find(|(part, _)| text.contains(part)).map_or(Fault::Unknown, |(_, fault)| *fault)
}

/// Whether the scheduler stopped the task to make room: that tells nothing of its image.
fn was_replaced(task: &StoppedTask) -> bool {
    let reason = task.stopped_reason.as_deref().unwrap_or_default();
    task.stop_code.as_deref() == Some("ServiceSchedulerInitiated") && fault_of(reason) == Fault::Unknown
}

fn of_task(task: &StoppedTask) -> Cause {
    let exited = task.containers.iter().find(|container| container.exit_code.is_some_and(|code| code != 0));
    let words: Vec<&str> = task
        .containers
        .iter()
        .filter_map(|container| container.reason.as_deref())
        .chain(task.stopped_reason.as_deref())
        .collect();
    let told = words.iter().find(|words| fault_of(words) != Fault::Unknown);
    let by_code = task.stop_code.as_deref().map_or(Fault::Unknown, fault_of);
    let fault = told.map_or(by_code, |words| fault_of(words));
    let sentence = match (fault, exited, told.or(words.first())) {
        (Fault::Image, Some(StoppedContainer { container, exit_code: Some(code), .. }), words) => {
            let more = words.map_or_else(String::new, |words| format!(" ({words})"));
            format!("container {container} exited with code {code}{more}")
        }
        (_, _, Some(words)) => (*words).to_owned(),
        (_, _, None) => {
            task.stop_code.clone().unwrap_or_else(|| "a task stopped without a reason".to_owned())
        }
    };
    Cause { fault, sentence: one_line(&sentence, SENTENCE_CHARACTERS) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::fixtures::container;

    fn task(stop_code: &str, reason: &str, exit_code: Option<i32>) -> StoppedTask {
        StoppedTask {
            stop_code: Some(stop_code.to_owned()),
            stopped_reason: Some(reason.to_owned()),
            containers: vec![StoppedContainer { container: container("webapp1"), exit_code, reason: None }],
        }
    }

    #[test]
    fn nothing_tells_of_no_fault() {
        assert_eq!(cause(None, &[], &[]).fault, Fault::Unknown);
        assert_eq!(
            cause(Some("ECS deployment circuit breaker: tasks failed to start."), &[], &[]).fault,
            Fault::Unknown
        );
        let replaced = task(
            "ServiceSchedulerInitiated",
            "Scaling activity initiated by deployment ecs-svc/1",
            Some(137),
        );
        assert_eq!(cause(None, &[replaced], &[]).fault, Fault::Unknown);
    }

    #[test]
    fn each_failure_has_its_fault() {
        let tasks = [
            task("EssentialContainerExited", "Essential container in task exited", Some(1)),
            task("EssentialContainerExited", "Essential container in task exited", Some(0)),
            task("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)", Some(143)),
            task("ServiceSchedulerInitiated", "Task failed container health checks", None),
            task("TaskFailedToStart", "CannotPullContainerError: manifest unknown", None),
            task("TaskFailedToStart", "CannotPullContainerError: pull access denied: not authorized", None),
            task("TaskFailedToStart", "CannotPullContainerError: dial tcp 1.2.3.4:443: i/o timeout", None),
            task("TaskFailedToStart", "CannotStartContainerError: exec: \"x\": not found", None),
            task("TaskFailedToStart", "OutOfMemoryError: Container killed due to memory usage", Some(137)),
            task("TaskFailedToStart", "ResourceInitializationError: unable to pull secrets", None),
            task("TaskFailedToStart", "Capacity is unavailable at this time.", None),
            task("TaskFailedToStart", "RESOURCE:MEMORY", None),
            task("SpotInterruption", "Your Spot Task was interrupted.", None),
            task("UserInitiated", "Task stopped by user", None),
        ];
        let told: String = tasks
            .iter()
            .map(|task| {
                let Cause { fault, sentence } = cause(None, std::slice::from_ref(task), &[]);
                format!("{fault:?}: {sentence}\n")
            })
            .collect();
        expect![[r#"
            Image: container webapp1 exited with code 1 (Essential container in task exited)
            Image: Essential container in task exited
            Image: container webapp1 exited with code 143 (Task failed ELB health checks in (target-group x))
            Image: Task failed container health checks
            Image: CannotPullContainerError: manifest unknown
            Environment: CannotPullContainerError: pull access denied: not authorized
            Environment: CannotPullContainerError: dial tcp 1.2.3.4:443: i/o timeout
            Image: CannotStartContainerError: exec: "x": not found
            Image: container webapp1 exited with code 137 (OutOfMemoryError: Container killed due to memory usage)
            Environment: ResourceInitializationError: unable to pull secrets
            Environment: Capacity is unavailable at this time.
            Environment: RESOURCE:MEMORY
            Environment: Your Spot Task was interrupted.
            Person: Task stopped by user
        "#]].assert_eq(&told);
    }

    #[test]
    fn one_crash_among_interruptions_is_the_images_fault() {
        let tasks = [
            task("SpotInterruption", "Your Spot Task was interrupted.", None),
            task("EssentialContainerExited", "Essential container in task exited", Some(2)),
        ];
        let cause = cause(Some("tasks failed to start"), &tasks, &[]);
        assert_eq!(cause.fault, Fault::Image);
        assert_eq!(
            cause.sentence,
            "container webapp1 exited with code 2 (Essential container in task exited)"
        );
    }

    #[test]
    fn tasks_that_were_never_placed_are_told_of_by_the_service() {
        let broken =
            Some("Service deployment rolled back because the circuit breaker threshold was exceeded.");
        let messages = [
            "(service webapp1) has reached a steady state.",
            "(service webapp1) was unable to place a task. Reason: Capacity is unavailable at this time.",
        ]
        .map(str::to_owned);
        let cause = cause(broken, &[], &messages);
        assert_eq!(cause.fault, Fault::Environment);
        assert_eq!(
            cause.sentence,
            "(service webapp1) was unable to place a task. Reason: Capacity is unavailable at this time."
        );
        // A crash counts more than what the service says of room for its tasks.
        let crashed = [task("EssentialContainerExited", "Essential container in task exited", Some(1))];
        assert_eq!(super::cause(broken, &crashed, &messages).fault, Fault::Image);
    }

    #[test]
    fn alarms_are_told_by_the_deployment() {
        assert_eq!(
            cause(Some("Service deployment rolled back because alarm x went off"), &[], &[]).fault,
            Fault::Image
        );
        assert_eq!(cause(Some("StopServiceDeployment was called"), &[], &[]).fault, Fault::Person);
    }
}
