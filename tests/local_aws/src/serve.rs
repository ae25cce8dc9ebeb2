//! The local accounts as they are served: on a port, with the stacks deployed, until they are stopped.

use crate::clock::Clock;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::lambda;
use crate::settings::Settings;
use crate::shared::LocalAws;
use crate::store::Store;
use crate::world::World;
use crate::{runtime, wire};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How often a changed world is written to its store.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// An environment: an account with a Towpath stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// `dev`, `stg`, …
    pub name: String,
    /// Its account.
    pub account: AccountId,
}

impl std::str::FromStr for Environment {
    type Err = String;

    /// Reads `dev=111111111111`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, account) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is no environment: expected <name>=<12-digit account id>"))?;
        let name_is_good = !name.is_empty()
            && name.len() <= 20
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !name_is_good {
            return Err(format!("`{name}` is no environment's name: expected 1 to 20 of a-z and 0-9"));
        }
        Ok(Self { name: name.to_owned(), account: account.parse()? })
    }
}

/// What to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// The one Region.
    pub region: String,
    /// The chain of environments: each one's upstream is the one before it, its downstream the one after it.
    pub environments: Vec<Environment>,
    /// Where everything is kept between runs; a temporary folder when absent.
    pub store: Option<PathBuf>,
    /// The folder with `template.yaml` and `infra/`; no stacks are deployed when absent.
    pub project: Option<PathBuf>,
    /// The folder with the functions' executables.
    pub functions: PathBuf,
    /// How things behave.
    pub settings: Settings,
    /// Where made-up ids begin.
    pub seed: u64,
}

/// Why the local accounts did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or not allowed.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; hint: --port 0 picks a free port")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The store cannot be used.
    #[error("cannot use the store {path}: {source}")]
    Store {
        /// The folder or file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The store holds something that is no saved world.
    #[error(
        "the store's {path} cannot be read: {source}; hint: it was written by another version; use another --store"
    )]
    State {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A template cannot be read.
    #[error("cannot read {path}: {source}; hint: --project names the folder with template.yaml")]
    Template {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A stack cannot be deployed.
    #[error("cannot deploy the stack {stack} in {environment}: {source}")]
    Stack {
        /// The stack's name.
        stack: String,
        /// The environment's name.
        environment: String,
        /// What AWS would have said.
        source: Box<AwsError>,
    },
}

/// Local accounts that are being served. Dropping this ends them, and the functions with them.
#[derive(Debug)]
pub struct Running {
    /// The accounts.
    pub local: LocalAws,
    /// `http://127.0.0.1:<port>`.
    pub endpoint: String,
    tasks: JoinSet<()>,
}

impl Running {
    /// Ends everything and writes the store.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.tasks.shutdown().await;
        save(&self.local)
    }
}

/// Starts the local accounts: serves the port, deploys the stacks, runs the functions.
///
/// # Errors
/// When the port, the store or a template cannot be used.
pub async fn start(options: &Options) -> Result<Running, StartError> {
    start_with_clock(options, Clock::Real).await
}

/// [`start`] with this clock. A manual one stands still until somebody moves it: see [`LocalAws::rest`].
///
/// # Errors
/// As [`start`].
pub async fn start_with_clock(options: &Options, clock: Clock) -> Result<Running, StartError> {
    let (listener, address) = listen(options.port).await?;
    let endpoint = format!("http://{address}");
    let local = open(options, clock, &endpoint)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(wire::server::serve(listener, wire::router(local.clone())));
    tasks.spawn(runtime::keep_time(local.clone()));
    tasks.spawn(runtime::run(local.clone()));
    if options.store.is_some() {
        tasks.spawn(keep_saved(local.clone()));
    }
    Ok(Running { local, endpoint, tasks })
}

/// The local accounts with their stacks, not served: whoever opens them brings the requests (see
/// [`wire::InProcess`]), moves the clock and carries out the functions' invocations.
///
/// # Errors
/// When the store or a template cannot be used.
pub fn open(options: &Options, clock: Clock, endpoint: &str) -> Result<LocalAws, StartError> {
    let mut world = open_world(options, clock)?;
    world.endpoint = Some(endpoint.to_owned());
    if let Some(project) = &options.project {
        deploy_stacks(&mut world, options, project)?;
    }
    Ok(LocalAws::new(world))
}

async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn open_world(options: &Options, clock: Clock) -> Result<World, StartError> {
    let store = match &options.store {
        Some(path) => Store::at(path),
        None => Store::temporary(),
    };
    let shown = || options.store.as_deref().unwrap_or(Path::new("temporary folder")).display().to_string();
    let store = store.map_err(|source| StartError::Store { path: shown(), source })?;
    let state_file = store.state_file();
    let accounts = options.environments.iter().map(|environment| environment.account.clone());
    let settings = options.settings.clone();
    let mut world = World::new(accounts, &options.region, clock, options.seed, settings, store);
    let path = state_file.display().to_string();
    match std::fs::read_to_string(&state_file) {
        Ok(text) => {
            world.load(&text).map_err(|source| StartError::State { path, source })?;
            lambda::resume(&mut world);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(StartError::Store { path, source }),
    }
    Ok(world)
}

/// The stacks of each environment, in order: name and template.
const STACKS: [(&str, &str); 2] =
    [("deployment-repository", "infra/deployment_repository.yaml"), ("towpath", "template.yaml")];

fn deploy_stacks(world: &mut World, options: &Options, project: &Path) -> Result<(), StartError> {
    let account = |at: Option<usize>| {
        let environment = at.and_then(|at| options.environments.get(at));
        environment.map(|environment| environment.account.to_string()).unwrap_or_default()
    };
    for (at, environment) in options.environments.iter().enumerate() {
        for (stack, file) in STACKS {
            let path = project.join(file);
            let template = std::fs::read_to_string(&path)
                .map_err(|source| StartError::Template { path: path.display().to_string(), source })?;
            let parameters = match stack {
                "towpath" => BTreeMap::from([
                    ("Environment".to_owned(), environment.name.clone()),
                    ("Upstream".to_owned(), account(at.checked_sub(1))),
                    ("Downstream".to_owned(), account(at.checked_add(1))),
                ]),
                _ => BTreeMap::new(),
            };
            let functions = &options.functions;
            crate::services::cloudformation::deploy(
                world,
                &environment.account,
                stack,
                &template,
                &parameters,
                functions,
            )
            .map_err(|source| StartError::Stack {
                stack: stack.to_owned(),
                environment: environment.name.clone(),
                source: Box::new(source),
            })?;
        }
    }
    Ok(())
}

async fn keep_saved(local: LocalAws) {
    loop {
        tokio::time::sleep(SAVE_EVERY).await;
        if let Err(error) = save(&local) {
            eprintln!("{error}");
        }
    }
}

/// Writes the state beside the old one and swaps them, so that a crash leaves one whole.
fn save(local: &LocalAws) -> Result<(), StartError> {
    let world = local.lock();
    let path = world.store.state_file();
    let shown = path.display().to_string();
    let text = world.save().map_err(|source| StartError::State { path: shown.clone(), source })?;
    drop(world);
    let beside = path.with_extension("json.new");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, &path))
        .map_err(|source| StartError::Store { path: shown, source })
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn environments_are_read_and_bad_ones_explained() {
        let good: Environment = "dev=111111111111".parse().unwrap();
        assert_eq!((good.name.as_str(), good.account.as_str()), ("dev", "111111111111"));
        for (bad, why) in [
            ("dev", "`dev` is no environment: expected <name>=<12-digit account id>"),
            ("=111111111111", "`` is no environment's name: expected 1 to 20 of a-z and 0-9"),
            ("dev=1", "`1` is not an account id: expected 12 digits"),
        ] {
            assert_eq!(bad.parse::<Environment>(), Err(why.to_owned()));
        }
    }
}
