//! boto3: typed replies, compared with botocore's models, paginators, waiters, exceptions.

use crate::stage::{Stage, installed, said};
use std::path::Path;

fn boto3_is_installed() -> bool {
    installed("boto3", &["python3", "-c", "import boto3"], "pip install boto3")
}

/// Runs one of the scripts in `python/`; it prints what there is to compare.
fn script(name: &str) -> String {
    let stage = Stage::start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name);
    let said = said(stage.command("python3").arg(path));
    assert_eq!(said.code, Some(0), "{name}: {}{}", said.out, said.err);
    said.out
}

#[test]
fn every_reply_has_the_shape_that_the_model_gives_it() {
    if !boto3_is_installed() {
        return;
    }
    expect_test::expect![[""]].assert_eq(&script("operations.py"));
}

#[test]
fn paginators_see_each_thing_once() {
    if !boto3_is_installed() {
        return;
    }
    expect_test::expect![[""]].assert_eq(&script("pages.py"));
}

#[test]
fn errors_arrive_as_their_own_exceptions_and_throttles_are_tried_again() {
    if !boto3_is_installed() {
        return;
    }
    expect_test::expect![[""]].assert_eq(&script("errors.py"));
}
