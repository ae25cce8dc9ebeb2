//! How an outcome is told: a comment at its commit, and a notification where people are needed.

use super::OutcomeFacts;
use super::belongs::Deployed;
use crate::decision::DecisionKind;
use crate::names::{RequestToken, ServiceId};
use crate::plan::{Comment, MAXIMUM_COMMENT_CHARACTERS, Notification, Step};
use crate::text::one_line;

/// What a comment of Towpath's begins with.
const MARK: &str = "Towpath: ";
const SUBJECT_CHARACTERS: usize = 100;

/// What a comment tells of a service, if it is one of Towpath's and speaks of it.
#[must_use]
pub fn told_in(comment: &str, service: &ServiceId) -> Option<DecisionKind> {
    let (named, kind) = comment.lines().next()?.strip_prefix(MARK)?.rsplit_once(' ')?;
    (named == service.to_string()).then(|| DecisionKind::parse(kind)).flatten()
}

/// The comment that tells the outcome at the deployed commit, unless it is told there already.
pub(super) fn comment(
    facts: &OutcomeFacts,
    deployed: &Deployed<'_>,
    kind: DecisionKind,
    because: &str,
) -> Option<Step> {
    if facts.told.contains(&kind) {
        return None;
    }
    let execution = &deployed.execution.id;
    let pipeline = facts.pipeline.as_ref().map_or("its pipeline", |pipeline| pipeline.as_str());
    let because = one_line(because, MAXIMUM_COMMENT_CHARACTERS / 2);
    let text = format!("{MARK}{} {kind}\n\n{because}\n\nExecution {execution} of {pipeline}.", facts.service);
    Some(Step::Comment(Comment {
        service: facts.service.clone(),
        repository: facts.repository.name.clone(),
        commit: deployed.commit.clone(),
        token: RequestToken::of_comment(&facts.repository.name, deployed.commit, &text),
        text,
    }))
}

/// A notification and then the comment, which is what remembers that people were told; nothing if it is there.
pub(super) fn notify(
    facts: &OutcomeFacts,
    deployed: &Deployed<'_>,
    kind: DecisionKind,
    because: &str,
) -> Vec<Step> {
    let Some(comment) = comment(facts, deployed, kind, because) else { return Vec::new() };
    let subject = format!("{} {}: {}", facts.environment, facts.service, kind);
    let notification = Notification {
        service: facts.service.clone(),
        subject: one_line(&subject, SUBJECT_CHARACTERS),
        text: format!("{because}\n\nCommit {} of {}.", deployed.commit, facts.repository.name),
    };
    vec![Step::Notify(notification), comment]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{WEBAPP1, service};

    #[test]
    fn only_a_comment_of_towpaths_tells_an_outcome() {
        for text in [
            "",
            "LGTM",
            "Towpath: nice",
            "Towpath: cluster1/other verified",
            "Towpath: cluster1/webapp1 great",
        ] {
            assert_eq!(told_in(text, &service(WEBAPP1)), None, "{text}");
        }
        let told = told_in("Towpath: cluster1/webapp1 verified\n\nbecause", &service(WEBAPP1));
        assert_eq!(told, Some(DecisionKind::Verified));
    }
}
