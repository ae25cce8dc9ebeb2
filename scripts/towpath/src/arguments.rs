//! The command line: its words, and the help that teaches them.

use crate::ending::EXIT_CODES;
use clap::{Args, Parser, Subcommand};
use domain::names::{EnvironmentName, Region, ServiceId};
use std::path::PathBuf;

const ABOUT: &str = "\
What runs in each environment, and what a person may do about it: roll back, release, promote, approve.";

const CONFIGURATION: &str = "\
Environments:
  Without anything said, the account of your AWS credentials is the only environment. Say several
  with --environment, in the order of the path to production, or write them into towpath.yaml, in
  the folder where you are or in ~/.config/towpath/:

    environments:
      - { name: dev, profile: dev }
      - { name: stg, profile: stg, region: eu-west-1 }
      - { name: prd, role: \"arn:aws:iam::333333333333:role/operator\" }

  A profile is one of ~/.aws/config (SSO, assumed roles, credential processes). The usual variables
  hold too: AWS_PROFILE, AWS_REGION, AWS_ACCESS_KEY_ID …, AWS_ENDPOINT_URL.
";

const EXAMPLES: &str = "\
Examples:
  towpath status
  towpath status cluster1/webapp1 --between dev prd
  towpath rollback cluster1/webapp1 --in prd --to previous --reason '500s since 14:05' --dry-run
  towpath -e dev=my-dev -e stg=my-stg promote cluster1/webapp1 --from dev --to stg
";

/// Everything that can be said.
#[derive(Debug, Parser)]
#[command(
    name = "towpath", about = ABOUT, max_term_width = 110, disable_help_subcommand = true,
    after_long_help = format!("{CONFIGURATION}\n{EXAMPLES}\n{EXIT_CODES}")
)]
pub(crate) struct Arguments {
    /// What holds for each command.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for each command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Environments and output")]
pub(crate) struct Common {
    /// An environment and the AWS profile that reaches it; without one, the credentials that are there anyway. Several
    /// times, in the order of the path to production. Replaces those of towpath.yaml.
    #[arg(short = 'e', long = "environment", value_name = "NAME[=PROFILE]", global = true)]
    pub(crate) places: Vec<String>,
    /// The file that names the environments, instead of towpath.yaml.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The Region, where neither towpath.yaml, the profile nor AWS_REGION says it.
    #[arg(long, global = true)]
    pub(crate) region: Option<Region>,
    /// Answers in JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows what runs: service × environment, or the commits between two environments.
    Status(Status),
    /// Shows the revisions of a service, newest first: who, when, what, and how it went.
    History(History),
    /// Puts an earlier revision back and holds it there.
    Rollback(Rollback),
    /// Ends a hold or a quarantine, so that the rules move the service again.
    Release(Release),
    /// Approves an image for an environment: a tag on its digest in the registry before.
    Approve(Approve),
    /// Pushes a commit of the application into the next environment.
    Promote(Promote),
}

/// `status`
#[derive(Debug, Args)]
#[command(after_long_help = format!("\
States:
  in_sync         git, the service and its tasks say the same
  held            they do, and a hold keeps it so
  waiting         they do, and an image that should run is not there yet
  rolling         the service is on its way
  behind          git says something that is not being deployed
  failed          a deployment failed, and the service runs something else than git says
  by_hand         a person deployed past git
  never_deployed  the service was never deployed
  mixed           its tasks do not all run the service's revision
  image_missing   an image that git says is not in the registry: no new task can start
  invalid         its revision.json cannot be read
  unread          AWS gave no usable answer about it

Examples:
  towpath status                                       all services in all environments
  towpath status cluster1/webapp1 --environments dev,stg
  towpath status cluster1/webapp1 --between dev stg    what stg would get by a promotion
  towpath status --json | jq '.services[] | select(.state != \"in_sync\")'

{EXIT_CODES}"))]
pub(crate) struct Status {
    /// The services, as <cluster>/<service>; all when none is said.
    pub(crate) services: Vec<ServiceId>,
    /// Only these environments.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub(crate) environments: Vec<EnvironmentName>,
    /// Shows the source commits that the service has in the first environment and not in the second.
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], conflicts_with = "environments")]
    pub(crate) between: Vec<EnvironmentName>,
}

/// `history`
#[derive(Debug, Args)]
#[command(after_long_help = format!("\
The outcome is what Towpath told of a revision and what its images' evidence says now: verified, \
failed, reverted, quarantined, released. COMMIT and VERSION are what `towpath rollback --to` takes.

Examples:
  towpath history cluster1/webapp1
  towpath history cluster1/webapp1 --in prd --limit 50 --json

{EXIT_CODES}"))]
pub(crate) struct History {
    /// The service, as <cluster>/<service>.
    pub(crate) service: ServiceId,
    /// The environment.
    #[arg(long = "in", value_name = "NAME")]
    pub(crate) environment: Option<EnvironmentName>,
    /// How many revisions at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) limit: u16,
}

/// `rollback`
#[derive(Debug, Args)]
#[command(after_long_help = format!("\
It starts the Automation document towpath-roll_back, the console's own door, so that AWS records who \
asked. The earlier revision is committed forward with a hold, what it leaves goes into quarantine, and \
what is still rolling out is stopped. Nothing moves the service again until `towpath release`, or until a person moves it.

Examples:
  towpath rollback cluster1/webapp1 --in prd --to previous --reason '500s since 14:05' --dry-run
  towpath rollback cluster1/webapp1 --in prd --to previous --reason '500s since 14:05'
  towpath rollback cluster1/webapp1 --in prd --to 4f3c2a1 --reason 'before the migration'

{EXIT_CODES}"))]
pub(crate) struct Rollback {
    /// The service, as <cluster>/<service>.
    pub(crate) service: ServiceId,
    /// The environment.
    #[arg(long = "in", value_name = "NAME")]
    pub(crate) environment: Option<EnvironmentName>,
    /// What to go back to: previous (the last healthy revision with other images), a commit of the deployment repository
    /// or of the application, an image tag, or a digest.
    #[arg(long, value_name = "REVISION")]
    pub(crate) to: String,
    /// What is said about it in the commit.
    #[command(flatten)]
    pub(crate) saying: Saying,
}

/// `release`
#[derive(Debug, Args)]
#[command(after_long_help = format!("\
It starts the Automation document towpath-release, so that AWS records who asked. The service then \
moves to what its rules select, at once.

Examples:
  towpath release cluster1/webapp1 --in prd --reason 'fixed in 8d0e1f2'
  towpath release cluster1/webapp1 --in prd --what hold --reason 'the fix goes out, the bad image stays out'
  towpath release cluster1/webapp1 --in prd --what sha256:9f2c… --reason 'it was the database'

{EXIT_CODES}"))]
pub(crate) struct Release {
    /// The service, as <cluster>/<service>.
    pub(crate) service: ServiceId,
    /// The environment.
    #[arg(long = "in", value_name = "NAME")]
    pub(crate) environment: Option<EnvironmentName>,
    /// What to release: all, hold (only the hold), or the digest of one image in quarantine.
    #[arg(long, value_name = "PART", default_value = "all")]
    pub(crate) what: String,
    /// What is said about it in the commit.
    #[command(flatten)]
    pub(crate) saying: Saying,
}

/// What a person says about what they ask for.
#[derive(Debug, Args)]
pub(crate) struct Saying {
    /// Why, on one line. It stands in the commit.
    #[arg(long)]
    pub(crate) reason: String,
    /// Who asks, if another than the one whose credentials are used.
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// Only tells what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `approve`
#[derive(Debug, Args)]
#[command(after_long_help = format!("\
It puts the tag approved-<environment>-<tag> on the image's digest in the registry of the environment \
before: the very same manifest, so that the approval belongs to these bytes and to no others. It is \
needed where the rules say `promote: {{ approve: tag }}`, or have tag in the list. A tag that stands on \
another image is refused, and both are shown. Your credentials must allow ecr:PutImage there.

Examples:
  towpath approve cluster1/webapp1 --in prd --dry-run     what the environment before runs now
  towpath approve cluster1/webapp1 --in prd --image 4f3c2a1d9e8b7c6f5a4d3e2c1b0a9f8e7d6c5b4a

{EXIT_CODES}"))]
pub(crate) struct Approve {
    /// The service, as <cluster>/<service>.
    pub(crate) service: ServiceId,
    /// The environment that the image may enter.
    #[arg(long = "in", value_name = "NAME")]
    pub(crate) environment: EnvironmentName,
    /// The image, by tag or digest; what the environment before runs when nothing is said.
    #[arg(long, value_name = "TAG|DIGEST")]
    pub(crate) image: Option<String>,
    /// Only tells what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `promote`
#[derive(Debug, Args)]
#[command(after_long_help = format!("\
It is the same as `git push stg <commit>:main` in a clone of the service's application (`application` in \
the rules), with the credentials of both environments and without a clone. It never forces the branch \
unless --back says so. Where the rules follow no commit, nothing needs to be pushed, and it says so.

Examples:
  towpath promote cluster1/webapp1 --from dev --to stg --dry-run
  towpath promote cluster1/webapp1 --from dev --to stg --commit 4f3c2a1
  towpath promote cluster1/webapp1 --from dev --to stg --commit 8d0e1f2 --back

{EXIT_CODES}"))]
pub(crate) struct Promote {
    /// The service, as <cluster>/<service>.
    pub(crate) service: ServiceId,
    /// The environment that has the commit.
    #[arg(long, value_name = "NAME")]
    pub(crate) from: EnvironmentName,
    /// The environment behind it that shall get the commit.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: EnvironmentName,
    /// The commit of the application, by its id or at least seven digits of it; what the first environment runs when
    /// nothing is said.
    #[arg(long, value_name = "COMMIT")]
    pub(crate) commit: Option<String>,
    /// Lets the branch go back to a commit that lacks some of what is there.
    #[arg(long)]
    pub(crate) back: bool,
    /// Only tells what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
