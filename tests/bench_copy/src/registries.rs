//! The two registries, in a process of their own, so that their work is nobody's.

use crate::Failure;
use crate::network::Network;
use client::{Artifact, Aws, Ecr};
use local_aws::serve::{self, Environment, Options};
use local_aws::settings::Settings;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

/// The account that is copied from.
pub(crate) const DEV: &str = "111111111111";
/// The account that is copied to.
pub(crate) const STG: &str = "222222222222";

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
    pub(crate) fn check(&self, repository: &str, tag: &str, artifact: &Artifact) -> Result<(), Failure> {
        let (digest, manifest) = self.ecr(STG).manifest(repository, tag)?;
        if digest != artifact.digest || manifest != artifact.manifest {
            return Err(format!("{repository}:{tag} is {digest} and should be {}", artifact.digest).into());
        }
        self.check_parts(repository, artifact)
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
