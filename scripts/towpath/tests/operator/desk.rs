//! A dev account in virtual time, and a person's desk before it: a home folder, a terminal, and `towpath`.

use client::Git;
use local_aws::settings::Settings;
use regex_lite::Regex;
use serde_json::Value;
use std::fmt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;
use stories::Story;
use tempfile::TempDir;

/// dev's account.
pub(crate) const DEV: &str = "111111111111";

/// What `towpath` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.out, self.err)?;
        match self.code {
            Some(0) => Ok(()),
            code => writeln!(formatter, "exit {code:?}"),
        }
    }
}

/// `towpath` in an environment that holds nothing of the person's who runs the tests.
pub(crate) fn towpath(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_towpath"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What the accounts' clock shows at first. It moves from event to event and the functions go by the machine's: a person
/// must not act before what ECS has told already.
pub(crate) fn slow_clock() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::<chrono::Utc>::from(SystemTime::now()) - chrono::Duration::minutes(20)
}

/// A folder of one's own.
pub(crate) fn home() -> TempDir {
    TempDir::with_prefix("towpath-home-").unwrap()
}

/// The account and the desk.
pub(crate) struct Desk {
    pub(crate) story: Story,
    pub(crate) home: TempDir,
    names: Vec<(String, String)>,
}

impl Desk {
    /// An account with Towpath's stacks and nothing else.
    pub(crate) fn empty() -> Self {
        Self::of(Story::start_at(Settings::default(), slow_clock()).unwrap())
    }

    /// An account with one service and its rules, at rest.
    pub(crate) fn with_service() -> Self {
        let mut desk = Self::empty();
        desk.story.make_service("webapp1", true).unwrap();
        desk.story.commit("Deliver webapp1", &[("delivery.yaml", Some(stories::RULES))]).unwrap();
        desk.story.make_pipeline("webapp1").unwrap();
        desk
    }

    /// A desk before these accounts.
    pub(crate) fn of(story: Story) -> Self {
        Self { story, home: home(), names: Vec::new() }
    }

    /// Pushes a good image and lets everything happen.
    pub(crate) fn push(&mut self, tag: &str) -> String {
        let digest = self.story.push("webapp1", tag).unwrap();
        self.names.push((digest.clone(), format!("<digest of {tag}>")));
        self.names.push((digest[..19].to_owned(), format!("<digest of {tag}>")));
        digest
    }

    /// The command with dev's credentials.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = towpath(self.home.path(), arguments);
        command
            .env("AWS_ENDPOINT_URL", self.story.endpoint())
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", DEV)
            .env("AWS_SECRET_ACCESS_KEY", "x");
        command
    }

    /// Runs a command while the account goes on.
    pub(crate) fn run(&self, command: &mut Command) -> Said {
        let child = command.spawn().unwrap();
        let waiting = std::thread::spawn(move || child.wait_with_output());
        while !waiting.is_finished() {
            self.story.rest().unwrap();
            std::thread::yield_now();
        }
        Said::of(&waiting.join().unwrap().unwrap())
    }

    /// Types a command.
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        self.run(&mut self.command(arguments))
    }

    /// Types a command; what it said, as it can be expected.
    pub(crate) fn shows(&self, arguments: &[&str]) -> String {
        self.stable(&self.say(arguments).to_string())
    }

    /// The same text with commits and digests under names of their own, and without what differs from run to run.
    pub(crate) fn stable(&self, text: &str) -> String {
        let commits = commits(self.story.endpoint(), DEV);
        let known = self.names.iter().chain(&commits);
        let text = known.fold(text.to_owned(), |text, (value, name)| text.replace(value, name));
        stable(&text)
    }
}

/// The commits of the deployment repository by their number, the oldest being the first.
pub(crate) fn commits(endpoint: &str, account: &str) -> Vec<(String, String)> {
    let Ok(git) = Git::clone(endpoint, account, "deployment") else { return Vec::new() };
    let log = git.run(&["log", "--reverse", "--format=%H"]).unwrap_or_default();
    let numbered = log.lines().enumerate();
    let named = numbered.flat_map(|(index, id)| {
        let name = format!("<commit {}>", index + 1);
        // Each short form that anything prints.
        [id.to_owned(), id[..12].to_owned(), id[..8].to_owned(), id[..7].to_owned()]
            .map(|text| (text, name.clone()))
    });
    named.collect()
}

/// The same text without what differs from run to run.
pub(crate) fn stable(text: &str) -> String {
    [
        (r"http://127\.0\.0\.1:[0-9]+", "<endpoint>"),
        (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "<time>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        // The columns are as wide as what stood in them.
        (r" {2,}", "  "),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (pattern, name)| {
        Regex::new(pattern).unwrap().replace_all(&text, name).into_owned()
    })
}
