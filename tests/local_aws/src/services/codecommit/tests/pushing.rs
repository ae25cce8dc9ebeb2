//! Pushes of simulated people, and what the API sees of git's own.

use super::super::{Opened, Push, PushAcross, push, push_across, push_begins, push_ended, push_existing};
use super::*;

fn change<'push>(put: &'push [(&'push str, &'push [u8])]) -> Push<'push> {
    Push {
        repository: "deployment",
        branch: "main",
        person: "ann",
        put,
        message: "by hand",
        ..Default::default()
    }
}

/// What git's receive-pack does to a reference on disk, without the world's knowing.
fn move_on_disk(world: &World, name: &str, old: Option<&str>, new: Option<&str>) {
    let opened = Opened::find(world, &account(), "deployment").unwrap();
    let id = |id: &str| id.parse().unwrap();
    let swap = opened.git.swap_reference(name, old.map(id), new.map(id)).unwrap();
    assert_eq!(swap, super::super::git::Swap::Done);
}

fn repository_id(world: &mut World) -> String {
    let shown = ok(world, "GetRepository", json!({ "repositoryName": "deployment" }));
    shown["repositoryMetadata"]["repositoryId"].as_str().unwrap().to_owned()
}

#[test]
fn a_push_is_announced_under_the_persons_name() {
    let mut world = world_with_repository();
    push(&mut world, &account(), &change(&[("a", b"1"), ("b", b"2")])).unwrap();
    push(&mut world, &account(), &Push { delete: &["a", "none"], ..change(&[("b", b"3")]) }).unwrap();
    assert_eq!((content(&world, "a"), content(&world, "b").as_deref()), (None, Some("3")));
    let events = emitted(&mut world);
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(
        events[1].starts_with("referenceUpdated refs/heads/main") && events[1].ends_with("by ann"),
        "{events:?}"
    );
}

#[test]
fn a_push_on_an_old_parent_needs_force() {
    let mut world = world_with_repository();
    let first = push(&mut world, &account(), &change(&[("a", b"1")])).unwrap();
    push(&mut world, &account(), &change(&[("a", b"2")])).unwrap();
    let late = Push { parent: Some(&first), ..change(&[("a", b"3")]) };
    assert_eq!(push(&mut world, &account(), &late).unwrap_err().code, "NonFastForward");
    push(&mut world, &account(), &Push { force: true, ..late }).unwrap();
    assert_eq!(content(&world, "a").as_deref(), Some("3"));
}

#[test]
fn a_branch_goes_back_only_by_force() {
    let mut world = world_with_repository();
    let first = push(&mut world, &account(), &change(&[("a", b"1")])).unwrap();
    let second = push(&mut world, &account(), &change(&[("a", b"2")])).unwrap();
    emitted(&mut world);
    push_existing(&mut world, &account(), "deployment", "main", &second, "ann", false).unwrap();
    assert_eq!(emitted(&mut world), Vec::<String>::new());
    let back = |world: &mut World, force| {
        push_existing(world, &account(), "deployment", "main", &first, "ann", force)
    };
    assert_eq!(back(&mut world, false).unwrap_err().code, "NonFastForward");
    back(&mut world, true).unwrap();
    push_existing(&mut world, &account(), "deployment", "main", &second, "ann", false).unwrap();
    assert_eq!(emitted(&mut world).len(), 2);
}

#[test]
fn a_commit_goes_to_another_account_with_all_that_it_reaches() {
    let mut world = world_with_repository();
    let from: AccountId = "222222222222".parse().unwrap();
    let there = Caller::administrator(&from);
    let input = json!({ "repositoryName": "deployment" });
    world.call(&there, Service::CodeCommit, "CreateRepository", input).unwrap();
    let first = push(&mut world, &from, &change(&[("a", b"1"), ("b/c", b"1")])).unwrap();
    let second = push(&mut world, &from, &change(&[("a", b"2")])).unwrap();
    let to = account();
    let across = |world: &mut World, commit: &str, force| {
        let (from, to) = (&from, &to);
        let (repository, branch, person) = ("deployment", "main", "ann");
        push_across(world, &PushAcross { repository, from, to, commit_id: commit, branch, person, force })
    };
    across(&mut world, &second, false).unwrap();
    assert_eq!((content(&world, "a").as_deref(), content(&world, "b/c").as_deref()), (Some("2"), Some("1")));
    assert_eq!(across(&mut world, &first, false).unwrap_err().code, "NonFastForward");
    across(&mut world, &first, true).unwrap();
    across(&mut world, &first, true).unwrap();
    assert_eq!(content(&world, "a").as_deref(), Some("1"));
    let absent = across(&mut world, &"0".repeat(40), true).unwrap_err();
    assert_eq!(absent.code, "ParentCommitDoesNotExistException");
    let short = |id: &str| id.chars().take(7).collect::<String>();
    let (first, second) = (short(&first), short(&second));
    assert_eq!(
        emitted(&mut world),
        [
            format!("referenceCreated refs/heads/main -..{second} by ann"),
            format!("referenceUpdated refs/heads/main {second}..{first} by ann"),
        ]
    );
}

#[test]
fn a_push_without_changed_references_is_announced_to_nobody() {
    let mut world = world_with_repository();
    commit(&mut world, "first", &[("a", "1")]);
    emitted(&mut world);
    let id = repository_id(&mut world);
    push_begins(&mut world, &account(), &id, "arn:aws:iam::111111111111:user/bob").unwrap();
    push_ended(&mut world, &account(), &id).unwrap();
    assert_eq!(emitted(&mut world), Vec::<String>::new());
}

#[test]
fn a_commit_during_a_push_swallows_nothing_of_it() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let second = commit(&mut world, "second", &[("a", "2")]);
    push_existing(&mut world, &account(), "deployment", "old", &first, "ann", false).unwrap();
    emitted(&mut world);
    let id = repository_id(&mut world);
    push_begins(&mut world, &account(), &id, "arn:aws:iam::111111111111:user/bob").unwrap();
    // Git moves main back, and the API answers while the other branches are not yet done.
    move_on_disk(&world, "refs/heads/main", Some(&second), Some(&first));
    let outdated = json!({
        "repositoryName": "deployment", "branchName": "main", "parentCommitId": second,
        "putFiles": [{ "filePath": "b", "fileContent": base64("1") }],
    });
    assert_eq!(code(&mut world, "CreateCommit", outdated), "ParentCommitIdOutdatedException");
    let third = commit(&mut world, "third", &[("b", "1")]);
    move_on_disk(&world, "refs/heads/old", Some(&first), None);
    move_on_disk(&world, "refs/tags/v1", None, Some(&first));
    push_ended(&mut world, &account(), &id).unwrap();
    push_ended(&mut world, &account(), &id).unwrap();
    let short = |id: &str| id[..7].to_owned();
    let (one, two, three) = (short(&first), short(&second), short(&third));
    assert_eq!(
        emitted(&mut world),
        [
            format!("referenceUpdated refs/heads/main {two}..{one} by bob"),
            format!("referenceUpdated refs/heads/main {one}..{three} by administrator"),
            format!("referenceDeleted refs/heads/old {one}..- by bob"),
            format!("referenceCreated refs/tags/v1 -..{one} by bob"),
        ]
    );
}

#[test]
fn an_update_never_overwrites_what_git_put_there() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let second = commit(&mut world, "second", &[("a", "2")]);
    let opened = Opened::find(&world, &account(), "deployment").unwrap();
    let [first, second] = [first, second].map(|id| id.parse().unwrap());
    for (expected, new) in [(Some(first), Some(first)), (None, Some(first)), (Some(first), None)] {
        let swap = opened.git.swap_reference("refs/heads/main", expected, new).unwrap();
        assert_eq!(swap, super::super::git::Swap::Moved);
    }
    assert_eq!(opened.git.reference("refs/heads/main").unwrap(), Some(second));
}

#[test]
fn a_saved_world_still_announces_what_happened_on_disk() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let saved = world.save().unwrap();
    move_on_disk(&world, "refs/heads/by-hand", None, Some(&first));
    world.load(&saved).unwrap();
    emitted(&mut world);
    commit(&mut world, "second", &[("a", "2")]);
    let events = emitted(&mut world);
    assert!(events[0].starts_with("referenceCreated refs/heads/by-hand"), "{events:?}");
    assert_eq!(events.len(), 2);
}
