//! What the suite tells a person before it touches a real account.

/// What will be made, and what it may cost.
pub fn text(account: &str, region: &str) -> String {
    format!(
        "This suite checks AWS's behaviour in the account {account}, Region {region}.

It makes, one after the other, and deletes again (every name begins with conformance-):
  about 60 CodeCommit repositories, about 35 ECR repositories with images of some KiB,
  about 25 SQS queues, about 15 EventBridge rules, about 25 ECS clusters and 12 services,
  about 20 pipelines with a role each; one more role.
Only with --subnets and --execution-role: three Fargate tasks of 0.25 vCPU, for some minutes.
Only with --other-role: in that role's account, five roles, some ECR repositories, two event buses and a queue.
Only with --provoke-throttling: up to 4,000 calls of codecommit:GetBranch.

It needs rights for all of these and for iam:CreateRole, iam:PutRolePolicy, iam:PassRole and their
opposites. What is interrupted may leave something behind: look for names with conformance-.

Cost: below 0.50 USD (pipelines: some minutes of V2 action time, mostly within the free 100; CodeCommit:
one active user if this is the month's first; SQS, EventBridge, ECR: fractions of a cent).
It takes about an hour, mostly waiting for pipelines.
"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_account_is_named_before_anything_is_made_in_it() {
        let text = super::text("111111111111", "eu-west-1");
        assert!(
            text.starts_with(
                "This suite checks AWS's behaviour in the account 111111111111, Region eu-west-1."
            )
        );
    }
}
