use super::stage::{NAME, Stage, dev, shortened};
use crate::caller::Caller;
use crate::services::ecr::digest::sha256;
use crate::services::ecr::staging;
use crate::shared::LocalAws;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use expect_test::expect;
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

fn begin(stage: &mut Stage) -> Value {
    stage.ok("InitiateLayerUpload", json!({"repositoryName": NAME}))["uploadId"].clone()
}

fn part(upload: &Value, first: usize, bytes: &[u8]) -> Value {
    json!({
        "repositoryName": NAME, "uploadId": upload, "partFirstByte": first,
        "partLastByte": first + bytes.len() - 1, "layerPartBlob": STANDARD.encode(bytes),
    })
}

fn complete(upload: &Value, digest: &str) -> Value {
    json!({"repositoryName": NAME, "uploadId": upload, "layerDigests": [digest]})
}

#[test]
fn an_upload_without_parts_makes_no_layer() {
    let mut stage = Stage::new();
    let upload = begin(&mut stage);
    assert_eq!(stage.code("CompleteLayerUpload", complete(&upload, &sha256(b""))), "EmptyUploadException");
}

#[test]
fn parts_come_in_sequence_and_make_one_layer() {
    let mut stage = Stage::new();
    let started = stage.ok("InitiateLayerUpload", json!({"repositoryName": NAME}));
    assert_eq!(started["partSize"], 10 * MIB);
    let upload = &started["uploadId"];
    let (first, second) = (vec![1; 5 * MIB], vec![2; 7]);
    let answer = stage.ok("UploadLayerPart", part(upload, 0, &first));
    assert_eq!(answer["lastByteReceived"], 5 * MIB - 1);
    for at in [0, 5 * MIB - 1, 5 * MIB + 1] {
        let error = stage.call("UploadLayerPart", part(upload, at, &second)).unwrap_err();
        assert_eq!(error.code, "InvalidLayerPartException");
        assert_eq!(error.members["lastValidByteReceived"], 5 * MIB - 1);
        assert_eq!(error.members["uploadId"], *upload);
    }
    stage.ok("UploadLayerPart", part(upload, 5 * MIB, &second));
    let digest = sha256(&[first, second].concat());
    let done = stage.ok("CompleteLayerUpload", complete(upload, &digest));
    assert_eq!(done["layerDigest"], digest.as_str());
    let layers =
        stage.ok("BatchCheckLayerAvailability", json!({"repositoryName": NAME, "layerDigests": [digest]}));
    assert_eq!(layers["layers"][0]["layerAvailability"], "AVAILABLE");
    assert_eq!(layers["layers"][0]["layerSize"], 5 * MIB + 7);
    assert_eq!(stage.code("CompleteLayerUpload", complete(upload, &digest)), "UploadNotFoundException");
}

#[test]
fn only_the_last_part_may_be_small() {
    let mut stage = Stage::new();
    let upload = begin(&mut stage);
    stage.ok("UploadLayerPart", part(&upload, 0, &vec![1; 5 * MIB - 1]));
    stage.ok("UploadLayerPart", part(&upload, 5 * MIB - 1, &[2]));
    assert_eq!(
        stage.code("CompleteLayerUpload", complete(&upload, &sha256(b"x"))),
        "LayerPartTooSmallException"
    );
}

#[test]
fn bad_parts_are_refused_by_name() {
    let mut stage = Stage::new();
    let upload = begin(&mut stage);
    let with = |member: &str, value: Value| {
        let mut input = part(&upload, 0, b"abc");
        input[member] = value;
        input
    };
    let refusals: Vec<String> = [
        with("uploadId", json!("absent")),
        with("repositoryName", json!("absent")),
        with("partFirstByte", json!(-1)),
        with("partLastByte", Value::Null),
        with("partFirstByte", json!(3)),
        with("partLastByte", json!(3)),
        with("layerPartBlob", json!("no base64")),
        with("layerPartBlob", json!({"staged": 1})),
        part(&upload, 0, &vec![0; 20 * MIB + 1]),
    ]
    .into_iter()
    .map(|input| stage.refusal("UploadLayerPart", input).replace(upload.as_str().unwrap(), "<upload>"))
    .collect();
    expect![[r#"
        UploadNotFoundException: The upload 'absent' could not be found in the repository with name 'webapp1' in the registry with id '111111111111'
        RepositoryNotFoundException: The repository with name 'absent' does not exist in the registry with id '111111111111'
        InvalidParameterException: Invalid parameter at 'partFirstByte' failed to satisfy constraint: 'must have value greater than or equal to 0'
        InvalidParameterException: Invalid parameter at 'partLastByte' failed to satisfy constraint: 'must not be null'
        InvalidParameterException: Invalid parameter at 'partLastByte' failed to satisfy constraint: 'must not be less than partFirstByte'
        InvalidLayerPartException: The layer part is not valid: its length is not that of its range; the last valid byte is -1
        InvalidParameterException: Invalid parameter at 'layerPartBlob' failed to satisfy constraint: 'must be base64: DecodeError: Invalid symbol 32, offset 2.'
        InvalidLayerPartException: The layer part is not valid: the part is not there any more; the last valid byte is -1
        InvalidParameterException: Invalid parameter at 'layerPartBlob' failed to satisfy constraint: 'must have length less than or equal to 20971520'"#]].assert_eq(&refusals.join("\n"));
    stage.ok("UploadLayerPart", part(&upload, 0, &vec![0; 20 * MIB]));
}

#[test]
fn an_upload_belongs_to_its_repository() {
    let mut stage = Stage::new();
    stage.ok("CreateRepository", json!({"repositoryName": "other"}));
    let upload = begin(&mut stage);
    let mut elsewhere = part(&upload, 0, b"abc");
    elsewhere["repositoryName"] = json!("other");
    assert_eq!(stage.code("UploadLayerPart", elsewhere), "UploadNotFoundException");
}

#[test]
fn bytes_of_another_digest_are_no_layer() {
    let mut stage = Stage::new();
    let upload = begin(&mut stage);
    stage.ok("UploadLayerPart", part(&upload, 0, b"abc"));
    for bad in [json!([]), json!(["sha256:x"])] {
        let input = json!({"repositoryName": NAME, "uploadId": upload, "layerDigests": bad});
        assert_eq!(stage.code("CompleteLayerUpload", input), "InvalidParameterException");
    }
    expect!["InvalidLayerException: The layer's digest is 'sha256:ba7816…', not 'sha256:2d7116…'"]
        .assert_eq(&shortened(&stage.refusal("CompleteLayerUpload", complete(&upload, &sha256(b"x")))));
}

#[test]
fn a_layer_that_is_there_is_said_to_be_there() {
    let mut stage = Stage::new();
    let digest = stage.layer(NAME, b"abc");
    let upload = begin(&mut stage);
    stage.ok("UploadLayerPart", part(&upload, 0, b"abc"));
    assert_eq!(stage.code("CompleteLayerUpload", complete(&upload, &digest)), "LayerAlreadyExistsException");
    let uploads = stage.world.store.folder(&dev(), "ecr").join("uploads");
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 0);
}

#[test]
fn absent_layers_are_unavailable_or_failures() {
    let mut stage = Stage::new();
    let there = stage.layer(NAME, b"abc");
    stage.ok("CreateRepository", json!({"repositoryName": "other"}));
    let elsewhere = stage.layer("other", b"elsewhere");
    let input = json!({"repositoryName": NAME, "layerDigests": [there, elsewhere, "", "sha256:x"]});
    let answer = stage.ok("BatchCheckLayerAvailability", input.clone());
    expect![[r#"{"failures":[{"failureCode":"MissingLayerDigest","failureReason":"Layer digest is missing","layerDigest":""},{"failureCode":"InvalidLayerDigest","failureReason":"Layer digest is not a SHA-256 digest","layerDigest":"sha256:x"}],"layers":[{"layerAvailability":"AVAILABLE","layerDigest":"sha256:ba7816…","layerSize":3},{"layerAvailability":"UNAVAILABLE","layerDigest":"sha256:7b1b76…"}]}"#]].assert_eq(&shortened(&answer.to_string()));
    stage.world.settings.unconfirmed.absent_layer_is_a_failure = true;
    let answer = stage.ok("BatchCheckLayerAvailability", input);
    assert_eq!(answer["layers"].as_array().unwrap().len(), 1);
    assert_eq!(answer["failures"][0]["failureCode"], "MissingLayerDigest");
    let many = json!({"repositoryName": NAME, "layerDigests": vec!["x"; 101]});
    assert_eq!(stage.code("BatchCheckLayerAvailability", many), "InvalidParameterException");
}

#[test]
fn only_layers_of_images_have_an_address_and_only_for_an_hour() {
    use crate::services::ecr::download::{Refusal, resolve};
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let digest = sha256(b"one");
    let url = json!({"repositoryName": NAME, "layerDigest": digest});
    assert_eq!(stage.code("GetDownloadUrlForLayer", url.clone()), "LayerInaccessibleException");
    let absent = json!({"repositoryName": NAME, "layerDigest": sha256(b"absent")});
    assert_eq!(stage.code("GetDownloadUrlForLayer", absent), "LayersNotFoundException");
    let image = stage.put(NAME, &text, Some("1"));
    let answer = stage.ok("GetDownloadUrlForLayer", url);
    let address = answer["downloadUrl"].as_str().unwrap();
    let (place, token) = address.rsplit_once("&token=").unwrap();
    let expires = 1_767_225_600 + 3600;
    let path = format!("/_layers/111111111111/{digest}?X-Amz-Expires=3600&expires={expires}");
    assert_eq!(place, format!("http://127.0.0.1:4566{path}"));
    let resolved = |stage: &Stage, expires| resolve(&stage.world, &dev(), &digest, expires, token);
    assert_eq!(std::fs::read(resolved(&stage, expires).unwrap()).unwrap(), b"one");
    assert_eq!(resolved(&stage, expires + 1), Err(Refusal::NotSigned));
    stage.wait(Duration::minutes(61));
    assert_eq!(resolved(&stage, expires), Err(Refusal::Expired));
    let delete = json!({"repositoryName": NAME, "imageIds": [{"imageDigest": image}]});
    stage.ok("BatchDeleteImage", delete);
    let layers =
        stage.ok("BatchCheckLayerAvailability", json!({"repositoryName": NAME, "layerDigests": [digest]}));
    assert_eq!(layers["layers"][0]["layerAvailability"], "UNAVAILABLE");
}

#[test]
fn a_staged_part_counts_once_and_a_dropped_one_never() {
    let mut stage = Stage::new();
    let upload = begin(&mut stage);
    let local = LocalAws::new(stage.world);
    let caller = Caller::administrator(&dev());
    let call = |operation: &str, input: Value| {
        local.lock().call(&caller, crate::services::Service::Ecr, operation, input)
    };
    let (_, dropped) = staging::stage(&local, &caller, part(&upload, 0, b"xyz and more"));
    // While one part is under way, another has to wait.
    assert_eq!(
        call("UploadLayerPart", part(&upload, 0, b"abc")).unwrap_err().code,
        "InvalidLayerPartException"
    );
    assert_eq!(
        call("CompleteLayerUpload", complete(&upload, &sha256(b"abc"))).unwrap_err().code,
        "InvalidLayerPartException"
    );
    drop(dropped);
    let (staged, reservation) = staging::stage(&local, &caller, part(&upload, 0, b"abc"));
    assert_eq!(staged["layerPartBlob"], json!({"staged": 2}));
    assert_eq!(call("UploadLayerPart", staged.clone()).unwrap()["lastByteReceived"], 2);
    assert_eq!(call("UploadLayerPart", staged).unwrap_err().code, "InvalidLayerPartException");
    drop(reservation);
    let digest = sha256(b"abc");
    assert_eq!(
        call("CompleteLayerUpload", complete(&upload, &digest)).unwrap()["layerDigest"],
        digest.as_str()
    );
    let path = crate::services::ecr::layers::path(&local.lock(), &dev(), &digest);
    assert_eq!(std::fs::read(path).unwrap(), b"abc");
}
