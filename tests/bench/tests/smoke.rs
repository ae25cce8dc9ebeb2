//! The benchmarks run, and the handlers next to ours bring about the same. What they measure is no test's business: another
//! program's load would fail it.

use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

type Failure = Box<dyn std::error::Error>;

/// The smallest run with these arguments, and the calls of each function's handlers.
fn calls(arguments: &[&str]) -> Result<String, Failure> {
    let program = Path::new(env!("CARGO_BIN_EXE_bench"));
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new(program)
        .args(["--json", "--rounds", "1", "--warm", "1", "--images", "3", "--services", "1"])
        .args(["--project", project])
        .args(arguments)
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let functions = report.pointer("/functions").and_then(Value::as_array).ok_or("no functions")?;
    // How many of them follow one another, the report tells; here another program's load would change it.
    let calls = |function: &Value| {
        let text = |path: &str| function.pointer(path).map(Value::to_string);
        let (name, ours) =
            (text("/function").unwrap_or_default(), text("/towpath/calls").unwrap_or_default());
        let beside = text("/python/calls").map_or_else(String::new, |theirs| format!(" / {theirs}"));
        format!("{}: {ours}{beside} calls", name.trim_matches('"'))
    };
    Ok(functions.iter().map(calls).collect::<Vec<_>>().join("\n"))
}

/// Whether there is a Python with what the handlers need. `scripts/test --all` asks for one.
fn python_is_installed() -> bool {
    let probe = ["-c", "import awslambdaric, boto3, yaml"];
    let tried = Command::new("python3").args(probe).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if tried.is_ok_and(|status| status.success()) {
        return true;
    }
    let text = "left out: boto3, awslambdaric or pyyaml is not installed (hint: pip install boto3 awslambdaric pyyaml)";
    assert!(std::env::var("TOWPATH_TEST_ALL").unwrap_or_default().is_empty(), "{text}");
    // Written past the test harness, which keeps to itself what a passing test prints.
    let _ = writeln!(std::io::stderr(), "{text}");
    false
}

#[test]
fn the_smallest_run_measures_every_function() -> Result<(), Failure> {
    expect_test::expect![[r#"
        on_image_push: 6 calls
        promote_image: 37 calls
        on_commit: 14 calls
        on_deployment_change: 23 calls
        roll_back: 20 calls
        reconcile: 20 calls"#]]
    .assert_eq(&calls(&["--without-python"])?);
    Ok(())
}

#[test]
fn python_brings_about_the_same() -> Result<(), Failure> {
    if !python_is_installed() {
        return Ok(());
    }
    expect_test::expect![[r#"
        on_image_push: 6 / 6 calls
        promote_image: 37 / 41 calls
        on_commit: 14 / 12 calls
        on_deployment_change: 23 / 20 calls
        roll_back: 20 / 19 calls
        reconcile: 20 / 20 calls"#]]
    .assert_eq(&calls(&[])?);
    Ok(())
}
