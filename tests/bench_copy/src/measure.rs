//! What a process took, as the kernel counts it.

use crate::Failure;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often the process is looked at: its memory is asked for while it lives.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// The kernel counts processor time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one copy took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    /// From spawn to end.
    pub(crate) seconds: f64,
    /// User and system.
    pub(crate) cpu_seconds: f64,
    /// Resident at most.
    pub(crate) peak_kib: f64,
    /// HTTP requests that the registries answered.
    pub(crate) requests: f64,
}

/// Runs it to its end, which must be good.
pub(crate) fn run(command: &mut Command) -> Result<Taken, Failure> {
    let begun = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let folder = format!("/proc/{}", child.id());
    let mut taken = Taken::default();
    loop {
        // A process that has ended stays to be read until it is waited for.
        let stat = std::fs::read_to_string(format!("{folder}/stat"))?;
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        if fields.first() == Some(&"Z") {
            taken.seconds = begun.elapsed().as_secs_f64();
            let ticks = |index: usize| {
                fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default()
            };
            taken.cpu_seconds = (ticks(11) + ticks(12)) / TICKS_PER_SECOND;
            break;
        }
        let status = std::fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<f64>().ok());
        taken.peak_kib = taken.peak_kib.max(peak.unwrap_or_default());
        std::thread::sleep(LOOK_EVERY);
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(taken);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{:?} failed: {said}", command.get_program()).into())
}
