//! The messages of Towpath's commits: a subject for people, and trailers that say who, why and from which event.
//!
//! The trailers are the message's last paragraph. What is true of the whole commit comes first (`Actor`, `Event-Id`);
//! each `Service` opens what is said of that service, and each `Container` below it what is said of that container.

use std::fmt;

use crate::decision::DecisionKind;
use crate::names::{CommitId, ContainerName, EventId, ImageDigest, ImageTag, ServiceId};
use crate::revision::RevisionFile;
use crate::text::one_line;

/// The name under which Towpath commits.
pub const AUTHOR_NAME: &str = "Towpath";
/// The address under which Towpath commits; nobody reads mail there.
pub const AUTHOR_EMAIL: &str = "towpath@towpath.invalid";

const SUBJECT_CHARACTERS: usize = 120;
const VALUE_CHARACTERS: usize = 300;
/// How many events a commit names: a batch of thousands would outgrow the message.
const MAXIMUM_EVENTS: usize = 100;
/// How many services a subject names.
const NAMED_SERVICES: usize = 3;

/// The message of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitMessage {
    /// Its first line.
    pub subject: String,
    /// What people may want to know beside it, one sentence a line.
    pub body: Vec<String>,
    /// What programs read.
    pub trailers: Trailers,
}

/// What the trailers of a commit say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers {
    /// Who did it.
    pub actor: Option<String>,
    /// The events it answers.
    pub events: Vec<EventId>,
    /// What was done to each service.
    pub services: Vec<ServiceTrailers>,
}

/// What the trailers say of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTrailers {
    /// The service.
    pub service: ServiceId,
    /// What was decided; none if it is a word that this Towpath does not know.
    pub decision: Option<DecisionKind>,
    /// Who approved it.
    pub approved_by: Vec<String>,
    /// The containers it is about.
    pub containers: Vec<ContainerTrailers>,
}

/// What the trailers say of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerTrailers {
    /// The container.
    pub container: ContainerName,
    /// The human name of its image.
    pub image_tag: Option<ImageTag>,
    /// Its image.
    pub image_digest: Option<ImageDigest>,
    /// The image before.
    pub previous_digest: Option<ImageDigest>,
    /// The application's commit that it was built from.
    pub source_commit: Option<CommitId>,
}

impl CommitMessage {
    /// The message of what was decided about services by themselves, each with what happens to it in a few words.
    #[must_use]
    pub fn of_services(headlines: &[String], trailers: Trailers) -> Self {
        let services = || trailers.services.iter().map(|trailers| &trailers.service);
        let lines: Vec<String> =
            services().zip(headlines).map(|(service, headline)| format!("{service}: {headline}")).collect();
        if let [only] = lines.as_slice() {
            return Self { subject: only.clone(), body: Vec::new(), trailers };
        }
        let named: Vec<String> = services().take(NAMED_SERVICES).map(ToString::to_string).collect();
        let more = if lines.len() > NAMED_SERVICES { ", …" } else { "" };
        let subject = format!("{} services: {}{more}", lines.len(), named.join(", "));
        Self { subject, body: lines, trailers }
    }

    /// What the message of a commit for several services would be for one of them alone: its own line is the subject. One
    /// that has no line for each says the same of all.
    #[must_use]
    pub fn of_one(&self, service: &ServiceTrailers) -> Self {
        let begin = format!("{}: ", service.service);
        let (subject, body) = match self.body.iter().find(|line| line.starts_with(&begin)) {
            Some(line) => (line.clone(), Vec::new()),
            None => (self.subject.clone(), self.body.clone()),
        };
        let Trailers { actor, events, services: _ } = &self.trailers;
        let services = vec![service.clone()];
        Self { subject, body, trailers: Trailers { actor: actor.clone(), events: events.clone(), services } }
    }

    /// Whether a commit's message has this sentence in its body.
    #[must_use]
    pub fn says(message: &str, sentence: &str) -> bool {
        let line = one_line(sentence, VALUE_CHARACTERS);
        message.lines().any(|other| other.trim_end() == line)
    }
}

impl Trailers {
    /// The trailers of a commit message; empty if it has none of Towpath's.
    #[must_use]
    pub fn parse(message: &str) -> Self {
        let message = message.replace("\r\n", "\n");
        let last_paragraph = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
        // A message of one paragraph is a subject, and no trailers.
        if last_paragraph.len() == message.trim_end().len() {
            return Self::default();
        }
        let mut trailers = Self::default();
        for line in last_paragraph.lines() {
            if let Some((key, value)) = line.split_once(": ") {
                trailers.read(key, value.trim());
            }
        }
        trailers
    }

    /// What they say of a service; none if they do not speak of it.
    #[must_use]
    pub fn of_service(&self, service: &ServiceId) -> Option<&ServiceTrailers> {
        self.services.iter().find(|trailers| trailers.service == *service)
    }

    fn read(&mut self, key: &str, value: &str) {
        let Some(service) = self.services.last_mut() else {
            match key {
                "Actor" => self.actor = Some(value.to_owned()),
                "Event-Id" => self.events.extend(EventId::parse(value)),
                _ => self.open(key, value),
            }
            return;
        };
        match key {
            "Decision" => service.decision = DecisionKind::parse(value),
            "Approved-By" => service.approved_by.push(value.to_owned()),
            "Container" => {
                service.containers.extend(ContainerName::parse(value).map(ContainerTrailers::of));
            }
            "Service" => self.open(key, value),
            _ => {
                if let Some(container) = service.containers.last_mut() {
                    container.read(key, value);
                }
            }
        }
    }

    fn open(&mut self, key: &str, value: &str) {
        if key == "Service"
            && let Ok(service) = ServiceId::parse(value)
        {
            let (approved_by, containers) = (Vec::new(), Vec::new());
            self.services.push(ServiceTrailers { service, decision: None, approved_by, containers });
        }
    }
}

impl ServiceTrailers {
    /// Whether a revision says what these trailers say: a message that was copied to another content is not Towpath's.
    #[must_use]
    pub fn fit(&self, revision: &RevisionFile) -> bool {
        self.containers.iter().all(|container| {
            match (&container.image_digest, revision.digest(&container.container)) {
                (Some(told), Some(written)) => told == written,
                // A revision that a person wrote by tag and that was rolled back to has no digest to compare.
                (Some(_) | None, _) => true,
            }
        })
    }

    /// The tag that they give to a container's image.
    #[must_use]
    pub fn tag(&self, container: &ContainerName) -> Option<&ImageTag> {
        self.containers.iter().find(|trailers| trailers.container == *container)?.image_tag.as_ref()
    }
}

impl ContainerTrailers {
    /// A container of which nothing is said yet.
    #[must_use]
    pub fn of(container: ContainerName) -> Self {
        Self { container, image_tag: None, image_digest: None, previous_digest: None, source_commit: None }
    }

    fn read(&mut self, key: &str, value: &str) {
        match key {
            "Image-Tag" => self.image_tag = ImageTag::parse(value).ok(),
            "Image-Digest" => self.image_digest = ImageDigest::parse(value).ok(),
            "Previous-Digest" => self.previous_digest = ImageDigest::parse(value).ok(),
            "Source-Commit" => self.source_commit = CommitId::parse(value).ok(),
            _ => {}
        }
    }
}

/// Writes one trailer, if there is a value; whatever the value is, it stays on its line.
fn line(formatter: &mut fmt::Formatter<'_>, key: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    match value {
        Some(value) => writeln!(formatter, "{key}: {}", one_line(&value.to_string(), VALUE_CHARACTERS)),
        None => Ok(()),
    }
}

impl fmt::Display for Trailers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(formatter, "Actor", self.actor.as_ref())?;
        for event in self.events.iter().take(MAXIMUM_EVENTS) {
            line(formatter, "Event-Id", Some(event))?;
        }
        for service in &self.services {
            line(formatter, "Service", Some(&service.service))?;
            line(formatter, "Decision", service.decision)?;
            for approver in &service.approved_by {
                line(formatter, "Approved-By", Some(approver))?;
            }
            for container in &service.containers {
                line(formatter, "Container", Some(&container.container))?;
                line(formatter, "Image-Tag", container.image_tag.as_ref())?;
                line(formatter, "Image-Digest", container.image_digest.as_ref())?;
                line(formatter, "Previous-Digest", container.previous_digest.as_ref())?;
                line(formatter, "Source-Commit", container.source_commit.as_ref())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for CommitMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n", one_line(&self.subject, SUBJECT_CHARACTERS))?;
        for sentence in &self.body {
            writeln!(formatter, "{}", one_line(sentence, VALUE_CHARACTERS))?;
        }
        if !self.body.is_empty() {
            writeln!(formatter)?;
        }
        self.trailers.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn message() -> CommitMessage {
        let digest = |digit: &str| Some(ImageDigest::parse(&format!("sha256:{}", digit.repeat(64))).unwrap());
        let container = ContainerTrailers {
            image_tag: Some(ImageTag::parse("1234567").unwrap()),
            image_digest: digest("a"),
            previous_digest: digest("b"),
            source_commit: None,
            ..ContainerTrailers::of(ContainerName::parse("webapp1").unwrap())
        };
        let service = |name: &str, containers| ServiceTrailers {
            service: ServiceId::parse(name).unwrap(),
            decision: Some(DecisionKind::Moved),
            approved_by: vec!["mary".to_owned()],
            containers,
        };
        CommitMessage {
            subject: "cluster1/webapp1: webapp1 → 1234567".to_owned(),
            body: vec!["webapp1 was pushed last".to_owned()],
            trailers: Trailers {
                actor: Some("on_image_push".to_owned()),
                events: vec![EventId::parse("4f5ec4d5-4de4-7aad-a046-56d5cfe1df0e").unwrap()],
                services: vec![
                    service("cluster1/webapp1", vec![container.clone()]),
                    service("c/two", vec![container]),
                ],
            },
        }
    }

    #[test]
    fn a_persons_message_has_no_trailers() {
        for text in ["", "Fix", "Fix\n\nbecause: it was broken", "Service: a/b\nDecision: moved"] {
            assert!(Trailers::parse(text).services.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = message();
        expect![[r#"
            cluster1/webapp1: webapp1 → 1234567

            webapp1 was pushed last

            Actor: on_image_push
            Event-Id: 4f5ec4d5-4de4-7aad-a046-56d5cfe1df0e
            Service: cluster1/webapp1
            Decision: moved
            Approved-By: mary
            Container: webapp1
            Image-Tag: 1234567
            Image-Digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            Previous-Digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
            Service: c/two
            Decision: moved
            Approved-By: mary
            Container: webapp1
            Image-Tag: 1234567
            Image-Digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            Previous-Digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        "#]]
        .assert_eq(&message.to_string());
        assert_eq!(Trailers::parse(&message.to_string()), message.trailers);
        assert_eq!(Trailers::parse(&message.to_string().replace('\n', "\r\n")), message.trailers);
    }

    #[test]
    fn the_message_for_one_of_several_services_says_nothing_of_the_others() {
        let message = message();
        let [first, _] = message.trailers.services.as_slice() else { panic!("not two services") };
        let one = CommitMessage {
            trailers: Trailers { services: vec![first.clone()], ..message.trailers.clone() },
            ..message.clone()
        };
        assert_eq!(message.of_one(first), one, "it says the same of all");
        let headlines = ["one".to_owned(), "two".to_owned()];
        let several = CommitMessage::of_services(&headlines, message.trailers.clone());
        assert_eq!(several.subject, "2 services: cluster1/webapp1, c/two");
        let alone = CommitMessage::of_services(&headlines, one.trailers);
        assert_eq!((alone.subject.as_str(), alone.body.len()), ("cluster1/webapp1: one", 0));
        assert_eq!(several.of_one(first), alone);
    }

    #[test]
    fn a_copied_message_does_not_fit_another_content() {
        let trailers = message().trailers;
        let service = trailers.of_service(&ServiceId::parse("c/two").unwrap()).unwrap();
        let revision = |digit: &str| {
            let text = format!(r#"[{{"name":"webapp1","imageUri":"x@sha256:{}"}}]"#, digit.repeat(64));
            RevisionFile::parse(text.as_bytes()).unwrap()
        };
        assert!(service.fit(&revision("a")));
        assert!(!service.fit(&revision("b")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_value_opens_a_new_line(actor in "(?s).{0,40}", approver in "[a-z \r\n:A-Z-]{0,60}", subject in "(?s).{0,40}") {
            let mut message = message();
            let lines = message.to_string().lines().count();
            message.subject = format!("x{subject}");
            message.trailers.actor = Some(actor);
            message.trailers.services[0].approved_by = vec![approver];
            prop_assert_eq!(message.to_string().lines().count(), lines);
            let read = Trailers::parse(&message.to_string());
            prop_assert_eq!(read.services.len(), 2);
            prop_assert_eq!(&read.services[1], &message.trailers.services[1]);
        }
    }
}
