//! How many services are in which state, as CloudWatch metrics in the embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use domain::decide::sweep::DriftCounts;
use entrypoint::{Context, record};
use serde::Serialize;
use std::collections::BTreeMap;

const NAMESPACE: &str = "Towpath";

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Metadata,
    towpath: &'static str,
    #[serde(rename = "Environment")]
    environment: &'a str,
    #[serde(flatten)]
    counts: BTreeMap<&'static str, u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: [Metrics; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

/// Writes one line with the number of services in each state; a state that no service is in counts 0.
pub(crate) fn write(context: &Context, counts: &DriftCounts) {
    let counts = counts.named();
    let metrics = counts.keys().map(|name| Metric { name, unit: "Count" }).collect();
    let line = Line {
        aws: Metadata {
            timestamp: context.now().epoch_milliseconds(),
            cloud_watch_metrics: [Metrics { namespace: NAMESPACE, dimensions: [["Environment"]], metrics }],
        },
        towpath: "drift",
        environment: context.stack.environment.as_str(),
        counts,
    };
    record::metrics(&line);
}
