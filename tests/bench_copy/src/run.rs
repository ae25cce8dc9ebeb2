//! The run: every shape over every network, the two copiers in turns.

use crate::Failure;
use crate::measure::{self, Taken};
use crate::network::Network;
use crate::registries::{DEV, Registries, STG};
use crate::report::{self, Line};
use crate::shapes::{Before, SHAPES, Shape};
use client::Artifact;
use std::path::PathBuf;
use std::process::Command;

const TAG: &str = "1";
/// Where skopeo remembers which registry has which blob; it must not know of earlier rounds.
const SKOPEO_MEMORY: &str = "/var/lib/containers/cache/blob-info-cache-v1.boltdb";

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How often each copier copies each shape.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The shapes: one-large, twenty, tiny, index, everything, layers. All by default.
    #[arg(long, value_delimiter = ',')]
    shapes: Vec<String>,
    /// Divides the size of large layers, for a quick look.
    #[arg(long, default_value_t = 1)]
    scale: usize,
    /// Only the loopback, without the slower network.
    #[arg(long)]
    loopback_only: bool,
    /// Only the slower network: 20 ms round trips, 100 MB/s a connection.
    #[arg(long)]
    network_only: bool,
    /// Leaves skopeo out.
    #[arg(long)]
    without_skopeo: bool,
    /// Another program of the same arguments that copies in Towpath's stead.
    #[arg(long, hide = true)]
    copier: Option<PathBuf>,
}

/// Measures and prints the table.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if let Some(unknown) = options.shapes.iter().find(|name| SHAPES.iter().all(|shape| shape.name != **name))
    {
        let known: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        return Err(format!("there is no shape {unknown}: expected one of {}", known.join(", ")).into());
    }
    let skopeo = skopeo_version(options)?;
    let loopback = Network { round_trip_ms: 0, bytes_per_second: 0 };
    let network = Network { round_trip_ms: 20, bytes_per_second: 100_000_000 };
    let mut lines = Vec::new();
    for (network, left_out) in [(loopback, options.network_only), (network, options.loopback_only)] {
        if left_out {
            continue;
        }
        for shape in SHAPES
            .iter()
            .filter(|shape| options.shapes.is_empty() || options.shapes.iter().any(|name| name == shape.name))
        {
            // Registries of its own for each shape: what an earlier one left in memory or on disk slows nobody down.
            let registries = Registries::start(network)?;
            lines.push(measure_shape(options, &registries, network, shape)?);
        }
    }
    report::print(&lines, options.rounds, skopeo.as_deref());
    Ok(())
}

fn skopeo_version(options: &Options) -> Result<Option<String>, Failure> {
    if options.without_skopeo {
        return Ok(None);
    }
    let output = Command::new("skopeo").arg("--version").output();
    let output = output.map_err(|error| {
        format!("skopeo is not here ({error}); hint: apt-get install skopeo, or --without-skopeo")
    })?;
    Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

fn measure_shape(
    options: &Options,
    registries: &Registries,
    network: Network,
    shape: &Shape,
) -> Result<Line, Failure> {
    let repository = format!("bench/{}", shape.name);
    let artifact = shape.build(options.scale);
    registries.empty(DEV, &repository)?;
    registries.ecr(DEV).push(&repository, Some(TAG), &artifact)?;
    let mut line = Line { title: shape.title, network, towpath: Vec::new(), skopeo: Vec::new() };
    for round in 0..options.rounds {
        // Who goes first changes, so that neither always finds the other's traces.
        let mut copiers = vec![Copier::Towpath, Copier::Skopeo];
        copiers.rotate_left(round % 2);
        copiers.retain(|copier| *copier == Copier::Towpath || !options.without_skopeo);
        for copier in copiers {
            prepare(registries, &repository, shape.before, &artifact)?;
            let before = registries.requests()?;
            let mut taken = measure::run(&mut copier.command(
                options.copier.as_ref(),
                &registries.front,
                &repository,
                &artifact,
            )?)?;
            taken.requests = (registries.requests()? - before) as f64;
            registries.check(&repository, TAG, &artifact)?;
            eprintln!("{} {} ms {copier:?}: {taken:?}", shape.name, network.round_trip_ms);
            line.taken_by(copier).push(taken);
        }
    }
    Ok(line)
}

fn prepare(
    registries: &Registries,
    repository: &str,
    before: Before,
    artifact: &Artifact,
) -> Result<(), Failure> {
    registries.empty(STG, repository)?;
    let _ = std::fs::remove_file(SKOPEO_MEMORY);
    match before {
        Before::Nothing => {}
        Before::Everything => drop(registries.ecr(STG).push(repository, Some(TAG), artifact)?),
        Before::Layers => {
            for blob in artifact.all_blobs() {
                registries.ecr(STG).push_layer(repository, blob)?;
            }
        }
    }
    Ok(())
}

/// Who copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copier {
    Towpath,
    Skopeo,
}

impl Copier {
    fn command(
        self,
        other: Option<&PathBuf>,
        front: &str,
        repository: &str,
        artifact: &Artifact,
    ) -> Result<Command, Failure> {
        match self {
            Self::Towpath => {
                let own = std::env::current_exe()?;
                let mut command = Command::new(other.unwrap_or(&own));
                command.args(["copy", "--endpoint", front, "--repository", repository]);
                command.args(["--digest", &artifact.digest, "--tag", TAG]);
                Ok(command)
            }
            Self::Skopeo => {
                let port = front.rsplit_once(':').map(|(_, port)| port).ok_or("an address without a port")?;
                let mut command = Command::new("skopeo");
                command.args([
                    "copy",
                    "--all",
                    "--preserve-digests",
                    "--src-tls-verify=false",
                    "--dest-tls-verify=false",
                ]);
                command.args(["--src-creds", &format!("{DEV}:x"), "--dest-creds", &format!("{STG}:x")]);
                // Two names for one host: to skopeo these are two registries, as two accounts' are.
                command.arg(format!("docker://localhost:{port}/{repository}@{}", artifact.digest));
                command.arg(format!("docker://127.0.0.1:{port}/{repository}:{TAG}"));
                Ok(command)
            }
        }
    }
}

impl Line {
    fn taken_by(&mut self, copier: Copier) -> &mut Vec<Taken> {
        match copier {
            Copier::Towpath => &mut self.towpath,
            Copier::Skopeo => &mut self.skopeo,
        }
    }
}
