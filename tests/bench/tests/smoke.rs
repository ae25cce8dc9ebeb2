//! The benchmarks run. What they measure is no test's business: another program's load would fail it.

use std::path::Path;
use std::process::Command;

#[test]
fn the_smallest_run_measures_every_function() {
    let program = Path::new(env!("CARGO_BIN_EXE_bench"));
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new(program)
        .args([
            "--json",
            "--rounds",
            "1",
            "--warm",
            "1",
            "--images",
            "3",
            "--services",
            "1",
            "--without-python",
        ])
        .args(["--project", project])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let functions = report["functions"].as_array().unwrap();
    let calls = |function: &serde_json::Value| {
        format!("{}: {} calls", function["function"].as_str().unwrap(), function["towpath"]["calls"])
    };
    let calls: Vec<String> = functions.iter().map(calls).collect();
    // How many of them follow one another, the report tells; here another program's load would change it.
    expect_test::expect![[r#"
        on_image_push: 6 calls
        on_commit: 14 calls
        on_deployment_change: 23 calls
        roll_back: 20 calls
        reconcile: 25 calls"#]]
    .assert_eq(&calls.join("\n"));
}
