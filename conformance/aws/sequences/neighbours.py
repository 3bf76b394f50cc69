"""What stands beside: sessions, roles, topics, zones, and stacks of buckets."""

import json

from . import sequence

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
GRANT = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})


@sequence("sts", "sts", "s3")
def sessions(aws):
    aws("sts", "GetCallerIdentity")
    role = "arn:aws:iam::222222222222:role/other/worker"
    lent = aws("sts", "AssumeRole", RoleArn=role, RoleSessionName="stranger").get("Credentials", {})
    keys = (lent.get("AccessKeyId"), lent.get("SecretAccessKey"), lent.get("SessionToken"))
    aws("sts", "GetCallerIdentity", keys=keys)
    # What one account makes, another does not have.
    aws("s3", "CreateBucket", keys=keys, Bucket="stranger-elsewhere",
        CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    aws("s3", "ListBuckets", keys=keys)
    aws("s3", "ListBuckets")
    aws("s3", "DeleteBucket", keys=keys, Bucket="stranger-elsewhere")
    aws("sts", "AssumeRole", RoleArn=role)
    aws("sts", "AssumeRole", RoleSessionName="stranger")
    aws("sts", "AssumeRole", RoleArn=role, RoleSessionName="s", DurationSeconds=60)
    aws("sts", "AssumeRole", RoleArn=role, RoleSessionName="not allowed!")


@sequence("iam", "iam")
def roles(aws):
    aws("iam", "GetRole", RoleName="stranger")
    aws("iam", "CreateRole", RoleName="stranger", AssumeRolePolicyDocument=TRUST, Description="for a test")
    aws("iam", "CreateRole", RoleName="stranger", AssumeRolePolicyDocument=TRUST)
    aws("iam", "CreateRole", RoleName="broken", AssumeRolePolicyDocument="{")
    aws("iam", "GetRole", RoleName="stranger")
    arn = f"arn:aws:iam::{aws.account}:policy/reads"
    aws("iam", "CreatePolicy", PolicyName="reads", PolicyDocument=GRANT)
    aws("iam", "CreatePolicy", PolicyName="reads", PolicyDocument=GRANT)
    aws("iam", "CreatePolicy", PolicyName="broken", PolicyDocument="{")
    of = {"RoleName": "stranger"}
    aws("iam", "ListAttachedRolePolicies", **of)
    aws("iam", "AttachRolePolicy", **of, PolicyArn=arn)
    aws("iam", "AttachRolePolicy", **of, PolicyArn=arn[:-5] + "nothing")
    aws("iam", "ListAttachedRolePolicies", **of)
    aws("iam", "ListRolePolicies", **of)
    aws("iam", "ListInstanceProfilesForRole", **of)
    aws("iam", "DeleteRole", **of)
    aws("iam", "DeletePolicy", PolicyArn=arn)
    aws("iam", "DetachRolePolicy", **of, PolicyArn=arn)
    aws("iam", "DetachRolePolicy", **of, PolicyArn=arn)
    aws("iam", "DeletePolicy", PolicyArn=arn)
    aws("iam", "DeletePolicy", PolicyArn=arn)
    aws("iam", "DeleteRole", **of)
    aws("iam", "DeleteRole", **of)
    for operation in ("ListAttachedRolePolicies", "ListRolePolicies", "ListInstanceProfilesForRole"):
        aws("iam", operation, **of)


@sequence("sns", "sns")
def topics(aws):
    arn = f"arn:aws:sns:us-west-2:{aws.account}:stranger-topic"
    aws("sns", "CreateTopic", Name="stranger-topic")
    aws("sns", "CreateTopic", Name="stranger-topic")
    aws("sns", "CreateTopic", Name="not allowed!")
    aws("sns", "CreateTopic", Name="stranger-display", Attributes={"DisplayName": "Display"})
    aws("sns", "DeleteTopic", TopicArn=arn)
    aws("sns", "DeleteTopic", TopicArn=arn)
    aws("sns", "DeleteTopic", TopicArn=arn.replace("stranger-topic", "stranger-display"))


@sequence("ec2", "ec2")
def zones(aws):
    aws("ec2", "DescribeAvailabilityZones")


@sequence("cloudformation", "cloudformation", "s3")
def stacks(aws):
    template = json.dumps({"Resources": {"Data": {
        "Type": "AWS::S3::Bucket", "Properties": {"BucketName": "stranger-stacked"}}}})
    aws("cloudformation", "DescribeStacks", StackName="stranger")
    aws("cloudformation", "CreateStack", StackName="stranger", TemplateBody=template)
    aws("cloudformation", "CreateStack", StackName="stranger", TemplateBody=template)
    aws("cloudformation", "CreateStack", StackName="broken", TemplateBody="{")
    aws("cloudformation", "DescribeStacks", StackName="stranger")
    aws("s3", "HeadBucket", Bucket="stranger-stacked")
    aws("s3", "GetBucketTagging", Bucket="stranger-stacked")
    aws("cloudformation", "DeleteStack", StackName="stranger")
    aws("s3", "HeadBucket", Bucket="stranger-stacked")
    aws("cloudformation", "DescribeStacks", StackName="stranger")
