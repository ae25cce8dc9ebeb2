//! Accounts of a test's own, and clients as processes that know nothing but these.

use client::{Aws, Registry};
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use regex_lite::Regex;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// dev's account.
pub(crate) const DEV: &str = "111111111111";
pub(crate) const REGION: &str = "eu-west-1";

/// Whether a client can be started. Says what is left out when it cannot, or fails when everything must be tried.
pub(crate) fn installed(client: &str, probe: &[&str], hint: &str) -> bool {
    let Some((program, arguments)) = probe.split_first() else { return false };
    let tried = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if tried.is_ok_and(|status| status.success()) {
        return true;
    }
    let text = format!("left out: {client} is not installed (hint: {hint})");
    let all = std::env::var("TOWPATH_TEST_ALL").unwrap_or_default();
    assert!(all.is_empty(), "{text}");
    // Written past the test harness, which keeps to itself what a passing test prints.
    let _ = writeln!(std::io::stderr(), "{text}");
    false
}

/// The dev account, served on a port of its own with the project's stacks, and a home folder for its clients.
pub(crate) struct Stage {
    pub(crate) running: Running,
    pub(crate) home: TempDir,
    // Dropped last: it carries the server.
    _runtime: Runtime,
}

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Stage {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let options = Options {
            port: 0,
            region: REGION.to_owned(),
            environments: vec![Environment { name: "dev".to_owned(), account: DEV.parse().unwrap() }],
            store: None,
            project: Some(project()),
            functions: executables(),
            settings: Settings::default(),
            seed: 1,
        };
        let running = runtime.block_on(serve::start(&options)).unwrap();
        Self { running, home: TempDir::with_prefix("towpath-home-").unwrap(), _runtime: runtime }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.running.endpoint
    }

    /// The server's `127.0.0.1:<port>`.
    pub(crate) fn host(&self) -> &str {
        self.endpoint().trim_start_matches("http://")
    }

    pub(crate) fn client(&self) -> Aws {
        Aws::local(self.endpoint(), DEV).in_region(REGION)
    }

    pub(crate) fn registry(&self) -> Registry {
        Registry::login(&self.client()).unwrap()
    }

    /// A program in an environment that holds nothing of the person's who runs the tests.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", DEV)
            .env("AWS_SECRET_ACCESS_KEY", "x")
            .env("AWS_PAGER", "")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Said {
        said(self.command(program).args(arguments))
    }

    /// What must succeed; returns its standard output.
    pub(crate) fn succeed(&self, program: &str, arguments: &[&str]) -> String {
        let said = self.run(program, arguments);
        assert_eq!(said.code, Some(0), "{program} {arguments:?}: {}{}", said.out, said.err);
        said.out
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// The folder with `template.yaml` and `infra/`.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The folder with the functions' executables: this test's own, above `deps`.
fn executables() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap().to_owned();
    let built = folder.join("on_commit").exists();
    assert!(built, "{} has no functions; hint: cargo build --workspace", folder.display());
    folder
}

/// The same text with what differs from run to run under a name of its own.
pub(crate) fn stable(text: &str) -> String {
    [
        (r"http://127\.0\.0\.1:[0-9]+", "<endpoint>"),
        (r"127\.0\.0\.1:[0-9]+", "<host>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        (r"\b[0-9a-f]{40}\b", "<commit>"),
        (r"\b[0-9a-f]{7}\.\.[.]?[0-9a-f]{7}\b", "<old>..<new>"),
        (r"\b1[0-9]{9}\.[0-9]+\b", "<time>"),
        (r"[ \t]+\n", "\n"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (pattern, name)| {
        Regex::new(pattern).unwrap().replace_all(&text, name).into_owned()
    })
}
