//! The Lambda function `reconcile`.

use domain::wake_up::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    entrypoint::run(Function::Reconcile, reconcile::handle).await
}
