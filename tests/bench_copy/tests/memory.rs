//! The memory of a copy is bounded and does not grow with its layers. Measured on a process of its own, which does what
//! promote_image does with an image: its peak resident set, as the kernel counts it.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use std::process::Command;

/// The most that a copy may take.
const PEAK_MIB_MAX: f64 = 48.0;
/// What an optimised copier takes when it has next to nothing to hold.
const OPTIMISED_BASE_MIB: f64 = 10.0;
/// How far apart two peaks may be that are the same: buffers are as full as the other side is slow.
const SAME_MIB: f64 = 8.0;

/// The peak of one copy in MiB, from the table's fourth column.
fn peak(arguments: &[&str]) -> f64 {
    let output = Command::new(env!("CARGO_BIN_EXE_bench_copy"))
        .args(["--rounds", "1", "--loopback-only", "--without-skopeo"])
        .args(arguments)
        .output()
        .unwrap();
    let (table, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let row = table.lines().find(|line| line.contains("| loopback |"));
    let cell = row.and_then(|row| row.split('|').nth(5)).unwrap_or_default();
    cell.trim().strip_suffix(" MiB").unwrap().parse().unwrap()
}

#[test]
fn a_layer_eight_times_as_large_takes_the_same_memory() {
    let small = peak(&["--layer", "32MiB"]);
    let large = peak(&["--layer", "256MiB"]);
    assert!(large <= PEAK_MIB_MAX, "{large} MiB");
    assert!((large - small).abs() <= SAME_MIB, "{small} MiB and {large} MiB");
}

#[test]
fn many_layers_at_once_keep_the_bound() {
    for shape in ["twenty", "tiny"] {
        let peak = peak(&["--quick", "--shapes", shape]);
        assert!(peak <= PEAK_MIB_MAX, "{shape}: {peak} MiB");
    }
}

#[test]
fn manifests_as_large_as_ecr_takes_them_are_held_one_at_a_time() {
    // An executable that is not optimised takes three times as much itself as one that is.
    let (base, peak) =
        (peak(&["--quick", "--shapes", "layers"]), peak(&["--quick", "--shapes", "manifests"]));
    assert!(peak - base <= PEAK_MIB_MAX - OPTIMISED_BASE_MIB, "{base} MiB and {peak} MiB");
}
