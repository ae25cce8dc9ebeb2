//! Plays one history: step after step, then in calm weather until rest, with the invariants checked on the way.

use crate::commits;
use crate::lambda::Ran;
use crate::model::{Model, Pushed};
use crate::observe::{News, Observed, text};
use crate::rest::Rest;
use crate::stage::{NOTES, RULES, SERVICES};
use crate::violation::{Broken, Violation};
use crate::{Base, Drive, Failure, History, ImageKind, Planted, Step};
use chrono::Duration;
use local_aws::services::Service;
use local_aws::services::codecommit::Push;
use local_aws::services::lambda::Ended;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How long anything may go on by itself; longer than five receives of a failing message.
const REST_WITHIN: Duration = Duration::hours(6);
/// How many sweeps may find something to do once nothing goes wrong any more.
const SWEEPS_MAX: usize = 8;

/// What a history came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Calls of the functions.
    pub calls: u64,
    /// Invocations of the functions.
    pub invocations: u64,
    /// Commits in the deployment repository.
    pub commits: u64,
    /// Steps that people took.
    pub steps: u64,
}

impl Figures {
    /// Adds another history's.
    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.invocations += other.invocations;
        self.commits += other.commits;
        self.steps += other.steps;
    }
}

/// A history on its way.
pub struct Play {
    drive: Drive,
    model: Model,
    observed: Observed,
    /// What happened, for people to read.
    pub tale: Vec<String>,
    figures: Figures,
    asked: u32,
}

/// How a history ended.
pub struct Played {
    /// What it came to.
    pub figures: Figures,
    /// What happened, for people to read.
    pub tale: Vec<String>,
    /// What it broke.
    pub broken: Option<Broken>,
}

/// Plays a history on a copy of the stage.
///
/// # Errors
/// When the stage cannot be copied.
pub async fn play(base: &Base, history: &History, planted: Option<Planted>) -> Result<Played, Failure> {
    fastrand::seed(history.seed);
    let accounts = base.open(history.settings.clone(), history.seed)?;
    let drive = Drive::new(accounts, history.seed, history.rates, planted);
    let mut play = Play {
        drive,
        model: Model::default(),
        observed: Observed::default(),
        tale: Vec::new(),
        figures: Figures::default(),
        asked: 0,
    };
    let broken = play.all(history).await.err();
    let told = play.drive.told();
    play.tale.extend(told.into_iter().map(|line| format!("weather: {line}")));
    play.figures.calls = play.drive.calls;
    play.figures.commits = play.observed.commits as u64;
    Ok(Played { figures: play.figures, tale: play.tale, broken })
}

impl Play {
    async fn all(&mut self, history: &History) -> Result<(), Broken> {
        self.begin()?;
        for timed in &history.steps {
            let done = self.step(&timed.step).await?;
            self.figures.steps += 1;
            self.tell(&format!("{timed}: {done}"));
            self.look()?;
            self.drive.pass(timed.then).await?;
            self.look()?;
        }
        self.tell("the weather clears");
        self.drive.clear_up();
        self.come_to_rest().await?;
        let git = self.observed.now();
        Rest { accounts: &self.drive.accounts, model: &self.model, git: &git }.check()
    }

    /// What is there at the beginning is people's.
    fn begin(&mut self) -> Result<(), Broken> {
        let asked = json!({ "repositoryName": "deployment", "branchName": "main" });
        let answer = self.drive.accounts.call(Service::CodeCommit, "GetBranch", asked)?;
        self.model.person_commits.insert(text(&answer, "/branch/commitId"));
        self.model.files.insert("delivery.yaml".to_owned(), RULES.to_owned());
        self.model.files.insert(NOTES.to_owned(), "Ours.\n".to_owned());
        self.observed.look(&self.drive.accounts, &self.model)?;
        Ok(())
    }

    fn tell(&mut self, what: &str) {
        let at = self.drive.accounts.now().format("%H:%M:%S%.3f");
        self.tale.push(format!("{at} {what}"));
    }

    /// Sweeps until a sweep finds nothing to do.
    async fn come_to_rest(&mut self) -> Result<(), Broken> {
        for _ in 0..SWEEPS_MAX {
            self.rest().await?;
            // Whatever waits for time to pass has its time.
            self.drive.pass(std::time::Duration::from_secs(1200)).await?;
            self.drive.accounts.ask_for_sweep()?;
            let woken = self.rest().await?;
            if !woken {
                return Ok(());
            }
        }
        let what = format!("{SWEEPS_MAX} sweeps, one after the other, all found something to do");
        Err(Violation { invariant: 0, what }.into())
    }

    /// Lets everything happen; says whether any function but the sweep itself was invoked.
    async fn rest(&mut self) -> Result<bool, Broken> {
        let rested = self.drive.rest(REST_WITHIN).await;
        let woken = self.drive.ended.iter().any(|ran| ran.invocation.function != "towpath-reconcile");
        self.look()?;
        rested.map_err(|error| Violation { invariant: 0, what: error.to_string() })?;
        Ok(woken)
    }

    /// Looks at what happened, and checks it.
    fn look(&mut self) -> Result<(), Broken> {
        for ran in std::mem::take(&mut self.drive.ended) {
            self.figures.invocations += 1;
            self.tell(ran.shown().trim_end());
            recorded(&ran)?;
        }
        let now = self.drive.accounts.now();
        match self.observed.look(&self.drive.accounts, &self.model)? {
            News::Moved if !self.model.forced => {
                let what =
                    format!("the branch is at {}, which does not stem from its old tip", self.observed.tip);
                return Err(Violation { invariant: 10, what }.into());
            }
            News::Moved => {}
            News::Commits(commits) => {
                for commit in commits {
                    let subject = commit.message.lines().next().unwrap_or_default().to_owned();
                    self.tell(&format!("commit {} {subject}", commit.id.get(..8).unwrap_or_default()));
                    commits::check(&commit, &self.model, now)?;
                }
            }
        }
        self.model.forced = false;
        Ok(())
    }

    /// Takes a step; says what it came to.
    async fn step(&mut self, step: &Step) -> Result<String, Broken> {
        match step {
            Step::PushNewest(kind) => {
                let tag = format!("{:07x}", 0x0010_0001 * (self.model.pushed.len() + 1));
                self.push("newest1", &tag, *kind).await
            }
            Step::PushVersion { version, kind } => {
                let is_there = |image: &Pushed| image.repository == "semver1" && image.tag == *version;
                if self.model.pushed.iter().any(is_there) {
                    return Ok("it is there already".to_owned());
                }
                self.push("semver1", version, *kind).await
            }
            Step::CommitApplication => self.commit_application(),
            Step::PushBuild { container, back, kind } => {
                let commits = &self.model.application_commits;
                let Some(commit) = commits.iter().rev().nth(*back % commits.len().max(1)).cloned() else {
                    return Ok("there is no commit".to_owned());
                };
                let repository = if *container == 0 { "pair1" } else { "pair2" };
                if self.model.build(repository, &commit).is_some() {
                    return Ok("it is there already".to_owned());
                }
                self.push(repository, &commit, *kind).await
            }
            Step::MoveApplicationBack { back } => self.move_application_back(*back),
            Step::EditRevision { service, image } => self.edit_revision(*service, *image),
            Step::EditNotes => {
                let text = format!("Ours, {} times.\n", self.model.person_commits.len());
                self.model.files.insert(NOTES.to_owned(), text.clone());
                self.commit("Notes", &[(NOTES, text.as_bytes())])
            }
            Step::EditRules => {
                let text = format!("# {} times\n{RULES}", self.model.person_commits.len());
                self.model.files.insert("delivery.yaml".to_owned(), text.clone());
                self.commit("A remark", &[("delivery.yaml", text.as_bytes())])
            }
            Step::ForceBack { back } => self.force_back(*back),
            Step::RollBack { service } => self.ask(*service, "roll_back", "previous"),
            Step::Release { service } => self.ask(*service, "release", "all"),
            Step::Sweep => {
                self.drive.accounts.ask_for_sweep()?;
                Ok("asked".to_owned())
            }
        }
    }

    async fn push(&mut self, repository: &str, tag: &str, kind: ImageKind) -> Result<String, Broken> {
        // No two images are pushed at one time.
        self.drive.pass(std::time::Duration::from_millis(1500)).await?;
        let digest = self.drive.accounts.push_image(repository, tag, kind).await?;
        let at = self.drive.accounts.now();
        let (repository, tag) = (repository.to_owned(), tag.to_owned());
        let told = format!("{repository}:{tag} is {digest}");
        self.model.pushed.push(Pushed { repository, tag, digest, kind, at });
        Ok(told)
    }

    fn commit(&mut self, message: &str, put: &[(&str, &[u8])]) -> Result<String, Broken> {
        let push =
            Push { repository: "deployment", branch: "main", person: "pat", put, message, ..Push::default() };
        let commit = self.drive.accounts.commit(&push)?;
        self.model.person_commits.insert(commit.clone());
        Ok(format!("commit {commit}"))
    }

    fn commit_application(&mut self) -> Result<String, Broken> {
        let text = format!("version {}\n", self.model.application_commits.len());
        let put: [(&str, &[u8]); 1] = [("main.txt", text.as_bytes())];
        let push = Push {
            repository: "pair",
            branch: "main",
            person: "dev",
            put: &put,
            message: "Work",
            ..Push::default()
        };
        let commit = self.drive.accounts.commit(&push)?;
        self.model.application_commits.push(commit.clone());
        self.model.application_tips.push((commit.clone(), self.drive.accounts.now()));
        Ok(format!("commit {commit}"))
    }

    fn move_application_back(&mut self, back: usize) -> Result<String, Broken> {
        let commits = &self.model.application_commits;
        let Some(commit) = commits.iter().rev().nth(back).cloned() else {
            return Ok("there is no such commit".to_owned());
        };
        if self.model.application_tip() == Some(&commit) {
            return Ok("it is there already".to_owned());
        }
        self.drive.accounts.move_branch("pair", "main", &commit)?;
        self.model.application_tips.push((commit.clone(), self.drive.accounts.now()));
        Ok(format!("back to {commit}"))
    }

    fn edit_revision(&mut self, service: usize, image: usize) -> Result<String, Broken> {
        let Some(service) = SERVICES.get(service % SERVICES.len()) else { return Ok(String::new()) };
        let mut entries = Vec::new();
        for container in service.containers {
            let own: Vec<&Pushed> =
                self.model.pushed.iter().filter(|pushed| pushed.repository == *container).collect();
            let Some(chosen) = own.get(image % own.len().max(1)) else {
                return Ok("there is no image".to_owned());
            };
            entries.push(json!({ "name": container, "imageUri": Model::uri(container, &chosen.digest) }));
        }
        let text = format!("{}\n", Value::Array(entries));
        let path = format!("{}/revision.json", service.id());
        if self.observed.now().files.get(&path).is_some_and(|file| file.text == text) {
            return Ok("it says so already".to_owned());
        }
        self.commit("By hand", &[(&path, text.as_bytes())])
    }

    fn force_back(&mut self, back: usize) -> Result<String, Broken> {
        self.look()?;
        let Some(commit) = self.observed.ancestor(&self.drive.accounts, back)? else {
            return Ok("there is no such commit".to_owned());
        };
        self.drive.accounts.move_branch("deployment", "main", &commit)?;
        self.model.forced = true;
        self.look()?;
        let now = self.observed.now();
        let files: Vec<String> = self.model.files.keys().cloned().collect();
        for path in files {
            let text = now.files.get(&path).map(|file| file.text.clone()).unwrap_or_default();
            self.model.files.insert(path, text);
        }
        Ok(format!("back to {commit}"))
    }

    fn ask(&mut self, service: usize, action: &str, to: &str) -> Result<String, Broken> {
        let Some(service) = SERVICES.get(service % SERVICES.len()) else { return Ok(String::new()) };
        if action == "roll_back" {
            self.model.rollbacks.insert(service.id());
        }
        self.asked += 1;
        let payload = json!({
            "service": service.id(), "action": action, "to": to, "reason": "it smells", "who": "mary",
        });
        let input = json!({
            "FunctionName": "towpath-roll_back", "InvocationType": "RequestResponse",
            "Payload": payload.to_string(),
        });
        self.drive.accounts.call(Service::Lambda, "Invoke", input)?;
        Ok(format!("{action} {}", service.id()))
    }
}

/// Each message of a batch is answered by a record.
fn recorded(ran: &Ran) -> Result<(), Broken> {
    let Ended::Answer(answer) = &ran.ended else { return Ok(()) };
    let payload: Value = serde_json::from_str(&ran.invocation.payload).unwrap_or_default();
    let mut missing = BTreeSet::new();
    for record in payload.get("Records").and_then(Value::as_array).into_iter().flatten() {
        let message = text(record, "/messageId");
        let body: Value = serde_json::from_str(&text(record, "/body")).unwrap_or_default();
        let id = text(&body, "/id");
        let names = |line: &String| line.contains(&message) || (!id.is_empty() && line.contains(&id));
        // A sweep's own lines speak of the services; the metrics stand for the sweep as a whole.
        let is_sweep = text(&body, "/towpath") == "sweep" && !ran.lines.is_empty();
        if !is_sweep && !ran.lines.iter().any(names) {
            missing.insert(message);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let function = &ran.invocation.function;
    let what = format!("{function} answered {answer} and recorded nothing of the messages {missing:?}");
    Err(Violation { invariant: 12, what }.into())
}
