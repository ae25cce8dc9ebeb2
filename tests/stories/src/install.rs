//! How Towpath comes into an account: its stacks, as its template describes them.

use crate::account::Account;
use crate::story::{Failure, PROJECT, Story, executables};
use local_aws::services::Service;
use local_aws::services::cloudformation;
use local_aws::{AccountId, Caller, LocalAws};
use serde_json::json;
use std::collections::BTreeMap;

/// What an environment's neighbours are when its stack is installed.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) environment: String,
    pub(crate) id: String,
    pub(crate) upstream: Option<String>,
    pub(crate) downstream: Option<String>,
}

impl Place {
    /// The environments in their order, each with its neighbours.
    pub(crate) fn of_chain(environments: &[(&str, &str)]) -> Vec<Self> {
        let id = |at: Option<usize>| Some(environments.get(at?)?.1.to_owned());
        let places = environments.iter().enumerate().map(|(at, (environment, account))| Self {
            environment: (*environment).to_owned(),
            id: (*account).to_owned(),
            upstream: id(at.checked_sub(1)),
            downstream: id(at.checked_add(1)),
        });
        places.collect()
    }
}

/// Makes the deployment repository of an account that is being served, and its owner's clients.
pub(crate) fn open_account(local: &LocalAws, endpoint: &str, place: &Place) -> Result<Account, Failure> {
    deploy(local, &place.id, "deployment-repository", "infra/deployment_repository.yaml", &[])?;
    Account::new(endpoint, place)
}

impl Story {
    /// Installs Towpath in the account in which the story stands. Its sweeps come only when the story asks for one.
    ///
    /// # Errors
    /// What CloudFormation says.
    pub fn install(&mut self) -> Result<(), Failure> {
        let Place { environment, id: _, upstream, downstream } = self.here.place.clone();
        let (upstream, downstream) = (upstream.unwrap_or_default(), downstream.unwrap_or_default());
        self.install_with(&[
            ("Environment", &environment),
            ("Upstream", &upstream),
            ("Downstream", &downstream),
        ])
    }

    /// [`Story::install`] in the only environment that there is so far.
    ///
    /// # Errors
    /// What CloudFormation says.
    pub fn install_alone(&mut self) -> Result<(), Failure> {
        let environment = self.here.place.environment.clone();
        self.install_with(&[("Environment", &environment)])
    }

    fn install_with(&mut self, parameters: &[(&str, &str)]) -> Result<(), Failure> {
        let id = self.here.place.id.clone();
        deploy(&self.local, &id, "towpath", "template.yaml", parameters)?;
        self.here.is_installed_now()?;
        self.stop_sweeping()?;
        self.rest()
    }

    /// Deploys Towpath's stack again in the account in which the story stands, with other parameters.
    ///
    /// # Errors
    /// What CloudFormation says.
    pub fn reinstall(&mut self, parameters: &[(&str, &str)]) -> Result<(), Failure> {
        let id = self.here.place.id.clone();
        deploy(&self.local, &id, "towpath", "template.yaml", parameters)?;
        self.rest()
    }

    /// The schedule goes, so that sweeps come only when a story asks for one.
    fn stop_sweeping(&self) -> Result<(), Failure> {
        let caller = Caller::administrator(&self.here.place.id.parse()?);
        let input = json!({ "Name": "towpath-reconcile" });
        self.world(|world| world.call(&caller, Service::Scheduler, "DeleteSchedule", input))?;
        Ok(())
    }
}

fn deploy(
    local: &LocalAws,
    account: &str,
    stack: &str,
    file: &str,
    parameters: &[(&str, &str)],
) -> Result<(), Failure> {
    let template = std::fs::read_to_string(format!("{PROJECT}/{file}"))?;
    let account: AccountId = account.parse()?;
    let given = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let given: BTreeMap<String, String> = given.collect();
    cloudformation::deploy(&mut local.lock(), &account, stack, &template, &given, &executables()?)?;
    Ok(())
}
