//! The registry endpoint over HTTP, as clients speak it that were not written here.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not as expected fails the test")]

use client::http::{Http, Reply};
use client::image::{Blob, OCI_MANIFEST};
use client::{Artifact, Aws, Ecr, Image, Index, Referrer, Registry};
use local_aws::faults::{CallFault, CallFaultKind};
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const DEV: &str = "111111111111";
const STG: &str = "222222222222";
const NAME: &str = "mesh/envoy";

/// Local accounts on a port of their own, with one repository in dev.
struct Served {
    running: Running,
    http: Http,
    // Dropped last: it carries the server.
    _runtime: Runtime,
}

impl Served {
    fn start() -> Self {
        let environment =
            |(name, id): (&str, &str)| Environment { name: name.to_owned(), account: id.parse().unwrap() };
        let options = Options {
            port: 0,
            region: "eu-west-1".to_owned(),
            environments: [("dev", DEV), ("stg", STG)].map(environment).to_vec(),
            store: None,
            project: None,
            functions: "absent".into(),
            settings: Settings::default(),
            seed: 1,
        };
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(serve::start(&options)).unwrap();
        let served = Self { running, http: Http::default(), _runtime: runtime };
        served.ecr(DEV).create_repository(NAME).unwrap();
        served
    }

    fn aws(&self, account: &str) -> Aws {
        Aws::local(&self.running.endpoint, account)
    }

    fn ecr(&self, account: &str) -> Ecr {
        Ecr::new(&self.aws(account))
    }

    fn registry(&self) -> Registry {
        Registry::login(&self.aws(DEV)).unwrap()
    }

    /// A request of dev's administrator; `path` may be a whole address.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        // `111111111111:x` in base64.
        let login = [("authorization", "Basic MTExMTExMTExMTExOng=")];
        self.send_as(method, path, &[&login, headers].concat(), body)
    }

    fn send_as(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let base = if path.starts_with("http") { "" } else { &self.running.endpoint };
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.http.send(method, &format!("{base}{path}"), &headers, body).unwrap()
    }

    fn fail(&self, operation: &str, what: CallFaultKind) {
        let fault = CallFault {
            service: Some("ecr".to_owned()),
            operation: Some(operation.to_owned()),
            caller: None,
            skip: 0,
            times: 1,
            what,
        };
        self.running.local.lock().faults.add_call_fault(fault);
    }
}

/// The status and the first error's code, as `404 NAME_UNKNOWN`.
fn refusal(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    format!("{} {}", reply.status, body["errors"][0]["code"].as_str().unwrap_or_default())
}

fn image() -> Artifact {
    Image::new("envoy").version("1").label("a", "b").layer("app/bin", vec![7; 300_000]).build().unwrap()
}

fn blob(bytes: &[u8]) -> Blob {
    Blob::new("application/octet-stream", bytes.to_vec())
}

fn absent_digest() -> String {
    blob(b"absent").digest
}

#[test]
fn nobody_gets_in_without_a_login() {
    let served = Served::start();
    let reply = served.send_as("GET", "/v2/", &[], &[]);
    assert_eq!(refusal(&reply), "401 UNAUTHORIZED");
    let challenge = reply.header("www-authenticate").unwrap();
    assert_eq!(
        challenge,
        format!("Basic realm=\"{}/\",service=\"ecr.amazonaws.com\"", served.running.endpoint)
    );
    assert_eq!(served.send("GET", "/v2/", &[], &[]).status, 200);
    for bad in ["Basic QVdTOng=", "Basic OTk5OTk5OTk5OTk5Ong=", "Basic ?", "Bearer x"] {
        let reply = served.send_as("GET", &format!("/v2/{NAME}/tags/list"), &[("authorization", bad)], &[]);
        assert_eq!(refusal(&reply), "401 UNAUTHORIZED", "{bad}");
    }
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let served = Served::start();
    let absent = absent_digest();
    for (method, path, expected) in [
        ("POST", "/v2/absent/blobs/uploads/".to_owned(), "404 NAME_UNKNOWN"),
        ("GET", "/v2/absent/tags/list".to_owned(), "404 NAME_UNKNOWN"),
        ("GET", "/v2/UPPER/tags/list".to_owned(), "400 NAME_INVALID"),
        ("GET", format!("/v2/{NAME}/manifests/absent"), "404 MANIFEST_UNKNOWN"),
        ("GET", format!("/v2/{NAME}/manifests/{absent}"), "404 MANIFEST_UNKNOWN"),
        ("GET", format!("/v2/{NAME}/manifests/sha256:x"), "400 DIGEST_INVALID"),
        ("GET", format!("/v2/{NAME}/blobs/{absent}"), "404 BLOB_UNKNOWN"),
        ("GET", format!("/v2/{NAME}/blobs/x"), "400 DIGEST_INVALID"),
        ("PATCH", format!("/v2/{NAME}/blobs/uploads/absent"), "404 BLOB_UPLOAD_UNKNOWN"),
        ("GET", format!("/v2/{NAME}/blobs/uploads/absent"), "404 BLOB_UPLOAD_UNKNOWN"),
        ("GET", format!("/v2/{NAME}/tags/list?n=x"), "400 PAGINATION_NUMBER_INVALID"),
        ("DELETE", format!("/v2/{NAME}/manifests/{absent}"), "405 UNSUPPORTED"),
        ("DELETE", format!("/v2/{NAME}/blobs/{absent}"), "405 UNSUPPORTED"),
        ("GET", "/v2/_catalog".to_owned(), "405 UNSUPPORTED"),
    ] {
        assert_eq!(refusal(&served.send(method, &path, &[], &[])), expected, "{method} {path}");
    }
    assert_eq!(served.send("HEAD", &format!("/v2/{NAME}/blobs/{absent}"), &[], &[]).status, 404);
    assert_eq!(served.send("HEAD", &format!("/v2/{NAME}/manifests/absent"), &[], &[]).status, 404);
}

#[test]
fn what_one_door_takes_the_other_gives() {
    let served = Served::start();
    let (registry, ecr) = (served.registry(), served.ecr(DEV));
    let index = Index::new()
        .image(Image::new("envoy").platform("linux", "amd64").layer("a", "x"))
        .image(Image::new("envoy").platform("linux", "arm64").layer("a", "y").gzip())
        .attested()
        .build()
        .unwrap();
    assert_eq!(registry.push(NAME, Some("1.29"), &index).unwrap(), index.digest);
    assert_eq!(registry.pull(NAME, "1.29").unwrap(), index);
    assert_eq!(registry.pull(NAME, &index.digest).unwrap(), index);
    // The same again changes nothing, and by the other door it is there already.
    assert_eq!(registry.push(NAME, Some("1.29"), &index).unwrap(), index.digest);
    assert_eq!(ecr.push(NAME, Some("1.29"), &index).unwrap_err().code, "ImageAlreadyExistsException");
    let single = image();
    ecr.push(NAME, Some("1.30"), &single).unwrap();
    assert_eq!(registry.pull(NAME, "1.30").unwrap(), single);
    // A repository of the same name in another account is another one.
    served.ecr(STG).create_repository(NAME).unwrap();
    let other = Registry::login(&served.aws(STG)).unwrap();
    assert_eq!(other.pull(NAME, "1.30").unwrap_err().status, 404);
}

#[test]
fn a_blob_comes_in_chunks_that_follow_each_other() {
    let served = Served::start();
    let content = blob(b"0123456789");
    let begun = served.send("POST", &format!("/v2/{NAME}/blobs/uploads/"), &[], &[]);
    assert_eq!((begun.status, begun.header("range")), (202, Some("0-0")));
    let place = begun.header("location").unwrap();
    let patched = served.send("PATCH", place, &[("content-range", "0-3")], b"0123");
    assert_eq!((patched.status, patched.header("range")), (202, Some("0-3")));
    let gap = served.send("PATCH", place, &[("content-range", "5-9")], b"56789");
    assert_eq!(refusal(&gap), "416 BLOB_UPLOAD_INVALID");
    assert_eq!(served.send("PATCH", place, &[], b"4567").header("range"), Some("0-7"));
    let status = served.send("GET", place, &[], &[]);
    assert_eq!((status.status, status.header("range")), (204, Some("0-7")));
    let done = served.send("PUT", &format!("{place}?digest={}", content.digest), &[], b"89");
    assert_eq!((done.status, done.header("docker-content-digest")), (201, Some(content.digest.as_str())));
    let head = served.send("HEAD", &format!("/v2/{NAME}/blobs/{}", content.digest), &[], &[]);
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    // As in ECR, it can be read once an image uses it.
    let get = served.send("GET", &format!("/v2/{NAME}/blobs/{}", content.digest), &[], &[]);
    assert_eq!(refusal(&get), "404 BLOB_UNKNOWN");
}

#[test]
fn a_blob_comes_in_one_request_and_only_under_its_digest() {
    let served = Served::start();
    let content = blob(b"whole");
    let place = |digest: &str| format!("/v2/{NAME}/blobs/uploads/?digest={digest}");
    assert_eq!(served.send("POST", &place(&content.digest), &[], b"whole").status, 201);
    assert_eq!(served.send("POST", &place(&content.digest), &[], b"whole").status, 201);
    assert_eq!(refusal(&served.send("POST", &place(&absent_digest()), &[], b"whole")), "400 DIGEST_INVALID");
    assert_eq!(refusal(&served.send("POST", &place("x"), &[], b"whole")), "400 DIGEST_INVALID");
    assert_eq!(refusal(&served.send("POST", &place(&absent_digest()), &[], b"")), "400 BLOB_UPLOAD_INVALID");
    let begun = served.send("POST", &format!("/v2/{NAME}/blobs/uploads/"), &[], &[]);
    let upload = begun.header("location").unwrap();
    assert_eq!(served.send("DELETE", upload, &[], &[]).status, 204);
    assert_eq!(refusal(&served.send("PATCH", upload, &[], b"x")), "404 BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn a_blob_is_mounted_from_another_repository() {
    let served = Served::start();
    served.ecr(DEV).create_repository("other").unwrap();
    let content = blob(b"shared");
    served.registry().push_blob(NAME, &content).unwrap();
    let mount = |digest: &str, from: &str| {
        served.send("POST", &format!("/v2/other/blobs/uploads/?mount={digest}&from={from}"), &[], &[])
    };
    assert_eq!(served.send("HEAD", &format!("/v2/other/blobs/{}", content.digest), &[], &[]).status, 404);
    let mounted = mount(&content.digest, NAME);
    assert_eq!(mounted.status, 201);
    assert_eq!(mounted.header("location"), Some(format!("/v2/other/blobs/{}", content.digest).as_str()));
    assert_eq!(served.send("HEAD", &format!("/v2/other/blobs/{}", content.digest), &[], &[]).status, 200);
    // What cannot be mounted is uploaded.
    assert_eq!(mount(&absent_digest(), NAME).status, 202);
    assert_eq!(mount(&content.digest, "absent").status, 202);
}

#[test]
fn ranges_of_layers_are_served_at_both_addresses() {
    let served = Served::start();
    let artifact = image();
    served.registry().push(NAME, Some("1"), &artifact).unwrap();
    let layer = artifact.blobs.last().unwrap();
    let size = layer.bytes.len();
    let asked = json!({"layerDigest": layer.digest});
    let answer = served.ecr(DEV).call("GetDownloadUrlForLayer", NAME, asked).unwrap();
    let url = answer["downloadUrl"].as_str().unwrap();
    let path = format!("/v2/{NAME}/blobs/{}", layer.digest);
    for place in [url, &path] {
        let whole = served.send("GET", place, &[], &[]);
        assert!(whole.status == 200 && whole.body == layer.bytes, "{place}");
        let part = served.send("GET", place, &[("range", "bytes=100-262999")], &[]);
        assert_eq!(part.status, 206);
        assert_eq!(part.header("content-range"), Some(format!("bytes 100-262999/{size}").as_str()));
        assert!(part.body == layer.bytes[100..263_000], "{place}");
        let behind = served.send("GET", place, &[("range", "bytes=9999999-")], &[]);
        assert_eq!(
            (behind.status, behind.header("content-range")),
            (416, Some(format!("bytes */{size}").as_str()))
        );
    }
    // The address needs no login, and is good for this layer alone.
    assert_eq!(served.send_as("GET", url, &[], &[]).status, 200);
    let changed = url.replace(&layer.digest, &artifact.blobs[0].digest);
    let refused = served.send_as("GET", &changed, &[], &[]);
    assert!(refused.status == 403 && refused.text().contains("<Code>SignatureDoesNotMatch</Code>"));
}

#[test]
fn a_manifest_must_be_complete_and_its_tag_free() {
    let served = Served::start();
    let registry = served.registry();
    let artifact = image();
    let path = |reference: &str| format!("/v2/{NAME}/manifests/{reference}");
    let put = |reference: &str, body: &[u8]| {
        served.send("PUT", &path(reference), &[("content-type", OCI_MANIFEST)], body)
    };
    assert_eq!(refusal(&put("1", artifact.manifest.as_bytes())), "400 MANIFEST_BLOB_UNKNOWN");
    for content in &artifact.blobs {
        registry.push_blob(NAME, content).unwrap();
    }
    assert_eq!(refusal(&put(&absent_digest(), artifact.manifest.as_bytes())), "400 DIGEST_INVALID");
    assert_eq!(refusal(&put("1", b"\xff")), "400 MANIFEST_INVALID");
    assert_eq!(refusal(&put("1", b"{}")), "400 MANIFEST_INVALID");
    assert_eq!(refusal(&put("1", &vec![b' '; 4_194_305])), "400 MANIFEST_INVALID");
    assert_eq!(refusal(&put(&"t".repeat(129), artifact.manifest.as_bytes())), "400 TAG_INVALID");
    let done = put("1", artifact.manifest.as_bytes());
    assert_eq!((done.status, done.header("docker-content-digest")), (201, Some(artifact.digest.as_str())));
    let head = served.send("HEAD", &path("1"), &[], &[]);
    assert_eq!(head.header("docker-content-digest"), Some(artifact.digest.as_str()));
    assert_eq!(head.header("content-length"), Some(artifact.manifest.len().to_string().as_str()));
    assert_eq!(head.header("content-type"), Some(OCI_MANIFEST));
    let immutable = json!({"imageTagMutability": "IMMUTABLE"});
    served.ecr(DEV).call("PutImageTagMutability", NAME, immutable).unwrap();
    assert_eq!(put("1", artifact.manifest.as_bytes()).status, 201);
    let other = Image::new("envoy").version("2").build().unwrap();
    assert_eq!(registry.push(NAME, Some("1"), &other).unwrap_err().status, 400);
}

#[test]
fn tags_come_sorted_and_in_pages() {
    let served = Served::start();
    let empty = served.send("GET", &format!("/v2/{NAME}/tags/list"), &[], &[]);
    assert_eq!(empty.text(), format!("{{\"name\":\"{NAME}\",\"tags\":[]}}"));
    for tag in ["c", "a", "b"] {
        served.registry().push(NAME, Some(tag), &image()).unwrap();
    }
    let first = served.send("GET", &format!("/v2/{NAME}/tags/list?n=2"), &[], &[]);
    assert_eq!(first.text(), format!("{{\"name\":\"{NAME}\",\"tags\":[\"a\",\"b\"]}}"));
    let link = first.header("link").unwrap();
    assert_eq!(link, format!("</v2/{NAME}/tags/list?n=2&last=b>; rel=\"next\""));
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let rest = served.send("GET", next, &[], &[]);
    assert_eq!(rest.text(), format!("{{\"name\":\"{NAME}\",\"tags\":[\"c\"]}}"));
    assert_eq!(rest.header("link"), None);
}

#[test]
fn referrers_are_listed_by_kind_and_in_pages() {
    let served = Served::start();
    let registry = served.registry();
    let subject = image();
    registry.push(NAME, Some("1"), &subject).unwrap();
    for number in 0..51 {
        let referrer =
            Referrer::new(&subject, "application/vnd.test+json").annotation("n", &number.to_string());
        registry.push(NAME, None, &referrer.build()).unwrap();
    }
    let other = Referrer::new(&subject, "application/vnd.other+json").build();
    let put = served.send(
        "PUT",
        &format!("/v2/{NAME}/manifests/{}", other.digest),
        &[("content-type", &other.media_type)],
        other.manifest.as_bytes(),
    );
    assert_eq!((put.status, put.header("oci-subject")), (201, Some(subject.digest.as_str())));
    let path = format!("/v2/{NAME}/referrers/{}", subject.digest);
    let digests = |reply: &Reply| -> Vec<String> {
        let index: Value = serde_json::from_slice(&reply.body).unwrap();
        let manifests = index["manifests"].as_array().unwrap().iter();
        manifests.map(|manifest| manifest["digest"].as_str().unwrap().to_owned()).collect()
    };
    let chosen = served.send("GET", &format!("{path}?artifactType=application/vnd.other%2Bjson"), &[], &[]);
    assert_eq!(digests(&chosen), [other.digest]);
    assert_eq!(chosen.header("oci-filters-applied"), Some("artifactType"));
    let first = served.send("GET", &path, &[], &[]);
    assert_eq!(first.header("content-type"), Some("application/vnd.oci.image.index.v1+json"));
    let next = first.header("link").unwrap().trim_start_matches('<').split('>').next().unwrap();
    let rest = served.send("GET", next, &[], &[]);
    assert_eq!((digests(&first).len(), digests(&rest).len(), rest.header("link")), (50, 2, None));
    let none = served.send("GET", &format!("/v2/{NAME}/referrers/{}", absent_digest()), &[], &[]);
    assert_eq!(digests(&none), Vec::<String>::new());
}

#[test]
fn a_password_for_another_registry_needs_its_policy() {
    let served = Served::start();
    let artifact = image();
    served.registry().push(NAME, Some("1"), &artifact).unwrap();
    let answer =
        served.aws(STG).call("ecr", "GetAuthorizationToken", &json!({"registryIds": [DEV]})).unwrap();
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    let login = format!("Basic {token}");
    let path = format!("/v2/{NAME}/manifests/1");
    let get = || served.send_as("GET", &path, &[("authorization", &login)], &[]);
    assert_eq!(refusal(&get()), "403 DENIED");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": STG}, "Action": "ecr:BatchGetImage",
    }]});
    let set = json!({"policyText": policy.to_string()});
    served.ecr(DEV).call("SetRepositoryPolicy", NAME, set).unwrap();
    assert_eq!(get().text(), artifact.manifest);
}

#[test]
fn faults_and_the_journal_know_the_registry_too() {
    let served = Served::start();
    let registry = served.registry();
    let artifact = image();
    served.fail("PutImage", CallFaultKind::Throttle);
    assert_eq!(registry.push(NAME, Some("1"), &artifact).unwrap_err().status, 429);
    served.fail("PutImage", CallFaultKind::DropReply);
    assert_eq!(registry.push(NAME, Some("1"), &artifact).unwrap_err().status, 0);
    // It was done all the same.
    assert_eq!(registry.pull(NAME, "1").unwrap(), artifact);
    let part = blob(b"part");
    served.fail("UploadLayerPart", CallFaultKind::Throttle);
    assert_eq!(registry.push_blob(NAME, &part).unwrap_err().status, 429);
    assert!(served.ecr(DEV).push_layer(NAME, &part).unwrap());
    let world = served.running.local.lock();
    let entries = world.journal.after(0).filter(|entry| entry.operation == "PutImage");
    let answers: Vec<&str> = entries.map(|entry| entry.answer.as_str()).collect();
    assert_eq!(answers, ["ThrottlingException", "no reply"]);
}
