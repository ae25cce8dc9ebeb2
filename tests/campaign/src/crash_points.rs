//! Every crash point of a flow: a function is killed before and after each of its calls in turn, its messages come
//! back, and the end must be that of the undisturbed run.

use crate::{Base, Crash, Drive, Environment, Failure, ImageKind, Moment, Named, Rates};
use chrono::Duration;
use local_aws::faults::{EventFault, EventFaultKind};
use local_aws::services::Service;
use local_aws::services::codecommit::Push;
use local_aws::settings::Settings;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// Longer than five receives of a failing message.
const REST_WITHIN: Duration = Duration::hours(6);
/// The person who asks again has this request's id.
const REQUEST: &str = "11111111-2222-4333-8444-555555555555";

/// A flow from its first event to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Flow {
    /// An image is pushed, deployed and verified.
    Deployed,
    /// A bad image is pushed, deployed and reverted.
    Reverted,
    /// A bad image is pushed, deployed and held.
    HeldAfterFailure,
    /// What a person committed is deployed, and held at the next image.
    HeldByHand,
    /// The images of one commit are deployed together.
    Together,
    /// A person rolls back while the next rollout is under way.
    RolledBack,
    /// A person releases what was rolled back, and the rules move it again.
    Released,
    /// Every event of a push is lost, and three sweeps make up for it.
    SweptUp,
    /// A person approves an image for two platforms by a tag, and it is copied and deployed in the next environment.
    Promoted,
    /// A commit of the application is pushed to the next environment, and its two images come there.
    PushedOn,
    /// An image is verified, and goes on by itself.
    Verified,
}

impl Flow {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Deployed,
        Self::Reverted,
        Self::HeldAfterFailure,
        Self::HeldByHand,
        Self::Together,
        Self::RolledBack,
        Self::Released,
        Self::SweptUp,
        Self::Promoted,
        Self::PushedOn,
        Self::Verified,
    ];

    /// What was there before the flow begins.
    ///
    /// # Errors
    /// What AWS says.
    pub async fn stage(self, base: &Base) -> Result<Base, Failure> {
        let mut drive = open(base)?;
        let good = ImageKind::Good;
        match self {
            Self::Deployed | Self::HeldAfterFailure | Self::SweptUp | Self::Verified => {}
            Self::Reverted | Self::HeldByHand => {
                push(&mut drive, "newest1", "1111111", good).await?;
            }
            Self::Together | Self::PushedOn => {
                let put: [(&str, &[u8]); 1] = [("main.txt", b"one\n")];
                let push =
                    Push { repository: "pair", branch: "main", person: "dev", put: &put, ..Push::default() };
                drive.accounts.of(Environment::Dev).commit(&push)?;
                if self == Self::PushedOn {
                    self.build(&mut drive).await?;
                }
            }
            Self::Promoted => {
                drive.accounts.of(Environment::Dev).push_index("newest1", "3333333", good).await?;
                drive.rest(REST_WITHIN).await?;
            }
            Self::RolledBack | Self::Released => {
                push(&mut drive, "newest1", "1111111", good).await?;
                push(&mut drive, "newest1", "2222222", good).await?;
            }
        }
        if self == Self::HeldByHand {
            let digest = push(&mut drive, "newest1", "2222222", good).await?;
            let text = by_hand(&digest);
            commit(&mut drive, &text)?;
            drive.rest(REST_WITHIN).await?;
        }
        if self == Self::Released {
            ask(&drive, "roll_back")?;
            drive.rest(REST_WITHIN).await?;
        }
        drive.into_accounts().into_base()
    }

    /// The flow itself, to its rest.
    async fn act(self, drive: &mut Drive) -> Result<(), Failure> {
        match self {
            Self::Deployed => drop(push(drive, "newest1", "3333333", ImageKind::Good).await?),
            Self::Reverted => drop(push(drive, "newest1", "3333333", ImageKind::Crashing).await?),
            Self::HeldAfterFailure => drop(push(drive, "semver1", "1.0.0", ImageKind::Unhealthy).await?),
            Self::HeldByHand => drop(push(drive, "newest1", "3333333", ImageKind::Good).await?),
            Self::Together => self.build(drive).await?,
            Self::Promoted => {
                let dev = drive.accounts.of(Environment::Dev);
                let digest = dev.tags("newest1")?.remove("3333333").ok_or("the image is not there")?;
                dev.tag_again("newest1", &digest, "approved-stg-3333333")?;
                drive.rest(REST_WITHIN).await?;
            }
            Self::PushedOn => {
                let commit = application_tip(drive)?;
                drive.accounts.of(Environment::Stg).push_across(Environment::Dev, "pair", &commit)?;
                drive.rest(REST_WITHIN).await?;
            }
            Self::Verified => drop(push(drive, "semver1", "1.0.0", ImageKind::Good).await?),
            Self::RolledBack => {
                drive.accounts.of(Environment::Dev).push_image("newest1", "3333333", ImageKind::Good).await?;
                // Until the new image is being rolled out.
                drive.pass(std::time::Duration::from_secs(6)).await?;
                self.asked(drive, "roll_back").await?;
            }
            Self::Released => self.asked(drive, "release").await?,
            Self::SweptUp => {
                lose_all(drive);
                drive.accounts.of(Environment::Dev).push_image("newest1", "3333333", ImageKind::Good).await?;
                for _ in 0..4 {
                    drive.accounts.of(Environment::Dev).ask_for_sweep()?;
                    drive.rest(REST_WITHIN).await?;
                }
            }
        }
        let swept = match self {
            Self::Released => Some(Environment::Dev),
            // Whether the next environment is told of an outcome, and what of it arrives, is for the sweep to make good.
            Self::Promoted | Self::PushedOn | Self::Verified => Some(Environment::Stg),
            _ => None,
        };
        if let Some(swept) = swept {
            drive.accounts.of(swept).ask_for_sweep()?;
            drive.rest(REST_WITHIN).await?;
        }
        Ok(())
    }

    /// CI pushes both images of the application's commit.
    async fn build(self, drive: &mut Drive) -> Result<(), Failure> {
        let commit = application_tip(drive)?;
        drive.accounts.of(Environment::Dev).push_image("pair1", &commit, ImageKind::Good).await?;
        drop(push(drive, "pair2", &commit, ImageKind::Good).await?);
        Ok(())
    }

    /// A person asks, and asks the same again where there was no answer.
    async fn asked(self, drive: &mut Drive, action: &str) -> Result<(), Failure> {
        ask(drive, action)?;
        drive.rest(REST_WITHIN).await?;
        if drive.has_failed("towpath-roll_back") {
            ask(drive, action)?;
            drive.rest(REST_WITHIN).await?;
        }
        Ok(())
    }
}

/// One place to die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashPoint {
    /// The function.
    pub function: Named,
    /// Which of its invocations, from 0.
    pub invocation: usize,
    /// Where in it.
    pub crash: Crash,
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, invocation, crash: Crash { call, moment } } = self;
        let moment = if *moment == Moment::Before { "before" } else { "after" };
        let Named { environment, function } = function;
        let (number, environment) = (invocation + 1, environment.name());
        write!(formatter, "invocation {number} of {environment}'s {function} dies {moment} its call {call}")
    }
}

/// The end of the undisturbed flow, and all places where it can die.
///
/// # Errors
/// What AWS says.
pub async fn undisturbed(staged: &Base, flow: Flow) -> Result<(String, Vec<CrashPoint>), Failure> {
    let mut drive = open(staged)?;
    flow.act(&mut drive).await?;
    let state = drive.accounts.state()?;
    let mut points = Vec::new();
    let mut counts = BTreeMap::<Named, usize>::new();
    for (function, calls) in drive.take_calls() {
        // What a person rolls back from depends on how far the others are at that moment.
        if flow == Flow::RolledBack && function.function != "towpath-roll_back" {
            continue;
        }
        let invocation = counts.entry(function.clone()).or_default();
        for call in 1..=calls {
            for moment in [Moment::Before, Moment::After] {
                let crash = Crash { call, moment };
                points.push(CrashPoint { function: function.clone(), invocation: *invocation, crash });
            }
        }
        *invocation += 1;
    }
    Ok((state, points))
}

/// What a crash may end in: as if nothing had happened, or as if the message had only come late. (A revert that comes when
/// ECS is back at the healthy images already needs no deployment.)
#[derive(Debug)]
pub struct Ends<'a> {
    staged: &'a Base,
    flow: Flow,
    undisturbed: String,
    late: BTreeMap<(Named, usize), String>,
}

impl<'a> Ends<'a> {
    /// The ends of a flow that ends like this when it is undisturbed.
    pub fn new(staged: &'a Base, flow: Flow, undisturbed: String) -> Self {
        Self { staged, flow, undisturbed, late: BTreeMap::new() }
    }

    /// What is wrong with the end when a function dies there.
    ///
    /// # Errors
    /// What AWS says.
    pub async fn wrong(&mut self, point: &CrashPoint) -> Result<Option<String>, Failure> {
        let (end, log) = crashed(self.staged, self.flow, point).await?;
        if end == self.undisturbed {
            return Ok(None);
        }
        let key = (point.function.clone(), point.invocation);
        if !self.late.contains_key(&key) {
            let crash = Crash { call: 1, moment: Moment::Before };
            let begun = CrashPoint { crash, ..point.clone() };
            self.late.insert(key.clone(), crashed(self.staged, self.flow, &begun).await?.0);
        }
        let undisturbed = &self.undisturbed;
        let is_late = self.late.get(&key) == Some(&end);
        // To have come late alone must not matter for what git says.
        if is_late && files(&end) == files(undisturbed) {
            return Ok(None);
        }
        Ok(Some(format!(
            "{:?}: {point}\n{log}\nthe end is\n{end}\nand undisturbed\n{undisturbed}",
            self.flow
        )))
    }
}

/// The files of a state, of each environment.
fn files(state: &str) -> Vec<&str> {
    let mut files = Vec::new();
    let mut lines = state.lines();
    while lines.by_ref().any(|line| line == "files") {
        files.extend(lines.by_ref().take_while(|line| !line.is_empty()));
    }
    files
}

/// The end of a flow that dies there, and what happened.
async fn crashed(staged: &Base, flow: Flow, point: &CrashPoint) -> Result<(String, String), Failure> {
    let mut drive = open(staged)?;
    drive.kill(&point.function, point.invocation, point.crash);
    flow.act(&mut drive).await?;
    Ok((drive.accounts.state()?, drive.log()))
}

fn open(base: &Base) -> Result<Drive, Failure> {
    fastrand::seed(1);
    Ok(Drive::new(base.open(Settings::default(), 1)?, 1, Rates::CALM, None))
}

async fn push(drive: &mut Drive, repository: &str, tag: &str, kind: ImageKind) -> Result<String, Failure> {
    let digest = drive.accounts.of(Environment::Dev).push_image(repository, tag, kind).await?;
    drive.rest(REST_WITHIN).await?;
    Ok(digest)
}

fn by_hand(digest: &str) -> String {
    let uri = Environment::Dev.uri("newest1", digest);
    // Written as no program writes it.
    format!("[ {{ \"name\": \"newest1\",\n    \"imageUri\": \"{uri}\" }} ]\n")
}

fn commit(drive: &mut Drive, revision: &str) -> Result<(), Failure> {
    let put: [(&str, &[u8]); 1] = [("cluster1/newest1/revision.json", revision.as_bytes())];
    let push = Push {
        repository: "deployment",
        branch: "main",
        person: "pat",
        put: &put,
        message: "By hand",
        ..Push::default()
    };
    drive.accounts.of(Environment::Dev).commit(&push)?;
    Ok(())
}

fn ask(drive: &Drive, action: &str) -> Result<(), Failure> {
    let to = if action == "release" { "all" } else { "previous" };
    let payload = json!({
        "service": "cluster1/newest1", "action": action, "to": to, "reason": "it smells", "who": "mary",
        "automationExecutionId": REQUEST,
    });
    let input = json!({
        "FunctionName": "towpath-roll_back", "InvocationType": "RequestResponse", "Payload": payload.to_string(),
    });
    drive.accounts.of(Environment::Dev).call(Service::Lambda, "Invoke", input)?;
    Ok(())
}

fn application_tip(drive: &Drive) -> Result<String, Failure> {
    let asked = json!({ "repositoryName": "pair", "branchName": "main" });
    let answer = drive.accounts.of(Environment::Dev).call(Service::CodeCommit, "GetBranch", asked)?;
    let tip = answer.pointer("/branch/commitId").and_then(Value::as_str);
    Ok(tip.ok_or("the application has no tip")?.to_owned())
}

fn lose_all(drive: &Drive) {
    let all = EventFault { source: None, skip: 0, times: u32::MAX, what: EventFaultKind::Drop };
    drive.accounts.local.lock().faults.add_event_fault(all);
}
