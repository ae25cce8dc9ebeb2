//! One flow after the other, undisturbed.

use campaign::{Drive, Environment, Failure, ImageKind, Rates, in_virtual_time};
use chrono::Duration;
use local_aws::settings::Settings;

#[test]
fn a_push_is_deployed() -> Result<(), Failure> {
    in_virtual_time(async || {
        let base = campaign::base().await?;
        let began = std::time::Instant::now();
        let accounts = base.open(Settings::default(), 7)?;
        println!("open {:?}", began.elapsed());
        let mut drive = Drive::new(accounts, 7, Rates::CALM, None);
        drive.accounts.of(Environment::Dev).push_image("newest1", "1111111", ImageKind::Good).await?;
        drive.rest(Duration::hours(3)).await?;
        println!("flow {:?}", began.elapsed());
        println!("{}", drive.log());
        Ok(())
    })
}
