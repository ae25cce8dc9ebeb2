//! Random graphs of images: shared layers, indexes in indexes, referrers to anything, what is there already, faults.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not as expected fails the test")]

use aws::copy::{CopyOutcome, CopySummary};
use client::image::{DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST};
use client::index::{DOCKER_LIST, OCI_INDEX};
use client::{Artifact, Blob};
use copying::{Accounts, Content, NAME, STG, counted};
use local_aws::faults::CallFaultKind;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The image's tag.
const TAG: &str = "1";

/// What a manifest is made of; the numbers choose among what came before it.
#[derive(Debug, Clone)]
enum Made {
    Image { layers: Vec<Index>, foreign: bool, says_its_type: bool, docker: bool },
    Index { children: Vec<Index>, docker: bool },
    Referrer { subject: Index, layers: Vec<Index> },
    ReferringIndex { subject: Index, children: Vec<Index> },
    Cosign { subject: Index, suffix: usize },
}

fn made() -> impl Strategy<Value = Made> {
    let some = || prop::collection::vec(any::<Index>(), 0..4);
    prop_oneof![
        4 => (some(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(layers, foreign, says_its_type, docker)| Made::Image { layers, foreign, says_its_type, docker }
        ),
        2 => (prop::collection::vec(any::<Index>(), 1..4), any::<bool>())
            .prop_map(|(children, docker)| Made::Index { children, docker }),
        2 => (any::<Index>(), some()).prop_map(|(subject, layers)| Made::Referrer { subject, layers }),
        1 => (any::<Index>(), some()).prop_map(|(subject, children)| Made::ReferringIndex { subject, children }),
        1 => (any::<Index>(), 0..3_usize).prop_map(|(subject, suffix)| Made::Cosign { subject, suffix }),
    ]
}

/// One manifest of a graph.
#[derive(Debug, Clone)]
struct Node {
    artifact: Artifact,
    children: Vec<String>,
    subject: Option<String>,
    tag: Option<String>,
}

fn graph(made: &[Made]) -> Vec<Node> {
    let pool: Vec<Blob> = (0..6_u8)
        .map(|number| {
            Blob::new("application/vnd.oci.image.layer.v1.tar", vec![number; 1 + 9_000 * usize::from(number)])
        })
        .collect();
    let mut nodes = vec![node(
        0,
        &Made::Image { layers: Vec::new(), foreign: false, says_its_type: true, docker: false },
        &[],
        &pool,
    )];
    for (number, made) in made.iter().enumerate() {
        let node = node(number + 1, made, &nodes, &pool);
        nodes.push(node);
    }
    nodes
}

fn node(number: usize, made: &Made, before: &[Node], pool: &[Blob]) -> Node {
    // What cosign's tags name is nothing that anything else speaks of or lists.
    let others: Vec<&Node> = before.iter().filter(|node| node.tag.is_none()).collect();
    let config = Blob::new(OCI_CONFIG, json!({ "number": number % 3 }).to_string().into_bytes());
    let unique = json!({ "number": number.to_string() });
    let picked = |picks: &[Index]| -> Vec<Blob> { picks.iter().map(|pick| pick.get(pool).clone()).collect() };
    let listed = |picks: &[Index]| -> Vec<Artifact> {
        picks.iter().map(|pick| pick.get(&others).artifact.clone()).collect()
    };
    let image = |layers: Vec<Blob>, more: Value| {
        let descriptors: Vec<Value> = layers.iter().map(Blob::descriptor).collect();
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(),
            "layers": descriptors, "annotations": unique });
        manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (manifest, std::iter::once(config.clone()).chain(layers).collect::<Vec<_>>())
    };
    let (media_type, manifest, blobs, children, subject, tag) = match made {
        Made::Image { layers, foreign, says_its_type, docker } => {
            let (mut manifest, blobs) = image(picked(layers), json!({}));
            if *foreign {
                let elsewhere = json!({ "digest": client::digest::sha256(b"elsewhere"), "size": 9, "urls": ["https://example.com/"],
                    "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar" });
                manifest["layers"].as_array_mut().unwrap().push(elsewhere);
            }
            if !says_its_type {
                manifest.as_object_mut().unwrap().remove("mediaType");
            }
            let media_type = if *docker { DOCKER_MANIFEST } else { OCI_MANIFEST };
            if manifest.get("mediaType").is_some() {
                manifest["mediaType"] = json!(media_type);
            }
            (media_type, manifest, blobs, Vec::new(), None, None)
        }
        Made::Index { children, .. } | Made::ReferringIndex { children, .. } => {
            let children = listed(children);
            let descriptors: Vec<Value> = children.iter().map(Artifact::descriptor).collect();
            let media_type =
                if matches!(made, Made::Index { docker: true, .. }) { DOCKER_LIST } else { OCI_INDEX };
            let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": descriptors, "annotations": unique });
            let mut subject = None;
            if let Made::ReferringIndex { subject: picked, .. } = made {
                let artifact = &picked.get(&others).artifact;
                manifest["subject"] = artifact.descriptor();
                subject = Some(artifact.digest.clone());
            }
            (media_type, manifest, Vec::new(), children, subject, None)
        }
        Made::Referrer { subject, layers } => {
            let subject = &subject.get(&others).artifact;
            let more = json!({ "subject": subject.descriptor(), "artifactType": "application/x.note" });
            let (manifest, blobs) = image(picked(layers), more);
            (OCI_MANIFEST, manifest, blobs, Vec::new(), Some(subject.digest.clone()), None)
        }
        Made::Cosign { subject, suffix } => {
            let (manifest, blobs) = image(vec![pool[0].clone()], json!({}));
            let suffix = ["sig", "att", "sbom"][*suffix];
            let tag = format!("{}.{suffix}", subject.get(&others).artifact.digest.replace(':', "-"));
            (OCI_MANIFEST, manifest, blobs, Vec::new(), None, Some(tag))
        }
    };
    let digests = children.iter().map(|child| child.digest.clone()).collect();
    // The children are pushed before, each as a node of its own.
    let artifact = Artifact::new(media_type, manifest.to_string(), blobs, Vec::new());
    Node { artifact, children: digests, subject, tag }
}

/// How much of a graph is read.
struct Read {
    /// How many manifests are looked at for referrers.
    manifests: usize,
    /// How many levels there are: the image, then its children and what refers to it, and so on.
    levels: usize,
}

/// What belongs to a manifest.
fn closure(nodes: &[Node], root: &str) -> (Content, Read) {
    let by_digest: BTreeMap<&str, &Node> =
        nodes.iter().map(|node| (node.artifact.digest.as_str(), node)).collect();
    // The last of several manifests under one tag has it.
    let tags: BTreeMap<&str, &Node> =
        nodes.iter().filter_map(|node| Some((node.tag.as_deref()?, node))).collect();
    let mut content = Content::default();
    let mut looked_at = BTreeSet::new();
    let mut level = BTreeSet::from([root.to_owned()]);
    let mut levels = 0;
    while !level.is_empty() {
        levels += 1;
        looked_at.extend(level.iter().cloned());
        let next: BTreeSet<String> = level
            .iter()
            .flat_map(|digest| named_by(digest, &by_digest, &tags, nodes, &mut content))
            .collect();
        level = next.difference(&looked_at).cloned().collect();
    }
    (content, Read { manifests: looked_at.len(), levels })
}

/// What a manifest lists and what refers to it. It and its signatures belong to the graph.
fn named_by(
    digest: &str,
    by_digest: &BTreeMap<&str, &Node>,
    tags: &BTreeMap<&str, &Node>,
    nodes: &[Node],
    content: &mut Content,
) -> Vec<String> {
    let node = by_digest[digest];
    content.manifests.insert(digest.to_owned(), node.artifact.manifest.clone());
    let referrers = nodes.iter().filter(|other| other.subject.as_deref() == Some(digest));
    let referrers = referrers.map(|referrer| referrer.artifact.digest.clone());
    for suffix in ["sig", "att", "sbom"] {
        let tag = format!("{}.{suffix}", digest.replace(':', "-"));
        if let Some(node) = tags.get(tag.as_str()) {
            content.manifests.insert(node.artifact.digest.clone(), node.artifact.manifest.clone());
            content.tags.insert(tag, node.artifact.digest.clone());
        }
    }
    node.children.iter().cloned().chain(referrers).collect()
}

fn push_all(accounts: &Accounts, nodes: &[Node]) {
    for node in nodes {
        accounts.push(node.tag.as_deref(), &node.artifact);
    }
}

fn check(accounts: &Accounts, nodes: &[Node], expected: &Content) {
    assert_eq!(&accounts.content(STG), expected);
    for node in nodes.iter().filter(|node| expected.manifests.contains_key(&node.artifact.digest)) {
        for (digest, bytes) in accounts.blobs(STG, &node.artifact) {
            assert_eq!(client::digest::sha256(&bytes), digest);
        }
    }
}

/// The image's tag is put when everything else is there, and nothing is put after it.
fn is_visible_when_whole(
    journal: &[(&'static str, String, String)],
    expected: &Content,
    blobs: &BTreeSet<&str>,
) {
    let here = |operation: &str| {
        let of_operation = move |(account, called, _): &&(&'static str, String, String)| {
            *account == "stg" && called == operation
        };
        journal.iter().filter(of_operation).map(|(_, _, subject)| subject.as_str()).collect::<Vec<_>>()
    };
    let puts = here("PutImage");
    let (last, before) = puts.split_last().unwrap();
    assert!(last.contains(&format!("imageTag={TAG}")), "{puts:?}");
    for digest in expected.manifests.keys() {
        assert!(before.iter().any(|put| put.contains(shown(digest))), "{digest}: {puts:?}");
    }
    let completed = here("CompleteLayerUpload");
    for digest in blobs {
        assert!(completed.iter().any(|layer| layer.contains(shown(digest))), "{digest}: {completed:?}");
    }
    let mut after =
        journal.iter().skip_while(|(account, called, _)| *account != "stg" || called != "PutImage");
    assert!(!after.any(|(_, called, _)| called == "CompleteLayerUpload"));
}

/// As much of a digest as the journal shows.
fn shown(digest: &str) -> &str {
    &digest[..50]
}

fn count(calls: &[String], operation: &str) -> usize {
    let count = calls.iter().find_map(|call| call.strip_prefix(&format!("{operation}: ")));
    count.map_or(0, |count| count.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_copied_graph_is_the_graph_upstream(made in prop::collection::vec(made(), 0..14), root: Index) {
        let accounts = Accounts::start();
        let nodes = graph(&made);
        push_all(&accounts, &nodes);
        let roots: Vec<&Node> = nodes.iter().filter(|node| node.tag.is_none()).collect();
        let root = root.get(&roots).artifact.digest.clone();
        let (mut expected, read) = closure(&nodes, &root);
        let blobs: BTreeSet<&str> = nodes
            .iter()
            .filter(|node| expected.manifests.contains_key(&node.artifact.digest))
            .flat_map(|node| node.artifact.blobs.iter().map(|blob| blob.digest.as_str()))
            .collect();
        accounts.calls();
        let summary = accounts.copied(&root);
        accounts.tag(&root, TAG).unwrap();
        let journal = accounts.journal();
        let calls = counted(&journal);
        is_visible_when_whole(&journal, &expected, &blobs);
        expected.tags.insert(TAG.to_owned(), root.clone());
        check(&accounts, &nodes, &expected);
        prop_assert_eq!(summary.manifests, expected.manifests.len());
        prop_assert_eq!(summary.blobs, blobs.len());
        for (operation, times) in [
            ("dev ListImageReferrers", read.manifests),
            ("dev GetDownloadUrlForLayer", blobs.len()),
            ("stg BatchCheckLayerAvailability", blobs.len().div_ceil(100)),
            ("stg GetAuthorizationToken", blobs.len().min(1)),
            ("stg InitiateLayerUpload", blobs.len()),
            ("stg CompleteLayerUpload", blobs.len()),
            // One of them is the image's own tag.
            ("stg PutImage", expected.manifests.len() + 1),
        ] {
            prop_assert_eq!(count(&calls, operation), times, "{}: {:?}", operation, calls);
        }
        // One more asks what the tag names.
        for (operation, most) in [("dev BatchGetImage", read.levels), ("stg BatchGetImage", read.levels + 1)] {
            prop_assert!(count(&calls, operation) <= most, "{operation}: {calls:?}, {} levels", read.levels);
        }
        accounts.calls();
        prop_assert_eq!(accounts.copied(&root), CopySummary::default());
        let calls = accounts.calls();
        for operation in ["stg PutImage", "stg BatchCheckLayerAvailability", "stg InitiateLayerUpload"] {
            prop_assert_eq!(count(&calls, operation), 0);
        }
    }

    #[test]
    fn what_is_there_already_and_faults_do_not_change_the_end(
        made in prop::collection::vec(made(), 0..10),
        root: Index,
        there in prop::collection::vec(any::<bool>(), 10),
        faults in prop::collection::vec((0..8_usize, 0..6_u32, 0..5_usize), 0..4),
    ) {
        let accounts = Accounts::start();
        let nodes = graph(&made);
        push_all(&accounts, &nodes);
        let roots: Vec<&Node> = nodes.iter().filter(|node| node.tag.is_none()).collect();
        let root = root.get(&roots).artifact.digest.clone();
        let (mut expected, _) = closure(&nodes, &root);
        for (node, there) in nodes.iter().zip(&there) {
            let is_alone = node.children.is_empty() && node.tag.is_none() && node.subject.is_none();
            if *there && is_alone && node.artifact.digest != root {
                let pushed = accounts.ecr(STG).push(NAME, None, &node.artifact);
                prop_assert!(pushed.is_ok_and(|digest| digest == node.artifact.digest));
                expected.manifests.insert(node.artifact.digest.clone(), node.artifact.manifest.clone());
            }
        }
        const OPERATIONS: [&str; 8] = [
            "BatchGetImage", "ListImageReferrers", "GetDownloadUrlForLayer", "DownloadLayer",
            "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage",
        ];
        for (operation, skip, kind) in faults {
            let kind = match kind {
                0 => CallFaultKind::ServerError,
                1 => CallFaultKind::DropReply,
                2 => CallFaultKind::DropRequest,
                3 => CallFaultKind::TruncateReply,
                _ => CallFaultKind::Deny,
            };
            accounts.fail(OPERATIONS[operation], skip, 2, kind);
        }
        let mut complete = false;
        for _ in 0..6 {
            complete = matches!(accounts.copy(&root), Ok(CopyOutcome::Complete(_)));
            if complete {
                break;
            }
        }
        prop_assert!(complete);
        accounts.heal();
        let here = accounts.content(STG);
        prop_assert!(expected.tags.iter().all(|tag| here.tags.get(tag.0) == Some(tag.1)));
        check(&accounts, &nodes, &expected);
    }
}
