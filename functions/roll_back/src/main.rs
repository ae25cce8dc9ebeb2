//! The Lambda function `roll_back`.

use entrypoint::Context;
use lambda_runtime::{LambdaEvent, service_fn};
use roll_back::{TIME_TO_ANSWER, handle};
use std::time::{Instant, SystemTime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let context = &Context::from_environment(domain::wake_up::Function::RollBack)?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let deadline = Instant::now() + left.saturating_sub(TIME_TO_ANSWER);
        Box::pin(handle(&context.of_invocation(), event.payload, &event.context.request_id, deadline)).await
    }))
    .await
}
