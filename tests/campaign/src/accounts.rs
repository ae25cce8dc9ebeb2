//! The local accounts of one history: a copy of accounts that were set up once.

use crate::{Environment, Failure};
use chrono::{DateTime, TimeZone, Utc};
use local_aws::clock::Clock;
use local_aws::error::AwsError;
use local_aws::serve::{self, Options};
use local_aws::services::Service;
use local_aws::settings::Settings;
use local_aws::wire::InProcess;
use local_aws::{AccountId, Caller, LocalAws};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The project's own folder.
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What the functions are told to be the endpoint; nothing listens there.
const ENDPOINT: &str = "http://127.0.0.1:1";

/// Where the stacks find executables, which nobody runs: the campaign calls the handlers itself.
const EXECUTABLES: &str = "executables";

/// The functions that the stacks ask for.
const FUNCTIONS: [&str; 7] = [
    "on_image_push",
    "on_commit",
    "promote_image",
    "roll_back",
    "on_deployment_change",
    "reconcile",
    "show_status",
];

/// The accounts of one history.
#[derive(Debug)]
pub struct Accounts {
    /// The accounts themselves.
    pub local: LocalAws,
    pub(crate) door: InProcess,
    folder: tempfile::TempDir,
}

/// One of the accounts, as its owner uses it.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    pub(crate) accounts: &'a Accounts,
    /// Which.
    pub environment: Environment,
}

/// Accounts at rest, of which copies can be made.
#[derive(Debug)]
pub struct Base {
    folder: tempfile::TempDir,
    now: DateTime<Utc>,
}

fn folder() -> Result<tempfile::TempDir, Failure> {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("campaign-");
    Ok(if memory.is_dir() { builder.tempdir_in(memory)? } else { builder.tempdir()? })
}

fn open(
    store: &Path,
    project: Option<PathBuf>,
    settings: Settings,
    seed: u64,
    now: DateTime<Utc>,
) -> Result<LocalAws, Failure> {
    let mut environments = Vec::new();
    for environment in Environment::ALL {
        let (name, account) = (environment.name().to_owned(), environment.account().parse()?);
        environments.push(serve::Environment { name, account });
    }
    let options = Options {
        port: 0,
        region: "eu-west-1".to_owned(),
        environments,
        store: Some(store.to_owned()),
        project,
        functions: store.join(EXECUTABLES),
        settings,
        seed,
    };
    Ok(serve::open(&options, Clock::Manual(now), ENDPOINT)?)
}

impl Accounts {
    /// Accounts with Towpath's stacks and nothing else.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn with_stacks(settings: Settings) -> Result<Self, Failure> {
        let folder = folder()?;
        let executables = folder.path().join(EXECUTABLES);
        std::fs::create_dir(&executables)?;
        for function in FUNCTIONS {
            std::fs::write(executables.join(function), "")?;
        }
        let began = Utc.with_ymd_and_hms(2026, 1, 5, 9, 0, 0).single().ok_or("no such time")?;
        let local = open(folder.path(), Some(PathBuf::from(PROJECT)), settings, 1, began)?;
        Ok(Self { door: InProcess::new(&local), local, folder })
    }

    /// What is taken for now.
    pub fn now(&self) -> DateTime<Utc> {
        self.local.lock().now()
    }

    /// One of them.
    pub fn of(&self, environment: Environment) -> Account<'_> {
        Account { accounts: self, environment }
    }

    /// Keeps what is there as the beginning of other histories.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn into_base(self) -> Result<Base, Failure> {
        let now = self.now();
        let world = self.local.lock();
        std::fs::write(world.store.state_file(), world.save()?)?;
        drop(world);
        Ok(Base { folder: self.folder, now })
    }
}

impl Account<'_> {
    /// Its id.
    pub(crate) fn id(&self) -> Result<AccountId, AwsError> {
        let id = self.environment.account();
        id.parse().map_err(|_| AwsError::new("Campaign", format!("{id} is no account")))
    }

    /// One operation, by the account's owner.
    ///
    /// # Errors
    /// What AWS says.
    pub fn call(&self, service: Service, operation: &str, input: Value) -> Result<Value, AwsError> {
        let caller = Caller::administrator(&self.id()?);
        self.accounts.local.lock().call(&caller, service, operation, input)
    }
}

impl Base {
    /// A copy with ids of its own.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn open(&self, settings: Settings, seed: u64) -> Result<Accounts, Failure> {
        let folder = folder()?;
        copy(self.folder.path(), folder.path())?;
        let local = open(folder.path(), None, settings, seed, self.now)?;
        // Also where the base was made with this very seed, no id comes twice.
        let mut world = local.lock();
        world.ids = local_aws::ids::Ids::from_seed(world.ids.number() ^ seed);
        drop(world);
        Ok(Accounts { door: InProcess::new(&local), local, folder })
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
