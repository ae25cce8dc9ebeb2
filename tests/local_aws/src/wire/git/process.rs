//! Running git: on the server's side, with nobody's configuration and no hooks.

use super::Refusal;
use super::commands::next_chunk;
use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How many bytes are read from git at once.
const READ_BYTES: usize = 64 * 1024;

/// The two things a client can ask of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    UploadPack,
    ReceivePack,
}

impl Service {
    /// As URLs and content types name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// As IAM names it.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::UploadPack => "GitPull",
            Self::ReceivePack => "GitPush",
        }
    }

    fn subcommand(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }
}

/// What CodeCommit allows and git asks the configuration for. Packs are never repacked: the API reads the
/// repository while git writes.
const CONFIGURATION: [&str; 10] = [
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "core.logAllRefUpdates=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "receive.autogc=false",
    "receive.denyNonFastForwards=false",
    "receive.denyDeletes=false",
    // HEAD stands for the default branch.
    "receive.denyDeleteCurrent=refuse",
    // An empty repository has no default branch; the client's own settings name the first one.
    "lsrefs.unborn=ignore",
];

fn git(service: Service, protocol: Option<&str>) -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.envs([
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("HOME", "/nonexistent"),
        ("LC_ALL", "C"),
    ]);
    command.envs(protocol.map(|protocol| ("GIT_PROTOCOL", protocol)));
    for setting in CONFIGURATION {
        command.args(["-c", setting]);
    }
    command.arg(service.subcommand()).arg("--stateless-rpc");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// The references of a repository, as the first request of a client wants them.
pub(super) async fn advertise(
    service: Service,
    folder: &Path,
    protocol: Option<&str>,
) -> Result<Vec<u8>, Refusal> {
    let output = git(service, protocol).arg("--advertise-refs").arg(folder).output().await?;
    if !output.status.success() {
        return Err(failed(service, &output.stderr));
    }
    // Version 2 of the protocol, which only fetching has, does without this line.
    let is_version_2 = protocol.is_some_and(|text| text.split(':').any(|part| part == "version=2"));
    if service == Service::UploadPack && is_version_2 {
        return Ok(output.stdout);
    }
    let line = format!("# service={}\n", service.name());
    let mut body = format!("{:04x}{line}0000", line.len() + 4).into_bytes();
    body.extend(output.stdout);
    Ok(body)
}

/// Streams the request into git and git's answer out. When the client goes away, git ends.
pub(super) fn upload_pack(folder: &Path, protocol: Option<&str>, body: Body) -> Result<Body, Refusal> {
    let mut command = git(Service::UploadPack, protocol);
    let mut child = command.arg(folder).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed(Service::UploadPack, b"it has no input and output"));
    };
    tokio::spawn(async move {
        // A client that breaks off, or git that has read enough: either way the input ends here.
        let _ended = feed(stdin, Bytes::new(), body.into_data_stream()).await;
    });
    Ok(Body::from_stream(stream::try_unfold((child, stdout), read_on)))
}

async fn read_on(
    (mut child, mut stdout): (Child, ChildStdout),
) -> std::io::Result<Option<(Bytes, (Child, ChildStdout))>> {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    if stdout.read_buf(&mut buffer).await? == 0 {
        // Git tells the client of a failure in its output; a broken pack shows by its checksum.
        child.wait().await?;
        return Ok(None);
    }
    Ok(Some((buffer.freeze(), (child, stdout))))
}

/// Streams a push into git, waits for its end, and returns its report.
pub(super) async fn receive_pack(
    folder: &Path,
    protocol: Option<&str>,
    start: Bytes,
    rest: BodyDataStream,
) -> Result<Vec<u8>, Refusal> {
    let mut child = git(Service::ReceivePack, protocol).arg(folder).stdin(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take();
    let feeding = async {
        match stdin {
            Some(stdin) => feed(stdin, start, rest).await,
            None => Ok(()),
        }
    };
    let (fed, output) = tokio::join!(feeding, child.wait_with_output());
    let output = output?;
    // Git's own report tells the client what went wrong; without one, the status does.
    if output.stdout.is_empty() && !output.status.success() {
        fed?;
        return Err(failed(Service::ReceivePack, &output.stderr));
    }
    Ok(output.stdout)
}

/// Writes a body into git; its input is closed at the end, also when the body breaks off.
async fn feed(mut stdin: ChildStdin, start: Bytes, mut rest: BodyDataStream) -> Result<(), Refusal> {
    stdin.write_all(&start).await?;
    while let Some(chunk) = next_chunk(&mut rest).await? {
        stdin.write_all(&chunk).await?;
    }
    stdin.shutdown().await?;
    Ok(())
}

fn failed(service: Service, stderr: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(stderr);
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{} failed: {}", service.name(), text.trim()))
}
