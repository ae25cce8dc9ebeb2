//! What the demo says.

use std::sync::Mutex;

/// The steps begun so far, the last one being under way.
static STEPS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The next step, in plain words.
pub(crate) fn step(what: &str) {
    let mut steps = STEPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    steps.push(what.to_owned());
    println!("\n{:>2}. {what}", steps.len());
}

/// Which step did not hold, and why not.
pub(crate) fn failure(error: &dyn std::fmt::Display) {
    let steps = STEPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let last = steps.last().map(String::as_str).unwrap_or_default();
    eprintln!("\nStep {} did not hold: {last}\n      {error}", steps.len());
}

/// What shows that the step holds: each line of it, indented.
pub(crate) fn proof(text: &str) {
    for line in text.lines() {
        println!("      {line}");
    }
}

/// One row a service: its cells under these headings.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.chars().count())).max().unwrap_or(0)
    };
    let line = |cells: &[&str]| {
        let padded =
            cells.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        println!("    {}", padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    println!();
    line(headings);
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// How a person talks to the accounts that stay.
pub(crate) fn how_to_talk(endpoint: &str, region: &str) {
    let host = endpoint.trim_start_matches("http://");
    println!(
        "
The accounts stay until Ctrl-C. In another terminal (dev is 111111111111, stg 222222222222, prd 333333333333):

  export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID=333333333333 AWS_SECRET_ACCESS_KEY=x
  aws codepipeline list-pipeline-executions --pipeline-name deploy-cluster1-webapp1
  aws ecs describe-services --cluster cluster1 --services webapp1
  aws logs filter-log-events --log-group-name /aws/lambda/towpath-promote_image --query 'events[].message' --output text
  aws sqs list-queues --endpoint-url {endpoint}     # version 1 of aws reads the address of sqs only from the option
  git clone http://me-at-333333333333:x@{host}/v1/repos/deployment
  skopeo inspect --tls-verify=false --creds 333333333333:x docker://{host}/webapp1:<tag>
  curl {endpoint}/_local/journal"
    );
}
