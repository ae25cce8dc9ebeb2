//! From the push to a verified deployment.

use client::image::Image;
use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, Story, rules};

#[test]
fn a_first_push_is_committed_started_rolled_out_and_verified() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push("webapp1", "1111111")?;
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
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 1>: cluster1/webapp1: webapp1 → 1111111 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 2>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:1111111>
            - comment at commit <commit 2> of deployment: Towpath: cluster1/webapp1 verified
        calls
          on_image_push: 6
            1 codecommit CreateCommit
            1 codecommit GetFile
            2 codecommit GetFile (FileDoesNotExistException)
            1 codecommit ListFileCommitHistory
            1 ecr DescribeImages
          on_commit: 14
            1 codecommit GetCommit
            1 codecommit GetDifferences
            2 codecommit GetFile
            2 codecommit GetFile (FileDoesNotExistException)
            1 codecommit ListFileCommitHistory
            1 codepipeline GetPipeline
            1 codepipeline ListPipelineExecutions
            1 codepipeline StartPipelineExecution
            1 ecr BatchGetImage
            1 ecs DescribeServiceDeployments
            1 ecs DescribeServiceRevisions
            1 ecs ListServiceDeployments
          on_deployment_change: 39
            2 codecommit GetCommentsForComparedCommit
            2 codecommit GetCommit
            4 codecommit GetFile
            4 codecommit GetFile (FileDoesNotExistException)
            2 codecommit ListFileCommitHistory
            1 codecommit PostCommentForComparedCommit
            4 codepipeline GetPipeline
            2 codepipeline ListActionExecutions
            2 codepipeline ListPipelineExecutions
            2 ecr BatchGetImage
            1 ecr CompleteLayerUpload
            1 ecr InitiateLayerUpload
            2 ecr ListImageReferrers
            1 ecr PutImage
            1 ecr PutImage (LayersNotFoundException)
            1 ecr UploadLayerPart
            2 ecs DescribeServiceDeployments
            2 ecs DescribeServiceRevisions
            2 ecs ListServiceDeployments
            1 events PutEvents
    "#]].assert_eq(&story.happened()?);
    expect![[r#"
        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:1111111>"
          }
        ]
    "#]]
    .assert_eq(&story.file("cluster1/webapp1/revision.json")?);
    Ok(())
}

#[test]
fn the_image_of_an_applications_commit_takes_at_most_seven_calls() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.make_application("webapp1")?;
    let commit = story.develop("webapp1", "begin")?;
    story.git_push("webapp1", "dev", &format!("{commit}:main"))?;
    let rules = rules("commit", None);
    story.commit("Run what the application's branch says", &[("delivery.yaml", Some(&rules))])?;
    story.forget()?;
    story.push("webapp1", "1111111")?;
    expect![[r#"
        records
          on_image_push: cluster1/webapp1 waiting: webapp1: no image in webapp1 for commit <begin>
    "#]]
    .assert_eq(&story.told()?);
    story.push_only("webapp1", &commit, &Image::new("webapp1").version("2"))?;
    story.rest()?;
    let happened = story.happened()?;
    let (_, calls) = happened.split_once("on_image_push: ").ok_or("on_image_push did not call")?;
    let (_, calls) = calls.split_once("calls\n  on_image_push: ").ok_or("no calls")?;
    let count: usize = calls.split_whitespace().next().unwrap_or_default().parse()?;
    assert!(count <= 7, "{happened}");
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → <begin>
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 3>
        runs
          cluster1/webapp1 webapp1@<webapp1:<begin>>
        evidence
          <webapp1:<begin>> account=111111111111 commit=<commit 3> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 3>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 moved: webapp1: commit selects <begin> (<webapp1:<begin>>)
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <begin> (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 3>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:<begin>>
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 verified
        calls
          on_image_push: 7
            1 codecommit CreateCommit
            1 codecommit GetBranch
            1 codecommit GetFile
            2 codecommit GetFile (FileDoesNotExistException)
            1 codecommit ListFileCommitHistory
            1 ecr DescribeImages
          on_commit: 14
            1 codecommit GetCommit
            1 codecommit GetDifferences
            2 codecommit GetFile
            2 codecommit GetFile (FileDoesNotExistException)
            1 codecommit ListFileCommitHistory
            1 codepipeline GetPipeline
            1 codepipeline ListPipelineExecutions
            1 codepipeline StartPipelineExecution
            1 ecr BatchGetImage
            1 ecs DescribeServiceDeployments
            1 ecs DescribeServiceRevisions
            1 ecs ListServiceDeployments
          on_deployment_change: 41
            2 codecommit GetBranch
            2 codecommit GetCommentsForComparedCommit
            2 codecommit GetCommit
            4 codecommit GetFile
            4 codecommit GetFile (FileDoesNotExistException)
            2 codecommit ListFileCommitHistory
            1 codecommit PostCommentForComparedCommit
            4 codepipeline GetPipeline
            2 codepipeline ListActionExecutions
            2 codepipeline ListPipelineExecutions
            2 ecr BatchGetImage
            1 ecr CompleteLayerUpload
            1 ecr InitiateLayerUpload
            2 ecr ListImageReferrers
            1 ecr PutImage
            1 ecr PutImage (LayersNotFoundException)
            1 ecr UploadLayerPart
            2 ecs DescribeServiceDeployments
            2 ecs DescribeServiceRevisions
            2 ecs ListServiceDeployments
            1 events PutEvents
    "#]].assert_eq(&happened);
    Ok(())
}
