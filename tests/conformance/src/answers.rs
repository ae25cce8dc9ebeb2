//! Answers to what AWS's documents leave open, as a by-product of the checks.

use std::collections::BTreeMap;

/// The open questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// `image-tag` of an untagged push.
    UntaggedPush,
    /// Events of an index's push.
    IndexPush,
    /// The event of a second tag.
    Retag,
    /// Events of a referrer's push.
    ReferrerPush,
    /// A pull by tag that names no media types.
    PullByTag,
    /// An absent layer's answer.
    AbsentLayer,
    /// The same tag and digest again where tags are immutable.
    SameImmutableTag,
    /// The part size of layer uploads.
    PartSize,
    /// How long a layer's address holds.
    LayerAddressLifetime,
    /// The order of a file's history.
    HistoryOrder,
    /// How many differences one page has.
    DifferencesPage,
    /// What happens to a commit message's end.
    CommitMessage,
    /// Whether an event comes for each reference of a push.
    PushOfSeveralReferences,
    /// What throttles look like.
    ThrottleFormat,
    /// A second start with the same token.
    StartToken,
    /// When a new execution names its source revision.
    SourceRevisionTiming,
    /// What the events of a rollback say beside the usual.
    RollbackEvent,
    /// How pipeline events write the version.
    PipelineEventVersion,
    /// The ECS action with digests and a path.
    EcsActionDigestAndPath,
    /// The ECS action with keys that it does not know.
    EcsActionExtraKeys,
    /// The ECS action with a container that the task definition lacks.
    EcsActionUnknownContainer,
    /// What ECS calls an index's digest.
    EcsDigest,
    /// The default size of other pages.
    HistoryPage,
}

/// All of them, in the order of the table.
pub const QUESTIONS: [(Question, &str); 23] = [
    (Question::UntaggedPush, "image-tag in the event of an untagged push: absent or \"\"?"),
    (Question::IndexPush, "events for the push of an attested index of two platforms?"),
    (Question::Retag, "event of another tag on a digest that is there?"),
    (Question::ReferrerPush, "events of a referrer's push?"),
    (Question::PullByTag, "BatchGetImage by tag without acceptedMediaTypes, of an OCI image?"),
    (Question::AbsentLayer, "BatchCheckLayerAvailability of an absent layer?"),
    (Question::SameImmutableTag, "the same tag and digest again, tags immutable?"),
    (Question::PartSize, "InitiateLayerUpload's partSize?"),
    (Question::LayerAddressLifetime, "lifetime of GetDownloadUrlForLayer's address?"),
    (Question::HistoryOrder, "order of ListFileCommitHistory?"),
    (Question::HistoryPage, "page of ListFileCommitHistory without maxResults?"),
    (Question::DifferencesPage, "page of GetDifferences without MaxResults?"),
    (Question::CommitMessage, "a commit message without a line end comes back as?"),
    (Question::PushOfSeveralReferences, "events for one push of three branches?"),
    (Question::ThrottleFormat, "format of CodeCommit's throttles?"),
    (Question::StartToken, "a second start with the same clientRequestToken?"),
    (Question::SourceRevisionTiming, "source revision of an execution right after its start?"),
    (Question::PipelineEventVersion, "version in pipeline events?"),
    (Question::RollbackEvent, "event of a rollback execution's start?"),
    (Question::EcsActionDigestAndPath, "ECS action with a digest and a FileName with folders?"),
    (Question::EcsActionExtraKeys, "ECS action with unknown keys in the file?"),
    (Question::EcsActionUnknownContainer, "ECS action with an unknown container name?"),
    (Question::EcsDigest, "imageDigest of a service revision for an index: its own or a child's?"),
];

/// What was seen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    seen: BTreeMap<Question, String>,
}

impl Answers {
    /// Takes note of an answer; the newest counts.
    pub fn note(&mut self, question: Question, answer: impl Into<String>) {
        self.seen.insert(question, answer.into());
    }

    /// Takes over what another part of the run saw.
    pub fn merge(&mut self, other: Self) {
        self.seen.extend(other.seen);
    }

    /// The table `question | answer seen`, every question in it.
    pub fn table(&self) -> String {
        let width = QUESTIONS.iter().map(|(_, text)| text.chars().count()).max().unwrap_or_default();
        let mut table = format!("{:width$} | answer seen\n{:-<width$}-+------------\n", "question", "");
        for (question, text) in &QUESTIONS {
            let answer = self.seen.get(question).map_or("not seen", String::as_str);
            table.push_str(&format!("{text:width$} | {answer}\n"));
        }
        table
    }

    /// The questions that have no answer.
    pub fn unanswered(&self) -> Vec<Question> {
        let all = QUESTIONS.iter().map(|(question, _)| *question);
        all.filter(|question| !self.seen.contains_key(question)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Answers, QUESTIONS, Question};

    #[test]
    fn every_question_stands_in_the_table_once() {
        let mut answers = Answers::default();
        assert_eq!(answers.unanswered().len(), QUESTIONS.len());
        answers.note(Question::PartSize, "10485760");
        let table = answers.table();
        assert_eq!(table.lines().count(), QUESTIONS.len() + 2);
        let line = table.lines().find(|line| line.contains("partSize")).unwrap();
        assert!(line.ends_with("| 10485760"), "{line}");
        assert_eq!(answers.unanswered().len(), QUESTIONS.len() - 1);
    }
}
