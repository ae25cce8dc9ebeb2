//! What the demo says.

use std::sync::atomic::{AtomicUsize, Ordering};

static STEPS: AtomicUsize = AtomicUsize::new(0);

/// The next step, in plain words.
pub(crate) fn step(what: &str) {
    let number = STEPS.fetch_add(1, Ordering::Relaxed) + 1;
    println!("\n{number:>2}. {what}");
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
pub(crate) fn how_to_talk(endpoint: &str, region: &str, account: &str) {
    let host = endpoint.trim_start_matches("http://");
    println!(
        "
The accounts stay until Ctrl-C. In another terminal:

  export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=x
  aws codepipeline list-pipeline-executions --pipeline-name deploy-cluster1-webapp1
  aws ecs describe-services --cluster cluster1 --services webapp1
  aws logs filter-log-events --log-group-name /aws/lambda/towpath-on_image_push --query 'events[].message' --output text
  aws sqs list-queues --endpoint-url {endpoint}     # version 1 of aws reads the address of sqs only from the option
  git clone http://me-at-{account}:x@{host}/v1/repos/deployment
  skopeo inspect --tls-verify=false --creds {account}:x docker://{host}/webapp1:<tag>
  curl {endpoint}/_local/journal"
    );
}
