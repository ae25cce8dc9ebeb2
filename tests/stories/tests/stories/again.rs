//! Events that come again, and everything that comes again.

use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, Story};

#[test]
fn doubled_events_and_a_replay_of_all_change_nothing() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.double_events();
    story.push("webapp1", "1111111")?;
    story.heal();
    expect![[r#"
        commits
          <commit 2> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 2>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 2> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 2> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 2>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    story.replay()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}
