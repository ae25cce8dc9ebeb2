//! Comments on the comparison of two commits.

use super::git::{Commit, Git};
use super::repositories::{Opened, authorize};
use super::{checks, commits, pages};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::world::World;
use chrono::{DateTime, Utc};
use gix::ObjectId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The longest comment.
const CONTENT_CHARACTERS_MAX: usize = 10_240;
/// How many comments a page has when nobody says.
const COMMENTS_PER_PAGE: usize = 100;
/// How many comments a page may have.
const COMMENTS_PER_PAGE_MAX: usize = 500;

/// A comment, and what it is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Posted {
    id: String,
    before: Option<String>,
    after: String,
    location: Option<Location>,
    content: String,
    token: Option<String>,
    author_arn: String,
    at: DateTime<Utc>,
}

/// A line of a file on one of the two sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Location {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_position: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relative_file_version: Option<String>,
}

impl Posted {
    fn shown(&self, caller: &Caller) -> Value {
        let mut members = Map::new();
        members.insert("commentId".to_owned(), json!(self.id));
        members.insert("content".to_owned(), json!(self.content));
        members.insert("creationDate".to_owned(), epoch(self.at));
        members.insert("lastModifiedDate".to_owned(), epoch(self.at));
        members.insert("authorArn".to_owned(), json!(self.author_arn));
        members.insert("deleted".to_owned(), json!(false));
        // The token is its author's own.
        if let Some(token) = self.token.as_ref().filter(|_| self.author_arn == caller.arn()) {
            members.insert("clientRequestToken".to_owned(), json!(token));
        }
        members.insert("callerReactions".to_owned(), json!([]));
        members.insert("reactionCounts".to_owned(), json!({}));
        Value::Object(members)
    }

    /// The members that say what the comment is about.
    fn subject(&self, opened: &Opened) -> Result<Map<String, Value>, AwsError> {
        let mut members = Map::new();
        members.insert("repositoryName".to_owned(), json!(opened.name));
        members.extend(self.before.as_ref().map(|id| ("beforeCommitId".to_owned(), json!(id))));
        members.insert("afterCommitId".to_owned(), json!(self.after));
        let Some(location) = &self.location else { return Ok(members) };
        members.insert("location".to_owned(), json!(location));
        for (name, commit) in [("beforeBlobId", self.before.as_deref()), ("afterBlobId", Some(&*self.after))]
        {
            if let (Some(commit), Some(path)) = (commit, location.file_path.as_deref())
                && let Some(blob) = blob_at(&opened.git, commit, path)?
            {
                members.insert(name.to_owned(), json!(blob.to_string()));
            }
        }
        Ok(members)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PostInput {
    repository_name: Option<String>,
    before_commit_id: Option<String>,
    after_commit_id: Option<String>,
    location: Option<Location>,
    content: Option<String>,
    client_request_token: Option<String>,
}

pub(super) fn post(world: &mut World, caller: &Caller, input: PostInput) -> Result<Value, AwsError> {
    let after = checks::commit_id(input.after_commit_id)?;
    let before = input.before_commit_id.map(|id| checks::commit_id(Some(id))).transpose()?;
    if before == Some(after) {
        return Err(AwsError::new(
            "BeforeCommitIdAndAfterCommitIdAreSameException",
            format!("the before and the after commit are both {after}: expected two commits"),
        ));
    }
    let content =
        checks::required(input.content, "CommentContentRequiredException", "the comment's content")?;
    if content.chars().count() > CONTENT_CHARACTERS_MAX {
        return Err(AwsError::new(
            "CommentContentSizeLimitExceededException",
            format!("the comment is longer than {CONTENT_CHARACTERS_MAX} characters"),
        ));
    }
    let opened = Opened::allowed(world, caller, "PostCommentForComparedCommit", input.repository_name, None)?;
    let after_commit = existing(&opened.git, after)?;
    let before_commit = before.map(|id| existing(&opened.git, id)).transpose()?;
    if before_commit.is_none() && !after_commit.parents.is_empty() {
        return Err(AwsError::new(
            "CommitIdRequiredException",
            format!("{after} is not the first commit: beforeCommitId is required"),
        ));
    }
    if let Some(location) = &input.location {
        check_location(&opened.git, location, before_commit.as_ref(), &after_commit)?;
    }
    let comment = Posted {
        id: format!("{}:{}", world.ids.uuid(), world.ids.uuid()),
        before: before.map(|id| id.to_string()),
        after: after.to_string(),
        location: input.location,
        content,
        token: input.client_request_token,
        author_arn: caller.arn(),
        at: world.now(),
    };
    let comment = post_once(&mut opened.repository_mut(world)?.comments, comment)?;
    let mut answer = comment.subject(&opened)?;
    answer.insert("comment".to_owned(), comment.shown(caller));
    Ok(Value::Object(answer))
}

/// The same token with the same comment is the same request, with another one a mistake.
fn post_once(comments: &mut Vec<Posted>, comment: Posted) -> Result<Posted, AwsError> {
    let earlier = comments.iter().find(|earlier| {
        comment.token.is_some() && earlier.token == comment.token && earlier.author_arn == comment.author_arn
    });
    let Some(earlier) = earlier else {
        comments.push(comment.clone());
        return Ok(comment);
    };
    let is_same = earlier.before == comment.before
        && earlier.after == comment.after
        && earlier.location == comment.location
        && earlier.content == comment.content;
    if is_same {
        Ok(earlier.clone())
    } else {
        Err(AwsError::new(
            "IdempotencyParameterMismatchException",
            "the clientRequestToken was used for another comment before",
        ))
    }
}

fn check_location(
    git: &Git,
    location: &Location,
    before: Option<&Commit>,
    after: &Commit,
) -> Result<(), AwsError> {
    let commit = match location.relative_file_version.as_deref() {
        None | Some("AFTER") => Some(after),
        Some("BEFORE") => before,
        Some(other) => {
            return Err(checks::invalid(
                "InvalidRelativeFileVersionEnumException",
                "relativeFileVersion",
                other,
                "BEFORE or AFTER",
            ));
        }
    };
    let path = checks::path(location.file_path.clone())?;
    let blob = match commit {
        Some(commit) => blob_at(git, &commit.id.to_string(), &path)?,
        None => None,
    };
    let content = match blob {
        Some(blob) => git.blob(blob)?.unwrap_or_default(),
        None => {
            return Err(AwsError::new(
                "PathDoesNotExistException",
                format!("there is no {path} at that commit"),
            ));
        }
    };
    let lines = String::from_utf8_lossy(&content).lines().count();
    let in_file = |position: i64| usize::try_from(position).is_ok_and(|line| (1..=lines).contains(&line));
    match location.file_position.filter(|position| !in_file(*position)) {
        Some(position) => Err(AwsError::new(
            "InvalidFilePositionException",
            format!("{path} has no line {position}: expected 1 to {lines}"),
        )),
        None => Ok(()),
    }
}

fn existing(git: &Git, id: ObjectId) -> Result<Commit, AwsError> {
    git.commit(id)?.ok_or_else(|| {
        AwsError::new("CommitDoesNotExistException", format!("there is no commit {id} in this repository"))
    })
}

fn blob_at(git: &Git, commit: &str, path: &str) -> Result<Option<ObjectId>, AwsError> {
    let id = checks::object_id(commit).ok_or_else(|| commits::no_such_id(commit))?;
    let commit = existing(git, id)?;
    let entry = git.entry_at(commit.tree, path)?;
    Ok(entry.filter(|entry| entry.mode.is_blob_or_symlink()).map(|entry| entry.id))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfComparedCommitInput {
    repository_name: Option<String>,
    before_commit_id: Option<String>,
    after_commit_id: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// Comments that follow each other about the same place share an entry.
pub(super) fn of_compared_commit(
    world: &mut World,
    caller: &Caller,
    input: OfComparedCommitInput,
) -> Result<Value, AwsError> {
    let after = checks::commit_id(input.after_commit_id)?;
    let before = input.before_commit_id.map(|id| checks::commit_id(Some(id))).transpose()?;
    let size = checks::max_results(input.max_results, COMMENTS_PER_PAGE, COMMENTS_PER_PAGE_MAX)?;
    let opened = Opened::allowed(world, caller, "GetCommentsForComparedCommit", input.repository_name, None)?;
    existing(&opened.git, after)?;
    before.map(|id| existing(&opened.git, id)).transpose()?;
    let (before, after) = (before.map(|id| id.to_string()), after.to_string());
    let listing = format!("GetCommentsForComparedCommit {} {before:?} {after}", opened.name);
    let offset = pages::offset(&listing, input.next_token.as_deref())?;
    let comments = opened.repository(world)?.comments.iter();
    let about = comments.filter(|comment| comment.after == after && comment.before == before);
    let mut left: Vec<&Posted> = about.skip(offset).collect();
    let more = left.len() > size;
    left.truncate(size);
    let mut shown = Vec::new();
    for together in left.chunk_by(|one, next| one.location == next.location) {
        let Some(first) = together.first() else { continue };
        let mut entry = first.subject(&opened)?;
        let comments: Vec<Value> = together.iter().map(|comment| comment.shown(caller)).collect();
        entry.insert("comments".to_owned(), Value::Array(comments));
        shown.push(Value::Object(entry));
    }
    let mut answer = json!({ "commentsForComparedCommitData": shown });
    if let Some(members) = answer.as_object_mut().filter(|_| more) {
        members.insert("nextToken".to_owned(), json!(pages::token(&listing, offset + size)));
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetInput {
    comment_id: Option<String>,
}

pub(super) fn get(world: &mut World, caller: &Caller, input: GetInput) -> Result<Value, AwsError> {
    let id = checks::required(input.comment_id, "CommentIdRequiredException", "a comment ID")?;
    let is_id_character = |character: char| character.is_ascii_hexdigit() || matches!(character, '-' | ':');
    if !id.chars().all(is_id_character) {
        return Err(checks::invalid(
            "InvalidCommentIdException",
            "comment ID",
            &id,
            "two UUIDs joined by `:`",
        ));
    }
    let repositories = &world.account(&caller.account)?.codecommit.repositories;
    let found = repositories.iter().find_map(|(name, repository)| {
        Some((name, repository.comments.iter().find(|comment| comment.id == id)?))
    });
    let (name, comment) = found
        .ok_or_else(|| AwsError::new("CommentDoesNotExistException", format!("there is no comment {id}")))?;
    authorize(world, caller, "GetComment", name, None)?;
    Ok(json!({ "comment": comment.shown(caller) }))
}
