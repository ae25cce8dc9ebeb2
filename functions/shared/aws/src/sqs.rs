//! SQS: wake-ups for other functions.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/>

use crate::connection::Clients;
use crate::error::CallError;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

const SERVICE: &str = "SQS";
/// SQS's own limit for one batch.
const MESSAGES_PER_BATCH: usize = 10;

impl Clients {
    /// Puts messages on a queue, in batches.
    ///
    /// # Errors
    /// When SQS does not take one of them; earlier ones are on the queue then, which does no harm.
    pub async fn send(&self, queue_url: &str, bodies: &[String]) -> Result<(), CallError> {
        let operation = "SendMessageBatch";
        for batch in bodies.chunks(MESSAGES_PER_BATCH) {
            let mut sent = self.sqs().send_message_batch().queue_url(queue_url);
            for (index, body) in batch.iter().enumerate() {
                let entry =
                    SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build();
                let entry =
                    entry.map_err(|error| CallError::malformed(SERVICE, operation, queue_url, error))?;
                sent = sent.entries(entry);
            }
            let answer = sent
                .send()
                .await
                .map_err(|error| CallError::from_sdk(SERVICE, operation, queue_url, error))?;
            if let Some(failed) = answer.failed().first() {
                let what = format!("{}: {}", failed.code(), failed.message().unwrap_or_default());
                return Err(CallError::malformed(SERVICE, operation, queue_url, what));
            }
        }
        Ok(())
    }
}
