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
    let measured: Vec<String> = functions
        .iter()
        .map(|function| {
            let handler = &function["towpath"];
            format!(
                "{}: {} calls, {} in sequence",
                function["function"].as_str().unwrap(),
                handler["calls"],
                handler["sequential"]
            )
        })
        .collect();
    expect_test::expect![[""]].assert_eq(&measured.join("\n"));
}
