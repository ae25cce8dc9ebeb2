//! Without the approvals that its environment asks for, an image stays out, and the record says what would let it in.

use client::image::Image;
use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, Story, rules};

#[test]
fn before_anything_is_pushed_nothing_is_asked_for() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 never_deployed: it has no revision.json
          reconcile: cluster1/webapp1 refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn without_a_push_the_image_stays_out() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    let first = story.release("first")?;
    expect![[r#"
        records
          2 × promote_image: cluster1/webapp1 refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
    "#]].assert_eq(&story.at("stg")?.told()?);
    // Another tag is no push.
    story.approve("stg", &first)?;
    expect![[r#"
        records
          promote_image: cluster1/webapp1 refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
    "#]].assert_eq(&story.at("stg")?.told()?);
    Ok(())
}

#[test]
fn without_its_tag_the_image_stays_out() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "tag")?;
    let first = story.release("first")?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (not_approved): container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks the tag approved-stg-<first> on it upstream
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    // An approval for another environment is none here.
    story.approve("prd", &first)?;
    expect![[r#"
        records
          promote_image: - ignored: the tag approved-prd-<first> names no version, and approves nothing for stg
    "#]].assert_eq(&story.at("stg")?.told()?);
    Ok(())
}

#[test]
fn without_upstreams_own_word_the_image_stays_out() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "verified")?;
    // Dev has the image and never ran it: its branch names another commit.
    let first = story.develop("webapp1", "first")?;
    story.push_only("webapp1", &first, &Image::new("webapp1").version("first"))?;
    story.rest()?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (not_approved): container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks upstream's word that it runs well there as cluster1/webapp1
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    story.git_push("webapp1", "dev", &format!("{first}:main"))?;
    expect![[r#"
        dev
          commits
            <commit 3> Towpath: cluster1/webapp1: webapp1 → <first>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 3>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          evidence
            <webapp1:<first>> account=111111111111 commit=<commit 3> environment=dev kind=verified service=cluster1/webapp1
          comments
            <commit 3> Towpath: cluster1/webapp1 verified
              execution <id 1> deployed commit <commit 3>, and ECS completed it
              Execution <id 1> of deploy-cluster1-webapp1.
        stg
          commits
            <commit 4> Towpath: cluster1/webapp1: webapp1 → <first>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 4>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          evidence
            <webapp1:<first>> account=111111111111 commit=<commit 3> environment=dev kind=verified service=cluster1/webapp1
            <webapp1:<first>> account=222222222222 commit=<commit 4> environment=stg kind=verified service=cluster1/webapp1
          comments
            <commit 4> Towpath: cluster1/webapp1 verified
              execution <id 3> deployed commit <commit 4>, and ECS completed it
              Execution <id 3> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcomes()?);
    Ok(())
}

#[test]
fn of_several_approvals_all_that_are_missing_are_told() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "[push, tag, verified]")?;
    let first = story.develop("webapp1", "first")?;
    story.push_only("webapp1", &first, &Image::new("webapp1").version("first"))?;
    story.rest()?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (not_approved): container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks the tag approved-stg-<first> on it upstream, and upstream's word that it runs well there as cluster1/webapp1
    "#]].assert_eq(&story.pushed_to("stg", &first)?);
    story.approve("stg", &first)?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (not_approved): container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks upstream's word that it runs well there as cluster1/webapp1
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    story.git_push("webapp1", "dev", &format!("{first}:main"))?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → <first>
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 3>
        runs
          cluster1/webapp1 webapp1@<webapp1:<first>>
        evidence
          <webapp1:<first>> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
          <webapp1:<first>> account=222222222222 commit=<commit 3> environment=stg kind=verified service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 3>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 ignored: its rules ask for approvals (promote), so promote_image moves it
          promote_image: copied webapp1@<webapp1:<first>>: 3 layers (2309 bytes), 0 were here, 2 manifests, 1 of them speak of it
          promote_image: cluster1/webapp1 copying: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main, tag approved-stg-<first>, verified by dev at <time>
            - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
          promote_image: cluster1/webapp1 moved: webapp1: commit selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main, tag approved-stg-<first>, verified by dev at <time>
            - tag webapp1@<webapp1:<first>> as <first>
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 3>, and ECS completed it
            - put evidence verified of stg for cluster1/webapp1 on webapp1@<webapp1:<first>>
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.at("stg")?.told()?);
    Ok(())
}

#[test]
fn an_image_in_quarantine_upstream_stays_out_whatever_approves_it_until_it_is_released_there()
-> Result<(), Failure> {
    // To the functions, dev's deployments happened before the rollback, and what follows the pause after it.
    let now = chrono::DateTime::from(std::time::SystemTime::now()) - chrono::Duration::minutes(40);
    let mut story = Story::pair_at(Settings::default(), now)?;
    story.make_path(&[
        ("dev", &rules("commit", None)),
        ("stg", &rules("commit", Some("[push, tag, verified]"))),
    ])?;
    story.release("first")?;
    let second = story.release("second")?;
    story.at("dev")?.automate("towpath-roll_back", &[])?;
    story.approve("stg", &second)?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (quarantined_upstream): container webapp1: <second> (<webapp1:<second>>) is in quarantine in account 111111111111 since <time>, which overrides every approval; promote another image, or release it there
    "#]].assert_eq(&story.pushed_to("stg", &second)?);
    story.let_pass(40)?;
    story.at("dev")?.automate("towpath-release", &[("To", "all")])?;
    expect![[r#"
        dev
          commits
            <commit 6> Towpath: cluster1/webapp1: released
              M cluster1/webapp1/hold.json
            <commit 7> Towpath: cluster1/webapp1: webapp1 → <second>
              M cluster1/webapp1/hold.json
              M cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 7>
          runs
            cluster1/webapp1 webapp1@<webapp1:<second>>
          evidence
            <webapp1:<second>> account=111111111111 commit=<commit 5> environment=dev kind=released service=cluster1/webapp1
            <webapp1:<second>> account=111111111111 commit=<commit 7> environment=dev kind=verified service=cluster1/webapp1
          comments
            <commit 7> Towpath: cluster1/webapp1 verified
              execution <id 5> deployed commit <commit 7>, and ECS completed it
              Execution <id 5> of deploy-cluster1-webapp1.
        stg
          commits
            <commit 8> Towpath: cluster1/webapp1: webapp1 → <second>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 8>
          runs
            cluster1/webapp1 webapp1@<webapp1:<second>>
          evidence
            <webapp1:<second>> account=111111111111 commit=<commit 4> environment=dev kind=quarantined service=cluster1/webapp1
            <webapp1:<second>> account=111111111111 commit=<commit 5> environment=dev kind=released service=cluster1/webapp1
            <webapp1:<second>> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
            <webapp1:<second>> account=111111111111 commit=<commit 7> environment=dev kind=verified service=cluster1/webapp1
            <webapp1:<second>> account=222222222222 commit=<commit 8> environment=stg kind=verified service=cluster1/webapp1
          comments
            <commit 8> Towpath: cluster1/webapp1 verified
              execution <id 6> deployed commit <commit 8>, and ECS completed it
              Execution <id 6> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcomes()?);
    Ok(())
}

#[test]
fn an_image_in_quarantine_here_is_refused_with_the_command_that_releases_it() -> Result<(), Failure> {
    let mut story = Story::with_path("commit", "push")?;
    let mut commits = Vec::new();
    for version in ["first", "second", "third"] {
        commits.push(story.release(version)?);
    }
    let [first, second, third] = commits.as_slice() else { return Err("three releases".into()) };
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    story.git_push("webapp1", "stg", &format!("{second}:main"))?;
    story.at("stg")?.automate("towpath-roll_back", &[])?;
    // Another commit lifts the hold, and leaves the quarantine as it is.
    story.git_push("webapp1", "stg", &format!("{third}:main"))?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (quarantined): container webapp1: <second> (<webapp1:<second>>) may not return, because <webapp1:<second>> is in quarantine since <time> (rolled back: it answers 500); push a newer image, or release it: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&story.pushed_to("stg", &format!("+{second}"))?);
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.at("stg")?.outcome()?);
    let told = story.automate("towpath-release", &[("To", "all")])?;
    expect![[r#"
        released: arn:aws:iam::222222222222:user/administrator releases <webapp1:<second>>; its rules apply again
    "#]].assert_eq(&story.shown(&told));
    expect![[r#"
        commits
          <commit 10> Towpath: cluster1/webapp1: released
            M cluster1/webapp1/hold.json
          <commit 11> Towpath: cluster1/webapp1: webapp1 → <second>
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 11>
        runs
          cluster1/webapp1 webapp1@<webapp1:<second>>
        comments
          <commit 11> Towpath: cluster1/webapp1 verified
            execution <id 10> deployed commit <commit 11>, and ECS completed it
            Execution <id 10> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn an_environment_without_upstream_has_nobody_to_ask() -> Result<(), Failure> {
    let asks = rules("commit", Some("push"));
    let mut story = Story::with_rules(&[("dev", &asks), ("stg", &asks)])?;
    story.release("first")?;
    expect![[r#"
        records
          2 × on_image_push: cluster1/webapp1 ignored: its rules ask for approvals (promote), so promote_image moves it
    "#]].assert_eq(&story.told()?);
    story.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 never_deployed: it has no revision.json
          reconcile: cluster1/webapp1 refused (no_upstream): its rules ask for approvals (promote), and this environment has no upstream; deploy template.yaml with the parameter Upstream, or take promote out of delivery.yaml
    "#]].assert_eq(&story.told()?);
    Ok(())
}
