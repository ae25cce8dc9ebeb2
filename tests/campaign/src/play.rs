//! Plays one history: step after step, then in calm weather until rest, with the invariants checked on the way.

use crate::accounts::Account;
use crate::commits;
use crate::entered;
use crate::lambda::Ran;
use crate::model::Model;
use crate::observe::{News, Observed, Snapshot, text};
use crate::rest::Rest;
use crate::stage::NOTES;
use crate::violation::{Broken, Violation};
use crate::{Base, Drive, Environment, Failure, History, Planted};
use chrono::Duration;
use local_aws::services::Service;
use local_aws::services::lambda::Ended;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
    pub(crate) drive: Drive,
    pub(crate) model: Model,
    observed: BTreeMap<Environment, Observed>,
    /// What happened, for people to read.
    pub tale: Vec<String>,
    figures: Figures,
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
        observed: BTreeMap::new(),
        tale: Vec::new(),
        figures: Figures::default(),
    };
    let broken = play.all(history).await.err();
    let told = play.drive.told();
    play.tale.extend(told.into_iter().map(|line| format!("weather: {line}")));
    play.figures.calls = play.drive.calls;
    play.figures.commits = play.observed.values().map(|observed| observed.commits as u64).sum();
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
        for environment in Environment::ALL {
            let (account, view) = (self.account(environment), self.model.at(environment));
            Rest { account, view, git: &self.git(environment) }.check()?;
        }
        Ok(())
    }

    /// What is there at the beginning is people's.
    fn begin(&mut self) -> Result<(), Broken> {
        for environment in Environment::ALL {
            let asked = json!({ "repositoryName": "deployment", "branchName": "main" });
            let answer = self.account(environment).call(Service::CodeCommit, "GetBranch", asked)?;
            let deeds = self.model.deeds(environment);
            deeds.person_commits.insert(text(&answer, "/branch/commitId"));
            deeds.files.insert("delivery.yaml".to_owned(), environment.rules().to_owned());
            deeds.files.insert(NOTES.to_owned(), "Ours.\n".to_owned());
            let mut observed = Observed::default();
            observed.look(self.account(environment), self.model.at(environment))?;
            self.observed.insert(environment, observed);
        }
        Ok(())
    }

    pub(crate) fn account(&self, environment: Environment) -> Account<'_> {
        self.drive.accounts.of(environment)
    }

    /// What an environment's deployment repository says now.
    pub(crate) fn git(&self, environment: Environment) -> Snapshot {
        self.observed.get(&environment).map(Observed::now).unwrap_or_default()
    }

    /// The commit so many before the tip.
    pub(crate) fn ancestor(&self, environment: Environment, back: usize) -> Result<Option<String>, Failure> {
        let Some(observed) = self.observed.get(&environment) else { return Ok(None) };
        observed.ancestor(self.account(environment), back)
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
            for environment in Environment::ALL {
                self.account(environment).ask_for_sweep()?;
            }
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
    pub(crate) fn look(&mut self) -> Result<(), Broken> {
        for ran in std::mem::take(&mut self.drive.ended) {
            self.figures.invocations += 1;
            self.tell(ran.shown().trim_end());
            recorded(&ran)?;
        }
        let seen = std::mem::take(&mut self.drive.watch().violations);
        if let Some(violation) = seen.into_iter().next() {
            return Err(violation.into());
        }
        for environment in Environment::ALL {
            self.look_at(environment)?;
        }
        let tagged = std::mem::take(&mut self.drive.watch().tagged);
        for tagged in tagged {
            entered::tagged(self.account(Environment::Dev), &self.model, &tagged)?;
        }
        Ok(())
    }

    fn look_at(&mut self, environment: Environment) -> Result<(), Broken> {
        let now = self.drive.accounts.now();
        let Some(observed) = self.observed.get_mut(&environment) else { return Ok(()) };
        let news = observed.look(self.drive.accounts.of(environment), self.model.at(environment))?;
        let is_forced = std::mem::take(&mut self.model.deeds(environment).forced);
        match news {
            News::Moved if !is_forced => {
                let tip = self.observed.get(&environment).map(|observed| observed.tip.clone());
                let what = format!("the branch is at {tip:?}, which does not stem from its old tip");
                Err(Violation { invariant: 10, what }.into())
            }
            News::Moved => Ok(()),
            News::Commits(commits) => {
                for commit in commits {
                    let subject = commit.message.lines().next().unwrap_or_default().to_owned();
                    let id = commit.id.get(..8).unwrap_or_default();
                    self.tell(&format!("{} commit {id} {subject}", environment.name()));
                    let view = self.model.at(environment);
                    commits::check(&commit, view, now)?;
                    let watch = self.drive.watch();
                    entered::moved(self.account(Environment::Dev), view, &commit, &watch)?;
                }
                Ok(())
            }
        }
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
