//! A fault at each call that a copy makes, one at a time: the copy gets over it by itself, and the end is the same.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not as expected fails the test")]

use aws::copy::{CopyOutcome, Tagged};
use client::{Artifact, Image, Index, Referrer};
use copying::{Accounts, Content, DEV, NAME, STG};
use local_aws::faults::CallFaultKind;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// How many worlds share the work. Most of their time is spent in pauses before another try.
const WORLDS: usize = 24;

/// Faults of any call.
const FAULTS: [CallFaultKind; 7] = [
    CallFaultKind::Throttle,
    CallFaultKind::ServerError,
    CallFaultKind::ServerErrorAfterEffect,
    CallFaultKind::DropRequest,
    CallFaultKind::DropReply,
    CallFaultKind::TruncateReply,
    CallFaultKind::Deny,
];

/// Two accounts, and upstream an image that makes every call: children, a layer in several pieces, a referrer, a signature.
struct World {
    accounts: Accounts,
    index: Artifact,
    expected: Content,
}

impl World {
    fn new() -> Self {
        let accounts = Accounts::start();
        let image = Image::new("webapp1").layer("a", vec![7; 600_000]);
        let index = Index::new().image(image).build().unwrap();
        accounts.push(Some("1"), &index);
        accounts.push(None, &Referrer::new(&index, "application/x.evidence").build());
        let signature = Image::new("signature").build().unwrap();
        accounts.push(Some(&format!("{}.sig", index.digest.replace(':', "-"))), &signature);
        let expected = accounts.content(DEV);
        Self { accounts, index, expected }
    }

    /// Copies into an empty repository while one call goes wrong.
    fn copies(&self, fault: Option<(&str, u32, CallFaultKind)>) {
        let Self { accounts, index, expected } = self;
        let stg = accounts.ecr(STG);
        stg.call("DeleteRepository", NAME, json!({ "force": true })).unwrap();
        stg.create_repository(NAME).unwrap();
        accounts.calls();
        let told = format!("{fault:?}");
        let is_denied = matches!(fault, Some((_, _, CallFaultKind::Deny)));
        if let Some((operation, skip, what)) = fault {
            accounts.fail(operation, skip, 1, what);
        }
        let mut copied = accounts.copy(&index.digest);
        if is_denied && !matches!(copied, Ok(CopyOutcome::Complete(_))) {
            // That is for a person to mend. Then the next copy goes on where this one stopped.
            copied = accounts.copy(&index.digest);
        }
        let Ok(CopyOutcome::Complete(summary)) = copied else { panic!("{told}: {copied:?}") };
        assert!(summary.left_out.is_empty() && summary.kept.is_empty(), "{told}: {summary:?}");
        let mut tagged = accounts.tag(&index.digest, "1");
        if is_denied && tagged.is_err() {
            tagged = accounts.tag(&index.digest, "1");
        }
        assert!(matches!(tagged, Ok(Tagged::Done | Tagged::AlreadyThere)), "{told}: {tagged:?}");
        accounts.heal();
        assert_eq!(&accounts.content(STG), expected, "{told}");
        for (digest, bytes) in accounts.blobs(STG, index) {
            assert_eq!(client::digest::sha256(&bytes), digest, "{told}");
        }
    }

    /// How often each operation is called in a copy that nothing disturbs, whoever is asked. Downloads are no calls of ECR's
    /// and stand in no journal: each blob is one.
    fn calls(&self) -> BTreeMap<String, u32> {
        let Self { accounts, index, .. } = self;
        accounts.calls();
        accounts.copied(&index.digest);
        accounts.tag(&index.digest, "1").unwrap();
        let mut counted = BTreeMap::<String, u32>::new();
        for line in accounts.calls() {
            let (call, times) = line.split_once(": ").unwrap();
            *counted.entry(call.split_once(' ').unwrap().1.to_owned()).or_default() +=
                times.parse::<u32>().unwrap();
        }
        let downloads = counted.get("GetDownloadUrlForLayer").copied().unwrap();
        counted.insert("DownloadLayer".to_owned(), downloads);
        counted
    }
}

#[test]
fn a_fault_at_each_call_changes_nothing_in_the_end() {
    let first = World::new();
    let calls = first.calls();
    first.copies(None);
    let mut cases = Vec::new();
    for (operation, times) in &calls {
        let mut faults = FAULTS.to_vec();
        match operation.as_str() {
            // Its bytes are hashed. Denied, its address has expired.
            "DownloadLayer" => faults.push(CallFaultKind::CorruptReply),
            "UploadLayerPart" => faults.push(CallFaultKind::Error("UploadNotFoundException".to_owned())),
            "CompleteLayerUpload" => faults.extend(
                ["UploadNotFoundException", "LayerAlreadyExistsException"]
                    .map(|code| CallFaultKind::Error(code.to_owned())),
            ),
            _ => {}
        }
        for skip in 0..*times {
            cases.extend(faults.iter().map(|fault| (operation.as_str(), skip, fault.clone())));
        }
    }
    let total = cases.len();
    assert!(total > 280, "{calls:?}");
    let left = Mutex::new(cases);
    let work = |world: &World| {
        while let Some(case) = { left.lock().unwrap().pop() } {
            world.copies(Some(case));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work(&first));
        for _ in 1..WORLDS {
            scope.spawn(|| work(&World::new()));
        }
    });
}
