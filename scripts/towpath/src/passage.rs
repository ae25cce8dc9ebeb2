//! The passage of a service from one environment into the next, as the next one's rules ask for it.

use crate::account::Account;
use crate::chain::Chain;
use crate::failure::Failure;
use crate::revision::read_rules;
use domain::names::{EnvironmentName, ServiceId};
use domain::rules::{Approval, ContainerRules, Policy, Promote, ServiceRules};

/// Two neighbouring environments, and what the second asks of the first.
#[derive(Debug)]
pub(crate) struct Passage {
    /// The environment before.
    pub(crate) from: Account,
    /// The environment that is entered.
    pub(crate) to: Account,
    /// Its rules for the service.
    pub(crate) rules: ServiceRules,
    /// What an image needs before it enters.
    pub(crate) promote: Promote,
    /// The service's name in the environment before.
    pub(crate) service_before: ServiceId,
}

impl Passage {
    /// The passage into `to`: from the environment that is said, else from the one before it in the chain.
    pub(crate) async fn find(
        chain: &Chain,
        service: &ServiceId,
        from: Option<&EnvironmentName>,
        to: &EnvironmentName,
    ) -> Result<Self, Failure> {
        if from == Some(to) {
            return Err(Failure::usage(format!("from {to} to {to}: expected two environments")));
        }
        let place = chain.one(Some(to))?;
        let before = match from {
            Some(from) => chain.one(Some(from))?,
            None => chain.before(to).ok_or_else(|| {
                Failure::usage(format!("which environment is before {to}? None before it is named")).hint(
                    "name both in towpath.yaml or with --environment, in the order of the path to production",
                )
            })?,
        };
        let to = Account::connect_as(place, Some(to)).await?;
        let from = Account::connect_as(before, from).await?;
        must_be_upstream(&from, &to)?;
        to.must_know(service).await?;
        let name = to.name().clone();
        let rules = read_rules(&to, service).await?.ok_or_else(|| {
            Failure::refused(format!("the rules of {name} do not name {service}: nothing is promoted for it"))
                .hint(format!(
                    "name it in {name}'s delivery.yaml, with promote; or commit its revision.json by hand"
                ))
        })?;
        let promote = rules.promote.clone().ok_or_else(|| {
            Failure::refused(format!(
                "the rules of {name} do not promote {service}: its images are pushed to {name} itself"
            ))
            .hint(format!("ask for it in {name}'s delivery.yaml, such as: promote: {{ approve: push }}"))
        })?;
        let service_before = promote.from.clone().unwrap_or_else(|| service.clone());
        from.must_know(&service_before).await?;
        Ok(Self { from, to, rules, promote, service_before })
    }

    /// Whether a container's image needs an approval tag: where the rules say so, and where a push cannot speak of it
    /// because it is not built from the application.
    pub(crate) fn asks_for_tag(&self, container: &ContainerRules) -> bool {
        let moves = container.select != Policy::Manual;
        let push_names_it = container.select == Policy::Commit;
        moves && (self.asks_for(Approval::Tag) || (self.asks_for(Approval::Push) && !push_names_it))
    }

    /// Whether an approval is among those that the rules ask for.
    pub(crate) fn asks_for(&self, approval: Approval) -> bool {
        self.promote.approve.contains(&approval)
    }
}

fn must_be_upstream(from: &Account, to: &Account) -> Result<(), Failure> {
    let account = &from.stack.registry.account;
    match &to.stack.upstream {
        Some(upstream) if upstream == account => Ok(()),
        Some(upstream) => Err(Failure::refused(format!(
            "{} takes images from the account {upstream}, not from {} ({account})",
            to.name(),
            from.name()
        ))
        .hint("say the environment of that account, and correct the order in towpath.yaml")),
        None => Err(Failure::refused(format!(
            "{} has no environment before it: images are pushed to it",
            to.name()
        ))
        .hint("install template.yaml there with the parameter Upstream to make it follow another account")),
    }
}

/// The approvals in the rules' own words.
pub(crate) fn approvals(promote: &Promote) -> String {
    let word = |approval: &Approval| match approval {
        Approval::Push => "push",
        Approval::Tag => "tag",
        Approval::Verified => "verified",
    };
    promote.approve.iter().map(word).collect::<Vec<_>>().join(", ")
}
