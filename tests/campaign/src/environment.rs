//! The environments of the stage, and what is set up in each.

/// An environment: an account with Towpath's stacks. Each one's upstream is the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Environment {
    /// Where images are pushed.
    Dev,
    /// Where approved images are copied to.
    Stg,
}

/// What an image needs to enter a service of an environment with an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// A push of its commit.
    Push,
    /// A tag beside its own.
    Tag,
    /// Upstream's word that it runs well there.
    Verified,
}

/// A service of the stage: its containers, each with its image repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedService {
    /// Its name in `cluster1`.
    pub name: &'static str,
    /// Its containers; each has a repository of its own name.
    pub containers: &'static [&'static str],
    /// Its application repository, if its rules name one.
    pub application: Option<&'static str>,
    /// What an image needs to enter it where there is an upstream.
    pub approval: Approval,
}

/// The services, each of another kind; the last is in no rules, and in the first environment only.
const SERVICES: [StagedService; 4] = [
    StagedService { name: "newest1", containers: &["newest1"], application: None, approval: Approval::Tag },
    StagedService {
        name: "semver1",
        containers: &["semver1"],
        application: None,
        approval: Approval::Verified,
    },
    StagedService {
        name: "pair1",
        containers: &["pair1", "pair2"],
        application: Some("pair"),
        approval: Approval::Push,
    },
    StagedService { name: "manual1", containers: &["manual1"], application: None, approval: Approval::Tag },
];

/// The rules of the first environment.
const DEV_RULES: &str = "version: 1
services:
  cluster1/newest1:
    containers:
      newest1: { repository: newest1, select: newest }
  cluster1/semver1:
    on_failure: hold
    containers:
      semver1: { repository: semver1, select: { semver: \">=1, <3\" } }
  cluster1/pair1:
    application: pair
    containers:
      pair1: { repository: pair1, select: commit }
      pair2: { repository: pair2, select: commit }
";

/// The rules of the second.
const STG_RULES: &str = "version: 1
services:
  cluster1/newest1:
    containers:
      newest1: { repository: newest1, select: newest }
    promote: { approve: tag }
  cluster1/semver1:
    on_failure: hold
    containers:
      semver1: { repository: semver1, select: { semver: \">=1, <3\" } }
    promote: { approve: verified }
  cluster1/pair1:
    application: pair
    containers:
      pair1: { repository: pair1, select: commit }
      pair2: { repository: pair2, select: commit }
    promote: { approve: push }
";

impl Environment {
    /// All of them, in the order of the chain.
    pub const ALL: [Self; 2] = [Self::Dev, Self::Stg];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Stg => "stg",
        }
    }

    /// Its account.
    pub const fn account(self) -> &'static str {
        match self {
            Self::Dev => "111111111111",
            Self::Stg => "222222222222",
        }
    }

    /// The environment of an account.
    pub fn of_account(account: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|environment| environment.account() == account)
    }

    /// Its rules.
    pub const fn rules(self) -> &'static str {
        match self {
            Self::Dev => DEV_RULES,
            Self::Stg => STG_RULES,
        }
    }

    /// Its services.
    pub fn services(self) -> &'static [StagedService] {
        match self {
            Self::Dev => &SERVICES,
            Self::Stg => SERVICES.get(..3).unwrap_or_default(),
        }
    }

    /// One of its services; numbers that are too large begin again.
    pub fn service(self, number: usize) -> StagedService {
        let [first, ..] = SERVICES;
        let services = self.services();
        services.get(number % services.len().max(1)).copied().unwrap_or(first)
    }

    /// An image of its registry as `revision.json` names it.
    pub fn uri(self, repository: &str, digest: &str) -> String {
        format!("{}.dkr.ecr.eu-west-1.amazonaws.com/{repository}@{digest}", self.account())
    }
}

impl StagedService {
    /// `<cluster>/<service>`.
    pub fn id(&self) -> String {
        format!("cluster1/{}", self.name)
    }

    /// The name of its pipeline.
    pub fn pipeline(&self) -> String {
        format!("deploy-cluster1-{}", self.name)
    }

    /// Whether `delivery.yaml` names it.
    pub fn has_rules(&self) -> bool {
        self.name != "manual1"
    }

    /// Whether a failure holds it instead of reverting it.
    pub fn holds_on_failure(&self) -> bool {
        self.name == "semver1"
    }
}
