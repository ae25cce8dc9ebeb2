//! The Lambda function `promote_image`.

use domain::wake_up::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    entrypoint::run(Function::PromoteImage, promote_image::handle).await
}
