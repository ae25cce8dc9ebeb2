//! The Lambda function `on_commit`.

use domain::wake_up::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    entrypoint::run(Function::OnCommit, on_commit::handle).await
}
