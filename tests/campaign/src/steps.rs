//! The steps of a history, taken.

use crate::model::{Approved, Pushed};
use crate::play::Play;
use crate::stage::NOTES;
use crate::violation::Broken;
use crate::{Environment, ImageKind, Step};
use local_aws::services::Service;
use local_aws::services::codecommit::Push;
use serde_json::{Value, json};

/// Every so many-th image is for two platforms.
const INDEX_EVERY: usize = 3;

impl Play {
    /// Takes a step; says what it came to.
    pub(crate) async fn step(&mut self, step: &Step) -> Result<String, Broken> {
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
                let Some(commit) = self.application_commit(*back) else {
                    return Ok("there is no commit".to_owned());
                };
                let repository = if *container == 0 { "pair1" } else { "pair2" };
                if self.model.build(repository, &commit).is_some() {
                    return Ok("it is there already".to_owned());
                }
                self.push(repository, &commit, *kind).await
            }
            Step::MoveApplicationBack { back } => self.move_application_back(*back),
            Step::PushApplication { back } => self.push_application(*back),
            Step::Approve { repository, back } => self.approve(*repository, *back),
            Step::TakeApprovalBack { number } => self.take_approval_back(*number),
            Step::PushAside { version } => self.push_aside(version).await,
            Step::EditRevision { at, service, image } => self.edit_revision(*at, *service, *image),
            Step::EditNotes { at } => {
                let deeds = self.model.deeds(*at);
                let text = format!("Ours, {} times.\n", deeds.person_commits.len());
                deeds.files.insert(NOTES.to_owned(), text.clone());
                self.commit(*at, "Notes", &[(NOTES, text.as_bytes())])
            }
            Step::EditRules { at } => {
                let deeds = self.model.deeds(*at);
                let text = format!("# {} times\n{}", deeds.person_commits.len(), at.rules());
                deeds.files.insert("delivery.yaml".to_owned(), text.clone());
                self.commit(*at, "A remark", &[("delivery.yaml", text.as_bytes())])
            }
            Step::ForceBack { at, back } => self.force_back(*at, *back),
            Step::DeleteRevision { at, service } => self.delete_revision(*at, *service),
            Step::StartEarlier { at, service, back } => self.start_earlier(*at, *service, *back),
            Step::RollBack { at, service } => self.ask(*at, *service, "roll_back", "previous"),
            Step::Release { at, service } => self.ask(*at, *service, "release", "all"),
            Step::Sweep => {
                for environment in Environment::ALL {
                    self.account(environment).ask_for_sweep()?;
                }
                Ok("asked".to_owned())
            }
        }
    }

    async fn push(&mut self, repository: &str, tag: &str, kind: ImageKind) -> Result<String, Broken> {
        // No two images are pushed at one time.
        self.drive.pass(std::time::Duration::from_millis(1500)).await?;
        let dev = self.account(Environment::Dev);
        let is_index = repository == "newest1" && self.model.pushed.len().is_multiple_of(INDEX_EVERY);
        let digest = match is_index {
            true => dev.push_index(repository, tag, kind).await?,
            false => dev.push_image(repository, tag, kind).await?,
        };
        let at = self.drive.accounts.now();
        let (repository, tag) = (repository.to_owned(), tag.to_owned());
        let told = format!("{repository}:{tag} is {digest}");
        self.model.pushed.push(Pushed { repository, tag, digest, kind, at });
        Ok(told)
    }

    /// Somebody pushes an image straight into stg's registry, of another content than upstream's of this name.
    async fn push_aside(&mut self, version: &str) -> Result<String, Broken> {
        if self.account(Environment::Stg).tags("semver1")?.contains_key(version) {
            return Ok("it is there already".to_owned());
        }
        let stg = self.account(Environment::Stg);
        let digest = stg.push_index("semver1", version, ImageKind::Good).await?;
        let (at, told) = (self.drive.accounts.now(), format!("semver1:{version} is {digest} in stg"));
        let (repository, tag) = ("semver1".to_owned(), version.to_owned());
        let pushed = Pushed { repository, tag, digest, kind: ImageKind::Good, at };
        self.model.deeds(Environment::Stg).aside.push(pushed);
        Ok(told)
    }

    /// A person approves an image for stg.
    fn approve(&mut self, repository: usize, back: usize) -> Result<String, Broken> {
        let names = ["newest1", "newest1", "newest1", "semver1", "pair1"];
        let repository = names.get(repository % names.len()).copied().unwrap_or("newest1");
        let mut own = self.model.pushed.iter().rev().filter(|image| image.repository == repository);
        let Some(Pushed { tag, digest, .. }) = own.nth(back).cloned() else {
            return Ok("there is no such image".to_owned());
        };
        let is_it = |approved: &Approved| approved.digest == digest && approved.until.is_none();
        if self.model.approved.iter().any(is_it) {
            return Ok("it is approved already".to_owned());
        }
        self.account(Environment::Dev).tag_again(repository, &digest, &format!("approved-stg-{tag}"))?;
        let (from, told) = (self.drive.accounts.now(), format!("{repository}:{tag} is approved for stg"));
        let (repository, until) = (repository.to_owned(), None);
        self.model.approved.push(Approved { repository, tag, digest, from, until });
        Ok(told)
    }

    fn take_approval_back(&mut self, number: usize) -> Result<String, Broken> {
        let now = self.drive.accounts.now();
        let mut standing = self.model.approved.iter_mut().rev().filter(|approved| approved.until.is_none());
        let Some(approved) = standing.nth(number) else { return Ok("there is no such approval".to_owned()) };
        approved.until = Some(now);
        let Approved { repository, tag, .. } = approved.clone();
        self.account(Environment::Dev).untag(&repository, &format!("approved-stg-{tag}"))?;
        Ok(format!("{repository}:{tag} is approved no more"))
    }

    fn commit(&mut self, at: Environment, message: &str, put: &[(&str, &[u8])]) -> Result<String, Broken> {
        let push =
            Push { repository: "deployment", branch: "main", person: "pat", put, message, ..Push::default() };
        let commit = self.account(at).commit(&push)?;
        self.model.deeds(at).person_commits.insert(commit.clone());
        Ok(format!("commit {commit}"))
    }

    fn application_commit(&self, back: usize) -> Option<String> {
        let commits = &self.model.application_commits;
        commits.iter().rev().nth(back % commits.len().max(1)).cloned()
    }

    fn application_is_at(&mut self, at: Environment, commit: &str) {
        let now = self.drive.accounts.now();
        self.model.deeds(at).application_tips.push((commit.to_owned(), now));
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
        let commit = self.account(Environment::Dev).commit(&push)?;
        self.model.application_commits.push(commit.clone());
        self.application_is_at(Environment::Dev, &commit);
        Ok(format!("commit {commit}"))
    }

    fn move_application_back(&mut self, back: usize) -> Result<String, Broken> {
        let Some(commit) = self.model.application_commits.iter().rev().nth(back).cloned() else {
            return Ok("there is no such commit".to_owned());
        };
        if self.model.at(Environment::Dev).deeds.application_tip() == Some(&commit) {
            return Ok("it is there already".to_owned());
        }
        self.account(Environment::Dev).move_branch("pair", "main", &commit)?;
        self.application_is_at(Environment::Dev, &commit);
        Ok(format!("back to {commit}"))
    }

    /// `git push stg <commit>:main`.
    fn push_application(&mut self, back: usize) -> Result<String, Broken> {
        let Some(commit) = self.application_commit(back) else {
            return Ok("there is no commit".to_owned());
        };
        if self.model.at(Environment::Stg).deeds.application_tip() == Some(&commit) {
            return Ok("it is there already".to_owned());
        }
        self.account(Environment::Stg).push_across(Environment::Dev, "pair", &commit)?;
        self.application_is_at(Environment::Stg, &commit);
        Ok(format!("stg is at {commit}"))
    }

    fn edit_revision(&mut self, at: Environment, service: usize, image: usize) -> Result<String, Broken> {
        let service = at.service(service);
        let git = self.git(at);
        let mut entries = Vec::new();
        for container in service.containers {
            let is_here = |pushed: &&Pushed| {
                at == Environment::Dev
                    || git.moved.contains(&((*container).to_owned(), pushed.digest.clone()))
            };
            let own = self.model.pushed.iter().filter(|pushed| pushed.repository == *container);
            let own: Vec<&Pushed> = own.filter(is_here).collect();
            let Some(chosen) = own.get(image % own.len().max(1)) else {
                return Ok("there is no image".to_owned());
            };
            entries.push(json!({ "name": container, "imageUri": at.uri(container, &chosen.digest) }));
        }
        let text = format!("{}\n", Value::Array(entries));
        let path = format!("{}/revision.json", service.id());
        if git.files.get(&path).is_some_and(|file| file.text == text) {
            return Ok("it says so already".to_owned());
        }
        self.commit(at, "By hand", &[(&path, text.as_bytes())])
    }

    fn delete_revision(&mut self, at: Environment, service: usize) -> Result<String, Broken> {
        let path = format!("{}/revision.json", at.service(service).id());
        if !self.git(at).files.contains_key(&path) {
            return Ok("there is none".to_owned());
        }
        let message = "Away with it";
        let delete: [&str; 1] = [&path];
        let push = Push {
            repository: "deployment",
            branch: "main",
            person: "pat",
            delete: &delete,
            message,
            ..Push::default()
        };
        let commit = self.account(at).commit(&push)?;
        self.model.deeds(at).person_commits.insert(commit.clone());
        Ok(format!("commit {commit}"))
    }

    /// "Release change" with the source of an earlier execution.
    fn start_earlier(&mut self, at: Environment, service: usize, back: usize) -> Result<String, Broken> {
        let service = at.service(service);
        let asked = json!({ "pipelineName": service.pipeline(), "maxResults": 20 });
        let answer = self.account(at).call(Service::CodePipeline, "ListPipelineExecutions", asked)?;
        let summaries = answer.get("pipelineExecutionSummaries").and_then(Value::as_array);
        let mut commits = summaries
            .into_iter()
            .flatten()
            .filter_map(|summary| summary.pointer("/sourceRevisions/0/revisionId").and_then(Value::as_str));
        let Some(commit) = commits.nth(back) else { return Ok("there is none".to_owned()) };
        let source = json!({ "actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit });
        let input = json!({ "name": service.pipeline(), "sourceRevisions": [source] });
        self.account(at).call(Service::CodePipeline, "StartPipelineExecution", input)?;
        Ok(format!("{} at {commit}", service.pipeline()))
    }

    fn force_back(&mut self, at: Environment, back: usize) -> Result<String, Broken> {
        self.look()?;
        let Some(commit) = self.ancestor(at, back)? else {
            return Ok("there is no such commit".to_owned());
        };
        self.account(at).move_branch("deployment", "main", &commit)?;
        let deeds = self.model.deeds(at);
        (deeds.forced, deeds.was_forced) = (true, true);
        self.look()?;
        let now = self.git(at);
        for (path, text) in &mut self.model.deeds(at).files {
            *text = now.files.get(path).map(|file| file.text.clone()).unwrap_or_default();
        }
        Ok(format!("back to {commit}"))
    }

    fn ask(&mut self, at: Environment, service: usize, action: &str, to: &str) -> Result<String, Broken> {
        let service = at.service(service);
        if action == "roll_back" {
            self.model.deeds(at).rollbacks.insert(service.id());
        }
        let payload = json!({
            "service": service.id(), "action": action, "to": to, "reason": "it smells", "who": "mary",
        });
        let input = json!({
            "FunctionName": "towpath-roll_back", "InvocationType": "RequestResponse",
            "Payload": payload.to_string(),
        });
        self.account(at).call(Service::Lambda, "Invoke", input)?;
        Ok(format!("{action} {}", service.id()))
    }
}
