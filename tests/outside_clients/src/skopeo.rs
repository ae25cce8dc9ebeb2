//! `skopeo`: images and indexes in and out of the registry, byte by byte.

use crate::stage::{DEV, Said, Stage, installed, stable};
use client::{Artifact, Image, Index};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn skopeo_is_installed() -> bool {
    installed("skopeo", &["skopeo", "--version"], "apt-get install skopeo")
}

/// Two platforms, each with an attestation, as BuildKit pushes them.
fn index() -> Artifact {
    let image = Image::new("web").version("1.0").gzip();
    let arm = image.clone().platform("linux", "arm64").layer("app/web", "for arm64");
    Index::new().image(image).image(arm).attested().build().unwrap()
}

/// Writes an artifact as an OCI image layout under that name, as `skopeo` and `buildctl` read and write them.
fn write_layout(folder: &Path, name: &str, artifact: &Artifact) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |digest: &str, bytes: &[u8]| {
        std::fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes).unwrap();
    };
    for part in std::iter::once(artifact).chain(&artifact.children) {
        put(&part.digest, part.manifest.as_bytes());
    }
    for blob in artifact.all_blobs() {
        put(&blob.digest, &blob.bytes);
    }
    let mut descriptor = artifact.descriptor();
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    std::fs::write(
        folder.join("index.json"),
        json!({ "schemaVersion": 2, "manifests": [descriptor] }).to_string(),
    )
    .unwrap();
}

/// Each blob of a layout by its name, and the digest that its index names first.
fn read_layout(folder: &Path) -> (String, BTreeMap<String, Vec<u8>>) {
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let files = std::fs::read_dir(folder.join("blobs/sha256")).unwrap().map(|file| file.unwrap());
    let blobs =
        files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()));
    (index["manifests"][0]["digest"].as_str().unwrap().to_owned(), blobs.collect())
}

impl Stage {
    fn skopeo(&self, arguments: &[&str]) -> Said {
        // Without a policy file of the person's: HOME is empty, so the rule is said here.
        self.run("skopeo", &[&["--insecure-policy"], arguments].concat())
    }

    fn skopeo_does(&self, arguments: &[&str]) -> String {
        let said = self.skopeo(arguments);
        assert_eq!(said.code, Some(0), "skopeo {arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    fn image(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.host())
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn repository(&self, name: &str) {
        self.client().call("ecr", "CreateRepository", &json!({ "repositoryName": name })).unwrap();
    }
}

/// Whom skopeo logs in as: the account's number is the name.
fn credentials() -> String {
    format!("{DEV}:x")
}

#[test]
fn an_index_goes_in_and_out_byte_by_byte() {
    if !skopeo_is_installed() {
        return;
    }
    let stage = Stage::start();
    stage.repository("team/web");
    let index = index();
    write_layout(&stage.folder("in"), "1.0", &index);
    let there = stage.image("team/web:1.0");
    let login = credentials();
    stage.skopeo_does(&[
        "copy",
        "--all",
        "--dest-tls-verify=false",
        "--dest-creds",
        &login,
        "oci:in:1.0",
        &there,
    ]);
    let raw = stage.skopeo_does(&["inspect", "--raw", "--tls-verify=false", "--creds", &login, &there]);
    assert_eq!(raw, index.manifest);

    stage.skopeo_does(&[
        "copy",
        "--all",
        "--src-tls-verify=false",
        "--src-creds",
        &login,
        &there,
        "oci:out:1.0",
    ]);
    let (sent, received) = (read_layout(&stage.folder("in")), read_layout(&stage.folder("out")));
    assert_eq!(received.0, index.digest);
    assert_eq!(sent, received);
    assert_eq!(received.1.len(), 1 + 4 + index.all_blobs().len());

    // The same copy once more, to another tag: all blobs are there, so nothing is uploaded.
    let again = stage.image("team/web:again");
    stage.skopeo_does(&[
        "copy",
        "--all",
        "--dest-tls-verify=false",
        "--dest-creds",
        &login,
        "oci:in:1.0",
        &again,
    ]);
    let found = stage
        .client()
        .call(
            "ecr",
            "DescribeImages",
            &json!({ "repositoryName": "team/web", "imageIds": [{ "imageTag": "again" }] }),
        )
        .unwrap();
    assert_eq!(found["imageDetails"][0]["imageDigest"], json!(index.digest));
    assert_eq!(found["imageDetails"][0]["imageTags"], json!(["1.0", "again"]));
}

#[test]
fn images_move_between_repositories_with_the_token_that_aws_gives() {
    if !skopeo_is_installed() {
        return;
    }
    let stage = Stage::start();
    stage.repository("one");
    stage.repository("two");
    let image = Image::new("web").docker().gzip().build().unwrap();
    stage.registry().push("one", Some("1"), &image).unwrap();
    let login = credentials();
    let (from, to) = (stage.image("one:1"), stage.image("two:1"));
    stage.skopeo_does(&[
        "copy",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--src-creds",
        &login,
        "--dest-creds",
        &login,
        &from,
        &to,
    ]);
    let digest =
        stage.skopeo_does(&["inspect", "--format={{.Digest}}", "--tls-verify=false", "--creds", &login, &to]);
    assert_eq!(digest.trim(), image.digest);

    let token = stage.client().call("ecr", "GetAuthorizationToken", &json!({})).unwrap();
    let token = token["authorizationData"][0]["authorizationToken"].as_str().unwrap().to_owned();
    let file = stage.folder("auth.json");
    std::fs::write(&file, json!({ "auths": { stage.host(): { "auth": token } } }).to_string()).unwrap();
    let tags = stage.skopeo_does(&[
        "list-tags",
        "--tls-verify=false",
        "--authfile",
        file.to_str().unwrap(),
        &stage.image("two"),
    ]);
    expect_test::expect![[r#"
        {
            "Repository": "<host>/two",
            "Tags": [
                "1"
            ]
        }
    "#]]
    .assert_eq(&stable(&tags));
}

#[test]
fn an_inspected_image_tells_its_labels_and_layers() {
    if !skopeo_is_installed() {
        return;
    }
    let stage = Stage::start();
    stage.repository("web");
    let image = Image::new("web").version("1.0").label("team", "shop").build().unwrap();
    stage.registry().push("web", Some("1.0"), &image).unwrap();
    let text = stage.skopeo_does(&[
        "inspect",
        "--tls-verify=false",
        "--creds",
        &credentials(),
        &stage.image("web:1.0"),
    ]);
    // What skopeo makes of the rest differs between its versions.
    let inspected: Value = serde_json::from_str(&text).unwrap();
    let shown: Vec<_> = ["Digest", "RepoTags", "Labels", "Architecture", "Os", "Layers"]
        .iter()
        .map(|name| &inspected[name])
        .collect();
    let labels = json!({ "org.opencontainers.image.title": "web", "org.opencontainers.image.version": "1.0", "team": "shop" });
    let expected = [
        json!(image.digest),
        json!(["1.0"]),
        labels,
        json!("amd64"),
        json!("linux"),
        json!([image.blobs[1].digest]),
    ];
    assert_eq!(shown, expected.iter().collect::<Vec<_>>());
}

#[test]
fn refusals_are_told() {
    if !skopeo_is_installed() {
        return;
    }
    let stage = Stage::start();
    stage.repository("web");
    let image = Image::new("web").build().unwrap();
    write_layout(&stage.folder("in"), "1", &image);
    let login = credentials();
    let mut told = String::new();
    let mut tell = |what: &str, said: Said| {
        assert_eq!(said.out, "", "{what}");
        // What the registry said; the words around it are skopeo's own.
        let codes = ["name unknown: ", "tag invalid: ", "manifest unknown: ", "unauthorized: "];
        let start = codes.iter().find_map(|code| said.err.find(code)).unwrap_or_default();
        let message =
            said.err.get(start..).unwrap_or_default().split([')', '"']).next().unwrap_or_default().trim_end();
        told.push_str(&format!("{what}: {:?} {}\n", said.code, stable(message)));
    };
    let copy = |to: &str| {
        stage.skopeo(&[
            "copy",
            "-q",
            "--dest-tls-verify=false",
            "--dest-creds",
            &login,
            "oci:in:1",
            &stage.image(to),
        ])
    };
    tell("no such repository", copy("absent:1"));
    stage
        .client()
        .call(
            "ecr",
            "PutImageTagMutability",
            &json!({ "repositoryName": "web", "imageTagMutability": "IMMUTABLE" }),
        )
        .unwrap();
    let first = copy("web:1");
    assert_eq!(first.code, Some(0), "{}", first.err);
    write_layout(&stage.folder("in"), "1", &Image::new("web").version("2").build().unwrap());
    tell("a tag that may not move", copy("web:1"));
    tell(
        "no such tag",
        stage.skopeo(&["inspect", "--tls-verify=false", "--creds", &login, &stage.image("web:absent")]),
    );
    tell("nobody", stage.skopeo(&["inspect", "--tls-verify=false", "--no-creds", &stage.image("web:1")]));
    expect_test::expect![[r#"
        no such repository: Some(1) name unknown: The repository with name 'absent' does not exist in the registry with id '111111111111'
        a tag that may not move: Some(1) tag invalid: The image tag '1' already exists in the 'web' repository and cannot be overwritten because the tag is immutable.
        no such tag: Some(1) manifest unknown: Requested image not found: web absent
        nobody: Some(1) unauthorized: expected the user AWS with a password of GetAuthorizationToken, or an account id of these local accounts with any password
    "#]].assert_eq(&told);
}
