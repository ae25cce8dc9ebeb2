//! The run: every shape over every network, the two copiers in turns.

use crate::Failure;
use crate::measure::{self, Taken};
use crate::network::Network;
use crate::registries::{DEV, Registries, STG};
use crate::report::{self, Line};
use crate::shapes::{Before, Made, Shape, large_manifests, one_layer, parse_size, shapes};
use std::path::PathBuf;
use std::process::Command;

const TAG: &str = "1";
/// Where skopeo remembers which registry has which blob; it must not know of earlier rounds.
const SKOPEO_MEMORY: &str = "/var/lib/containers/cache/blob-info-cache-v1.boltdb";

/// How often each copier copies each shape.
const ROUNDS: usize = 3;
/// How many times smaller large layers are for a quick look.
const QUICK_SCALE: u64 = 16;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// One round of large layers that are 16 times smaller: about a minute once built, and figures that wobble.
    #[arg(long)]
    quick: bool,
    /// How often each copier copies each shape; 3 by default.
    #[arg(long)]
    rounds: Option<usize>,
    /// The shapes: one-large, twenty, tiny, index, everything, layers. All by default. Only when named: manifests, each of 4 MiB.
    #[arg(long, value_delimiter = ',')]
    shapes: Vec<String>,
    /// One layer of this size, such as 10GiB, instead of the shapes; one round by default. Twice as much must be free on the
    /// disk of the temporary folder.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with_all = ["shapes", "quick"])]
    layer: Option<u64>,
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
    let shapes = chosen(options)?;
    let rounds = options.rounds.unwrap_or(if options.quick || options.layer.is_some() { 1 } else { ROUNDS });
    let skopeo = skopeo_version(options)?;
    let loopback = Network { round_trip_ms: 0, bytes_per_second: 0 };
    let network = Network { round_trip_ms: 20, bytes_per_second: 100_000_000 };
    let mut lines = Vec::new();
    for (network, left_out) in [(loopback, options.network_only), (network, options.loopback_only)] {
        if left_out {
            continue;
        }
        for shape in &shapes {
            // Registries of its own for each shape: what an earlier one left in memory or on disk slows nobody down.
            let registries = Registries::start(network)?;
            lines.push(measure_shape(options, rounds, &registries, network, shape)?);
        }
    }
    report::print(&lines, rounds, skopeo.as_deref());
    Ok(())
}

/// The shapes that were asked for.
fn chosen(options: &Options) -> Result<Vec<Shape>, Failure> {
    if let Some(bytes) = options.layer {
        return Ok(vec![one_layer(bytes)]);
    }
    let mut shapes = shapes(if options.quick { QUICK_SCALE } else { 1 });
    if options.shapes.iter().any(|name| name == "manifests") {
        shapes.push(large_manifests());
    }
    let known: Vec<&str> = shapes.iter().map(|shape| shape.name).collect();
    if let Some(unknown) = options.shapes.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("there is no shape {unknown}: expected one of {}", known.join(", ")).into());
    }
    shapes.retain(|shape| options.shapes.is_empty() || options.shapes.iter().any(|name| name == shape.name));
    Ok(shapes)
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
    rounds: usize,
    registries: &Registries,
    network: Network,
    shape: &Shape,
) -> Result<Line, Failure> {
    let repository = format!("bench/{}", shape.name);
    let made = shape.build();
    registries.empty(DEV, &repository)?;
    registries.push(DEV, &repository, TAG, &made)?;
    let mut line = Line { title: shape.title.clone(), network, towpath: Vec::new(), skopeo: Vec::new() };
    for round in 0..rounds {
        // Who goes first changes, so that neither always finds the other's traces.
        let mut copiers = vec![Copier::Towpath, Copier::Skopeo];
        copiers.rotate_left(round % 2);
        copiers.retain(|copier| *copier == Copier::Towpath || !options.without_skopeo);
        for copier in copiers {
            prepare(registries, &repository, shape.before, &made)?;
            let before = registries.requests()?;
            let mut taken = measure::run(&mut copier.command(
                options.copier.as_ref(),
                &registries.front,
                &repository,
                &made.artifact.digest,
            )?)?;
            taken.requests = (registries.requests()? - before) as f64;
            registries.check(&repository, TAG, &made)?;
            eprintln!("{} {} ms {copier:?}: {taken:?}", shape.name, network.round_trip_ms);
            line.taken_by(copier).push(taken);
        }
    }
    Ok(line)
}

fn prepare(registries: &Registries, repository: &str, before: Before, made: &Made) -> Result<(), Failure> {
    registries.empty(STG, repository)?;
    let _ = std::fs::remove_file(SKOPEO_MEMORY);
    match before {
        Before::Nothing => {}
        Before::Everything => registries.push(STG, repository, TAG, made)?,
        Before::Layers => registries.push_layers(STG, repository, made)?,
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
        digest: &str,
    ) -> Result<Command, Failure> {
        match self {
            Self::Towpath => {
                let own = std::env::current_exe()?;
                let mut command = Command::new(other.unwrap_or(&own));
                command.args(["copy", "--endpoint", front, "--repository", repository]);
                command.args(["--digest", digest, "--tag", TAG]);
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
                command.arg(format!("docker://localhost:{port}/{repository}@{digest}"));
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
