//! Dependencies point one way: `domain` ← `aws`, `entrypoint` ← functions; the local accounts depend on none of them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot read the workspace fails"
)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The licences that a user can ship.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// Our packages, each with the names of what it depends on directly (not only for its tests).
fn ours() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let is_ours = |package: &&Value| package["source"].is_null();
    let normal = |dependency: &&Value| dependency["kind"].is_null();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter().filter(is_ours);
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter().filter(normal).map(name);
            (name(package), dependencies.collect())
        })
        .collect()
}

#[test]
fn the_domain_knows_no_network_no_clock_and_no_async() {
    let allowed =
        ["chrono", "regex-lite", "ring", "semver", "serde", "serde-saphyr", "serde_json", "thiserror"];
    let unexpected: Vec<_> =
        ours()["domain"].iter().filter(|name| !allowed.contains(&name.as_str())).cloned().collect();
    assert_eq!(unexpected, Vec::<String>::new(), "packages that the domain may not use");
}

#[test]
fn only_one_package_names_the_sdk() {
    let ours = ours();
    let users = |named: fn(&str) -> bool| -> Vec<&str> {
        let uses = ours.iter().filter(|(_, uses)| uses.iter().any(|name| named(name)));
        uses.map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(users(|name| name.starts_with("aws-sdk-")), ["aws"]);
    // Profiles and SSO are a person's; the functions' size is budgeted.
    assert_eq!(users(|name| name == "aws-config"), ["towpath"]);
}

#[test]
fn no_function_is_built_with_what_only_a_person_needs() {
    let metadata = metadata();
    let mut asking = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let features = dependency["features"].as_array().unwrap();
            if dependency["name"] == "aws" && features.iter().any(|feature| feature == "operator") {
                asking.push(package["name"].as_str().unwrap());
            }
        }
    }
    assert_eq!(asking, ["towpath"]);
}

#[test]
fn the_local_accounts_and_the_outside_client_share_no_code_with_the_functions() {
    let ours = ours();
    for outsider in ["local_aws", "client"] {
        let shared: Vec<_> = ours[outsider].iter().filter(|name| ours.contains_key(*name)).collect();
        assert_eq!(shared, Vec::<&String>::new(), "packages of ours that {outsider} may not use");
    }
}

#[test]
fn functions_never_call_each_other() {
    let ours = ours();
    let shared: BTreeSet<&str> = ["aws", "domain", "entrypoint"].into();
    for function in functions() {
        let others: Vec<_> = ours[&function]
            .iter()
            .filter(|name| ours.contains_key(*name) && !shared.contains(name.as_str()))
            .collect();
        assert_eq!(others, Vec::<&String>::new(), "packages of ours that {function} may not use");
    }
}

#[test]
fn every_dependency_may_be_shipped() {
    let metadata = metadata();
    let mut refused = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none").replace('/', " OR ");
        let ships = |alternative: &str| {
            let parts = alternative.split(" AND ").map(|part| part.trim_matches(['(', ')', ' ']));
            parts.into_iter().all(|part| {
                part.split(" OR ").any(|one| LICENCES.contains(&one.trim_matches(['(', ')', ' '])))
            })
        };
        let whole = ships(&licence) || licence.split(" OR ").any(ships);
        if !whole {
            refused.push(format!("{} {licence}", package["name"]));
        }
    }
    assert_eq!(refused, Vec::<String>::new(), "dependencies whose licence is not on the list");
}

/// The functions: folders of `functions/` with a `main.rs`.
fn functions() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("src/main.rs").exists())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_function_has_one_name_in_folder_package_template_and_documents() {
    let ours = ours();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let (template, readme) = (read("template.yaml"), read("README.md"));
    for function in functions() {
        assert!(ours.contains_key(&function), "no package {function}");
        assert!(
            template.contains(&format!("Binary: {function} ")),
            "template.yaml does not build {function}"
        );
        assert!(readme.contains(&format!("`{function}`")), "README.md does not name {function}");
        let own = format!("functions/{function}/README.md");
        assert!(
            read(&own).starts_with(&format!("# {function}\n")),
            "{own} does not begin with the function's name"
        );
    }
}
