//! Events that anybody but AWS's services puts on a bus.

use super::bus::BusAddress;
use super::{ServiceEvent, Undelivered, delivery, envelope, invalid, time_text};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::access::{self, Resource};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

const ENTRIES_MAX: usize = 10;
const BYTES_MAX: usize = 1_048_576;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutEventsInput {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    /// Seconds since the epoch.
    time: Option<f64>,
    source: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
}

impl Entry {
    fn bytes(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let time = if self.time.is_some() { 14 } else { 0 };
        texts + time + self.resources.iter().map(String::len).sum::<usize>()
    }
}

pub(super) fn put(world: &mut World, caller: &Caller, input: PutEventsInput) -> Result<Value, AwsError> {
    let count = input.entries.len();
    if !(1..=ENTRIES_MAX).contains(&count) {
        return Err(invalid(format!("{count} entries are too few or too many: expected 1 to {ENTRIES_MAX}")));
    }
    if input.entries.iter().map(Entry::bytes).sum::<usize>() > BYTES_MAX {
        return Err(invalid("Total size of the entries in the request is over the limit."));
    }
    let buses: Result<Vec<BusAddress>, AwsError> = input
        .entries
        .iter()
        .map(|entry| BusAddress::parse(entry.event_bus_name.as_deref(), &caller.account))
        .collect();
    let buses = buses?;
    for (entry, bus) in input.entries.iter().zip(&buses) {
        admit(world, caller, bus, entry.source.as_deref(), entry.detail_type.as_deref())?;
    }
    let mut failed = 0;
    let mut answers = Vec::new();
    for (entry, bus) in input.entries.into_iter().zip(buses) {
        match accept(world, caller, &bus, entry) {
            Ok(id) => answers.push(json!({ "EventId": id })),
            Err((code, text)) => {
                failed += 1;
                answers.push(json!({ "ErrorCode": code, "ErrorMessage": text }));
            }
        }
    }
    Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
}

/// Lets the caller put events on a bus, its own or another account's.
pub(super) fn admit(
    world: &World,
    caller: &Caller,
    bus: &BusAddress,
    source: Option<&str>,
    detail_type: Option<&str>,
) -> Result<(), AwsError> {
    let arn = bus.arn(world);
    // A bus that is not there refuses nobody of its own account: the event is lost, see `accept`.
    let policy = bus.bus(world).ok().and_then(|bus| bus.policy.as_ref());
    let resource = Resource { arn: &arn, owner: &bus.account, policy };
    let source = source.map(|source| ("events:source", source));
    let detail_type = detail_type.map(|detail_type| ("events:detail-type", detail_type));
    let context: Vec<(&str, &str)> = source.into_iter().chain(detail_type).collect();
    access::authorize(world, caller, "events:PutEvents", resource, &context)
}

fn accept(
    world: &mut World,
    caller: &Caller,
    bus: &BusAddress,
    entry: Entry,
) -> Result<String, (&'static str, String)> {
    let required = |name: &str, value: Option<String>| {
        let text = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        value.filter(|value| !value.is_empty()).ok_or(("InvalidArgument", text))
    };
    let source = required("Source", entry.source)?;
    let detail_type = required("DetailType", entry.detail_type)?;
    let detail = required("Detail", entry.detail)?;
    if source.starts_with("aws.") {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
    }
    let detail: Option<Value> = serde_json::from_str(&detail).ok();
    let detail =
        detail.filter(Value::is_object).ok_or(("MalformedDetail", "Detail is malformed.".to_owned()))?;
    let id = world.ids.uuid();
    let event = ServiceEvent { source, detail_type, resources: entry.resources, detail };
    let mut envelope = envelope(world, &caller.account, &id, event);
    if let (Some(members), Some(time)) = (envelope.as_object_mut(), entry.time.and_then(moment)) {
        members.insert("time".to_owned(), json!(time_text(time)));
    }
    if bus.bus(world).is_ok() {
        delivery::send(world, &bus.account, &bus.name, &envelope);
    } else {
        // AWS answers as if all were well.
        let lost = Undelivered {
            event_id: id.clone(),
            rule_arn: bus.arn(world),
            target_arn: String::new(),
            error_code: "NO_RESOURCE".to_owned(),
            error_message: format!("Event bus {} does not exist.", bus.name),
        };
        delivery::note_undelivered(world, &caller.account, lost);
    }
    Ok(id)
}

fn moment(seconds: f64) -> Option<DateTime<Utc>> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date fit; others saturate")]
    let milliseconds = (seconds * 1000.0) as i64;
    DateTime::from_timestamp_millis(milliseconds)
}
