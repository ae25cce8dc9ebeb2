//! The team: its clone of the application, and the images that it builds.

use crate::environment::Environment;
use crate::{ENVIRONMENTS, Failure};
use client::git::Git;
use client::image::Image;

/// The application's developers.
pub(crate) struct Team {
    application: Git,
}

/// How large the layers are that all releases have in common, in MiB.
const RUNTIME_MEBIBYTES: [u8; 4] = [3, 7, 11, 15];

/// One commit of the application, and the image that was built from it.
pub(crate) struct Release {
    /// What the team calls it.
    pub(crate) name: &'static str,
    /// The commit; the image's tag.
    pub(crate) commit: String,
    /// The image.
    pub(crate) digest: String,
}

impl Team {
    /// A clone with the application's repository of each environment as a remote of that name.
    pub(crate) fn new(endpoint: &str) -> Result<Self, Failure> {
        let application = Git::init()?;
        for (environment, account) in ENVIRONMENTS {
            application.remote(environment, endpoint, account, "webapp1")?;
        }
        Ok(Self { application })
    }

    /// Commits, pushes the commit to dev, and pushes the image that CI builds from it, tagged with the commit.
    pub(crate) fn release(&self, name: &'static str, dev: &Environment) -> Result<Release, Failure> {
        self.application.write("VERSION", format!("{name}\n"))?;
        let commit = self.application.commit("Sam Service <sam@example.com>", &format!("webapp1 {name}"))?;
        self.push("dev", &format!("{commit}:refs/heads/main"))?;
        let image = image(name).build()?;
        let digest = dev.registry.push("webapp1", Some(&commit), &image)?;
        Ok(Release { name, commit, digest })
    }

    /// `git push <environment> <what>`.
    pub(crate) fn push(&self, environment: &str, what: &str) -> Result<(), Failure> {
        self.application.push_refs(environment, &[what])?;
        Ok(())
    }

    /// `git push <environment> <commit>:main`; with a `+` also back.
    pub(crate) fn promote(&self, environment: &str, release: &Release) -> Result<(), Failure> {
        self.push(environment, &format!("{}:refs/heads/main", release.commit))
    }

    /// `git push <environment> +<commit>:main`.
    pub(crate) fn push_back(&self, environment: &str, release: &Release) -> Result<(), Failure> {
        self.push(environment, &format!("+{}:refs/heads/main", release.commit))
    }
}

/// What CI builds: a runtime in several layers, the same in all releases, and the application.
fn image(version: &str) -> Image {
    let runtime =
        RUNTIME_MEBIBYTES.iter().fold(Image::new("webapp1").version(version), |image, mebibytes| {
            let bytes = vec![*mebibytes; usize::from(*mebibytes) * 1024 * 1024];
            image.layer(&format!("runtime/{mebibytes}"), bytes)
        });
    runtime.layer("app/webapp1", format!("webapp1 {version}\n"))
}
