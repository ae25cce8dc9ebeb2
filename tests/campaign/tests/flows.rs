//! One flow after the other, undisturbed.

use campaign::{Drive, Failure, ImageKind};
use chrono::Duration;
use local_aws::settings::Settings;

fn in_virtual_time<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(work)
}

#[test]
fn a_push_is_deployed() -> Result<(), Failure> {
    in_virtual_time(async {
        let base = campaign::base(Settings::default()).await?;
        let began = std::time::Instant::now();
        let accounts = base.open(Settings::default(), 7)?;
        println!("open {:?}", began.elapsed());
        let mut drive = Drive::new(accounts, 7);
        drive.accounts.push_image("newest1", "1111111", ImageKind::Good).await?;
        drive.rest(Duration::hours(3)).await?;
        println!("flow {:?}", began.elapsed());
        println!("{}", drive.log());
        Ok(())
    })
}
