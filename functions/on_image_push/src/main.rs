//! The Lambda function `on_image_push`.

use domain::wake_up::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    entrypoint::run(Function::OnImagePush, on_image_push::handle).await
}
