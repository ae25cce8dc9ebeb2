//! The two registries, in a process of their own, so that their work is nobody's.

use crate::Failure;
use crate::generated::{Generated, Hash};
use crate::network::Network;
use crate::shapes::Made;
use client::registry::Registry;
use client::{Artifact, Aws, Ecr};
use local_aws::serve::{self, Environment, Options};
use local_aws::settings::Settings;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

/// The account that is copied from.
pub(crate) const DEV: &str = "111111111111";
/// The account that is copied to.
pub(crate) const STG: &str = "222222222222";
/// How much of a large layer is read at once to be hashed again.
const CHECKED_AT_ONCE: u64 = 64 * 1024 * 1024;

/// Serves both accounts until the input ends. Says where: `<direct address> <address through the network>`.
pub(crate) fn serve(network: Network) -> Result<(), Failure> {
    let environment = |(name, id): (&str, &str)| -> Result<Environment, Failure> {
        Ok(Environment { name: name.to_owned(), account: id.parse()? })
    };
    let options = Options {
        port: 0,
        region: "eu-west-1".to_owned(),
        environments: vec![environment(("dev", DEV))?, environment(("stg", STG))?],
        store: None,
        project: None,
        functions: "absent".into(),
        settings: Settings::default(),
        seed: 1,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let running = runtime.block_on(serve::start(&options))?;
    let direct = running.endpoint.clone();
    let mut front = direct.clone();
    if !network.is_loopback() {
        let behind = direct.trim_start_matches("http://").parse()?;
        front = format!("http://{}", runtime.block_on(network.stand_before(behind))?);
        // Addresses of layers and of the registry lead through the network as well.
        running.local.lock().endpoint = Some(front.clone());
    }
    println!("{direct} {front}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.block_on(running.stop())?;
    Ok(())
}

/// Registries that are being served.
#[derive(Debug)]
pub(crate) struct Registries {
    server: Child,
    /// Without the network, for setting up and checking.
    pub(crate) direct: String,
    /// Through the network, for copying.
    pub(crate) front: String,
}

impl Drop for Registries {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

impl Registries {
    /// Starts them.
    pub(crate) fn start(network: Network) -> Result<Self, Failure> {
        let mut server = std::process::Command::new(std::env::current_exe()?)
            .arg("serve")
            .args(["--round-trip-ms", &network.round_trip_ms.to_string()])
            .args(["--bytes-per-second", &network.bytes_per_second.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let (direct, front) = line.trim().split_once(' ').ok_or("the registries did not start")?;
        Ok(Self { server, direct: direct.to_owned(), front: front.to_owned() })
    }

    /// An account's registry.
    pub(crate) fn ecr(&self, account: &str) -> Ecr {
        Ecr::new(&Aws::local(&self.direct, account))
    }

    /// An account's repository, empty.
    pub(crate) fn empty(&self, account: &str, repository: &str) -> Result<(), Failure> {
        let ecr = self.ecr(account);
        match ecr.call("DeleteRepository", repository, serde_json::json!({ "force": true })) {
            Err(error) if error.code != "RepositoryNotFoundException" => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        Ok(ecr.create_repository(repository)?)
    }

    /// Puts an image into an account's repository, under its tag.
    pub(crate) fn push(
        &self,
        account: &str,
        repository: &str,
        tag: &str,
        made: &Made,
    ) -> Result<(), Failure> {
        self.push_layers(account, repository, made)?;
        self.ecr(account).push(repository, Some(tag), &made.artifact)?;
        Ok(())
    }

    /// Puts the layers and configurations alone.
    pub(crate) fn push_layers(&self, account: &str, repository: &str, made: &Made) -> Result<(), Failure> {
        let registry = Registry::login(&Aws::local(&self.direct, account))?;
        for layer in &made.generated {
            push_generated(&registry, repository, layer)?;
        }
        for blob in made.artifact.all_blobs() {
            registry.push_blob(repository, blob)?;
        }
        Ok(())
    }

    /// How many requests were answered so far.
    pub(crate) fn requests(&self) -> Result<u64, Failure> {
        let reply = client::http::Http::default().send(
            "GET",
            &format!("{}/_local/requests", self.direct),
            &[],
            &[],
        )?;
        Ok(reply.succeeded()?.text().trim().parse()?)
    }

    /// Hashes again everything that should be in the target, and compares the manifests byte for byte.
    pub(crate) fn check(&self, repository: &str, tag: &str, made: &Made) -> Result<(), Failure> {
        let Made { artifact, generated } = made;
        let (digest, manifest) = self.ecr(STG).manifest(repository, tag)?;
        if digest != artifact.digest || manifest != artifact.manifest {
            return Err(format!("{repository}:{tag} is {digest} and should be {}", artifact.digest).into());
        }
        for layer in generated {
            self.check_generated(repository, layer)?;
        }
        self.check_parts(repository, artifact)
    }

    fn check_generated(&self, repository: &str, layer: &Generated) -> Result<(), Failure> {
        let address = self.ecr(STG).layer_address(repository, &layer.digest)?;
        let http = client::http::Http::default();
        let (mut hash, mut first) = (Hash::default(), 0);
        while first < layer.bytes {
            let last = (first + CHECKED_AT_ONCE).min(layer.bytes) - 1;
            let range = ("range".to_owned(), format!("bytes={first}-{last}"));
            hash.update(&http.send("GET", &address, &[range], &[])?.succeeded()?.body);
            first = last + 1;
        }
        match hash.finish() == layer.digest {
            true => Ok(()),
            false => Err(format!("{repository}: {} has other bytes", layer.digest).into()),
        }
    }

    fn check_parts(&self, repository: &str, artifact: &Artifact) -> Result<(), Failure> {
        let ecr = self.ecr(STG);
        for child in &artifact.children {
            let (_, manifest) = ecr.manifest(repository, &child.digest)?;
            if manifest != child.manifest {
                return Err(format!("{repository}: {} has other bytes", child.digest).into());
            }
            self.check_parts(repository, child)?;
        }
        for blob in &artifact.blobs {
            let found = client::digest::sha256(&ecr.layer(repository, &blob.digest)?);
            if found != blob.digest {
                return Err(format!("{repository}: {} has other bytes", blob.digest).into());
            }
        }
        Ok(())
    }
}

/// Uploads a layer piece by piece.
fn push_generated(registry: &Registry, repository: &str, layer: &Generated) -> Result<(), Failure> {
    if registry.has_blob(repository, &layer.digest)? {
        return Ok(());
    }
    let location = |reply: &client::http::Reply| -> Result<String, Failure> {
        Ok(reply.header("location").ok_or("the registry gave no location")?.to_owned())
    };
    let begun = registry.exchange("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], &[])?;
    let mut place = location(&begun.succeeded()?)?;
    let mut first = 0;
    for piece in layer.pieces() {
        let range = format!("{first}-{}", first + piece.len() - 1);
        let headers = [("content-type", "application/octet-stream"), ("content-range", range.as_str())];
        place = location(&registry.exchange("PATCH", &place, &headers, &piece)?.succeeded()?)?;
        first += piece.len();
    }
    let separator = if place.contains('?') { '&' } else { '?' };
    let end = format!("{place}{separator}digest={}", layer.digest);
    registry.exchange("PUT", &end, &[], &[])?.succeeded()?;
    Ok(())
}
