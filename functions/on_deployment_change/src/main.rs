//! The Lambda function `on_deployment_change`.

use domain::wake_up::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    entrypoint::run(Function::OnDeploymentChange, on_deployment_change::handle).await
}
