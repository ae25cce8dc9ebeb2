//! The mission, step by step: three accounts, three releases, one of them bad.

use crate::environment::{Environment, Execution, holds};
use crate::steps::{automate, committed, copied, decided, follow, runs, short, short_digest};
use crate::team::{Release, Team};
use crate::{ENVIRONMENTS, Failure, events, setup, show};
use client::wait::Seen;
use serde_json::json;
use std::path::Path;

/// The accounts and the team.
pub(crate) struct Mission {
    dev: Environment,
    stg: Environment,
    prd: Environment,
    team: Team,
}

impl Mission {
    /// Sets the three accounts up, as a platform team does.
    pub(crate) fn prepare(endpoint: &str, project: &Path) -> Result<Self, Failure> {
        show::step("Set each account up: a cluster, the service webapp1, its rules and its pipeline");
        let prepared = std::thread::scope(|scope| {
            let one = |(name, account)| {
                scope.spawn(move || {
                    let environment = Environment::new(endpoint, name, account)?;
                    let rules = setup::prepare(&environment, project)?;
                    Ok::<_, Failure>((environment, rules))
                })
            };
            let threads = ENVIRONMENTS.map(one);
            threads.map(|thread| thread.join().unwrap_or_else(|_| Err("the set-up panicked".into())))
        });
        let [dev, stg, prd] = prepared;
        let ((dev, _), (stg, stg_rules), (prd, prd_rules)) = (dev?, stg?, prd?);
        show::proof("dev: webapp1 runs the newest image that is pushed");
        show::proof(&format!(
            "stg: what is pushed there, copied from dev (delivery.yaml is commit {})",
            short(&stg_rules)
        ));
        show::proof(&format!("prd: what is pushed there AND approved by tag (commit {})", short(&prd_rules)));
        Ok(Self { dev, stg, prd, team: Team::new(endpoint)? })
    }

    /// Plays every step; the first that does not hold ends it.
    pub(crate) fn play(&self) -> Result<(), Failure> {
        let good = self.push_to_dev("1.0.0")?;
        self.promote_to_stg(&good)?;
        self.prd_refuses_until_approved(&good)?;
        events::keep(&self.prd)?;
        let bad = self.push_to_dev("1.1.0")?;
        self.promote_to_stg(&bad)?;
        self.promote_to_prd(&bad)?;
        self.roll_prd_back(&good, &bad)?;
        self.replay_in_prd(&good)?;
        self.roll_stg_back(&good)?;
        let fix = self.push_to_dev("1.1.1")?;
        self.promote_to_stg(&fix)?;
        self.promote_to_prd(&fix)?;
        self.finish(&fix)
    }

    fn push_to_dev(&self, version: &'static str) -> Result<Release, Failure> {
        show::step(&format!("Push webapp1 {version}: the commit to dev's git, its image to dev's registry"));
        let before = self.dev.executions("webapp1")?;
        let release = self.team.release(version, &self.dev)?;
        show::proof(&format!("webapp1:{} is {}", release.commit, release.digest));
        follow(&self.dev, &release, &before)?;
        Ok(release)
    }

    fn promote_to_stg(&self, release: &Release) -> Result<(), Failure> {
        show::step(&format!(
            "git push stg {}:main — webapp1 {} is copied by digest",
            short(&release.commit),
            release.name
        ));
        let before = self.stg.executions("webapp1")?;
        self.team.promote("stg", release)?;
        copied(&self.stg, &release.digest)?;
        follow(&self.stg, release, &before)?;
        self.same_bytes(&self.stg, release)
    }

    /// The manifest here is the one upstream, byte for byte.
    fn same_bytes(&self, environment: &Environment, release: &Release) -> Result<(), Failure> {
        let manifest = |environment: &Environment| {
            let asked =
                json!({ "repositoryName": "webapp1", "imageIds": [{ "imageDigest": release.digest }] });
            let answer = environment.aws.call("ecr", "BatchGetImage", &asked)?;
            let text = answer.pointer("/images/0/imageManifest").and_then(|text| text.as_str());
            Ok::<_, Failure>(text.unwrap_or_default().to_owned())
        };
        let (there, here) = (manifest(&self.dev)?, manifest(environment)?);
        holds(!there.is_empty() && there == here, "the manifest is not the same")?;
        show::proof(&format!(
            "{} in dev and in {}: the same {} bytes of manifest",
            short_digest(&release.digest),
            environment.name,
            here.len()
        ));
        Ok(())
    }

    fn prd_refuses_until_approved(&self, release: &Release) -> Result<(), Failure> {
        show::step(&format!(
            "git push prd {}:main — prd's rules also ask for an approval",
            short(&release.commit)
        ));
        let before = self.prd.executions("webapp1")?;
        self.team.promote("prd", release)?;
        show::proof(&decided(&self.prd, "promote_image", "refused", &release.commit)?);
        holds(self.prd.executions("webapp1")? == before, "prd's pipeline was started")?;
        self.approve(release)?;
        let deployed = follow(&self.prd, release, &before)?;
        show::proof(deployed.message.trim_end());
        for trailer in [
            &format!("Image-Digest: {}", release.digest),
            "Approved-By: push of ",
            "Approved-By: tag approved-prd-",
        ] {
            holds(deployed.message.contains(trailer), format!("the commit message has no `{trailer}`"))?;
        }
        self.same_bytes(&self.prd, release)
    }

    /// A person approves for prd: a tag on the digest in the registry upstream.
    fn approve(&self, release: &Release) -> Result<(), Failure> {
        let tag = format!("approved-prd-{}", release.commit);
        show::step(&format!("Somebody who may approve puts {tag} on the digest in stg's registry"));
        let asked = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageDigest": release.digest }] });
        let answer = self.stg.aws.call("ecr", "BatchGetImage", &asked)?;
        let image = answer.pointer("/images/0").cloned().unwrap_or_default();
        let put = json!({
            "repositoryName": "webapp1", "imageManifest": image.get("imageManifest"),
            "imageManifestMediaType": image.get("imageManifestMediaType"), "imageTag": tag,
        });
        self.stg.aws.call("ecr", "PutImage", &put)?;
        Ok(())
    }

    fn promote_to_prd(&self, release: &Release) -> Result<(), Failure> {
        self.approve(release)?;
        show::step(&format!(
            "git push prd {}:main — webapp1 {} reaches prd",
            short(&release.commit),
            release.name
        ));
        let before = self.prd.executions("webapp1")?;
        self.team.promote("prd", release)?;
        follow(&self.prd, release, &before)?;
        Ok(())
    }

    fn roll_prd_back(&self, good: &Release, bad: &Release) -> Result<(), Failure> {
        show::step(&format!(
            "webapp1 {} loses orders. In prd's console, run the document towpath-roll_back",
            bad.name
        ));
        let form = json!({
            "Cluster": ["cluster1"], "Service": ["webapp1"], "To": ["previous"], "Reason": ["orders get lost"],
        });
        let answer = automate(&self.prd, "towpath-roll_back", &form)?;
        show::proof(&answer);
        let back = committed(&self.prd, &good.digest)?;
        show::proof(back.message.trim_end());
        runs(&self.prd, &good.digest)?;
        show::proof(&format!(
            "prd runs {} again, and {} is in quarantine",
            short_digest(&good.digest),
            short_digest(&bad.digest)
        ));
        self.settled(&self.prd)
    }

    /// Waits until nothing is under way.
    fn settled(&self, environment: &Environment) -> Result<(), Failure> {
        environment.wait("everything to come to rest", || {
            let unanswered = events::unanswered(environment)?;
            let newest = environment.executions("webapp1")?.into_iter().next();
            let is_open = newest.is_some_and(|execution| execution.status == "InProgress");
            let told = format!("{unanswered} messages wait, a pipeline runs: {is_open}");
            Ok(if unanswered == 0 && !is_open { Seen::Done(()) } else { Seen::NotYet(told) })
        })
    }

    fn replay_in_prd(&self, good: &Release) -> Result<(), Failure> {
        show::step("Send every event of prd since then once more, backwards, and sweep: nothing comes back");
        let seen = |environment: &Environment| -> Result<(String, Vec<Execution>), Failure> {
            environment.deployment.update()?;
            Ok((environment.deployment.head()?, environment.executions("webapp1")?))
        };
        let before = seen(&self.prd)?;
        let events = events::replay(&self.prd)?;
        self.settled(&self.prd)?;
        holds(seen(&self.prd)? == before, "something moved")?;
        runs(&self.prd, &good.digest)?;
        show::proof(&format!("{events} events and a sweep: no commit, no execution"));
        show::proof(&decided(&self.prd, "reconcile", "held", "cluster1/webapp1")?);
        Ok(())
    }

    fn roll_stg_back(&self, good: &Release) -> Result<(), Failure> {
        show::step(&format!(
            "git push stg +{}:main rolls stg back as well, without asking dev",
            short(&good.commit)
        ));
        let before = self.stg.executions("webapp1")?;
        self.team.push_back("stg", good)?;
        follow(&self.stg, good, &before)?;
        Ok(())
    }

    fn finish(&self, fix: &Release) -> Result<(), Failure> {
        show::step("What runs now");
        let mut rows = Vec::new();
        for environment in [&self.dev, &self.stg, &self.prd] {
            self.settled(environment)?;
            let newest = environment.executions("webapp1")?.into_iter().next();
            let image = environment.running_image("webapp1")?;
            let digest = image.rsplit_once('@').map_or("", |(_, digest)| digest);
            holds(digest == fix.digest, format!("{} does not run the fix", environment.name))?;
            let is_verified = newest.as_ref().is_some_and(|execution| execution.status == "Succeeded");
            rows.push(vec![
                "cluster1/webapp1".to_owned(),
                environment.name.clone(),
                short(&environment.version(digest)?).to_owned(),
                short_digest(digest).to_owned(),
                short(&newest.and_then(|execution| execution.commit).unwrap_or_default()).to_owned(),
                if is_verified { "verified" } else { "not deployed" }.to_owned(),
            ]);
        }
        show::table(&["service", "environment", "version", "digest", "commit", "state"], &rows);
        holds(rows.iter().all(|row| row.iter().any(|cell| cell == "verified")), "not all is deployed")
    }
}
