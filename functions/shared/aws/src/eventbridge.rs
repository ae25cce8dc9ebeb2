//! EventBridge: what Towpath itself tells.
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/>

use crate::connection::Clients;
use crate::error::CallError;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use domain::names::ServiceId;

const SERVICE: &str = "EventBridge";
/// The source of Towpath's own events.
const SOURCE: &str = "towpath";

impl Clients {
    /// Puts one of Towpath's own events on the account's default bus.
    ///
    /// # Errors
    /// When EventBridge does not take it.
    pub(crate) async fn put_event(
        &self,
        detail_type: &str,
        service: &ServiceId,
        detail: &str,
    ) -> Result<(), CallError> {
        let entry =
            PutEventsRequestEntry::builder().source(SOURCE).detail_type(detail_type).detail(detail).build();
        let answer = self.eventbridge().put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| CallError::from_sdk(SERVICE, "PutEvents", service, error))?;
        match answer.entries().first().and_then(|entry| entry.error_code()) {
            None => Ok(()),
            Some(code) => Err(CallError::malformed(SERVICE, "PutEvents", service, code.to_owned())),
        }
    }
}
