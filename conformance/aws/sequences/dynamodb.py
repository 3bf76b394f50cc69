"""DynamoDB: tables and what hangs on them, backups, global tables."""

import json

from . import sequence

NAME = "stranger"
BY_ID = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
         "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
UNITS = {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}}


def arn(aws, name=NAME):
    described = aws.ask("dynamodb", "DescribeTable", TableName=name)
    if described:
        return described["Table"]["TableArn"]
    return f"arn:aws:dynamodb:us-west-2:{aws.account}:table/{name}"


def table(aws, name=NAME, region="us-west-2", **more):
    wanted = {**BY_ID, **({} if "ProvisionedThroughput" in more else ON_DEMAND), **more}
    aws.ask("dynamodb", "CreateTable", region=region, TableName=name, **wanted)
    aws.settle(name, region=region)


def gone(aws, *names):
    for name in names:
        aws.settle(name)
        aws.ask("dynamodb", "DeleteTable", TableName=name)
        aws.settle(name)


def change(aws, **update):
    """An update, and how the table is once it has come to rest."""
    aws("dynamodb", "UpdateTable", TableName=NAME, **update)
    aws.settle(NAME)
    aws("dynamodb", "DescribeTable", TableName=NAME)


@sequence("dynamodb-tables", "dynamodb")
def tables(aws):
    aws("dynamodb", "ListTables")
    aws("dynamodb", "DescribeTable", TableName=NAME)
    aws("dynamodb", "CreateTable", TableName=NAME, **BY_ID, **UNITS)
    aws.settle(NAME)
    aws("dynamodb", "CreateTable", TableName=NAME, **BY_ID, **UNITS)
    aws("dynamodb", "DescribeTable", TableName=NAME)
    table(aws, "stranger-2")
    aws("dynamodb", "DescribeTable", TableName="stranger-2")
    aws("dynamodb", "ListTables")
    aws("dynamodb", "ListTables", Limit=1)
    aws("dynamodb", "ListTables", ExclusiveStartTableName=NAME)
    aws("dynamodb", "DeleteTable", TableName=NAME)
    aws.settle(NAME)
    aws("dynamodb", "DeleteTable", TableName=NAME)
    aws("dynamodb", "UpdateTable", TableName=NAME, **UNITS)
    gone(aws, "stranger-2")
    aws("dynamodb", "ListTables")


@sequence("dynamodb-wrong", "dynamodb")
def wrong(aws):
    def create(**more):
        aws("dynamodb", "CreateTable", **{"TableName": NAME, **BY_ID, **ON_DEMAND, **more})
        # Whoever makes the table all the same is to stumble over it only once.
        gone(aws, more.get("TableName", NAME))

    create(TableName="ab")
    create(TableName="not allowed!")
    create(BillingMode="FREE")
    create(BillingMode="PROVISIONED")
    create(**UNITS)
    create(BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 0, "WriteCapacityUnits": 1})
    create(KeySchema=[{"AttributeName": "other", "KeyType": "HASH"}])
    create(KeySchema=[{"AttributeName": "id", "KeyType": "RANGE"}])
    create(AttributeDefinitions=BY_ID["AttributeDefinitions"] + [{"AttributeName": "spare", "AttributeType": "N"}])
    create(AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "BOOL"}])
    create(KeySchema=[])
    create(StreamSpecification={"StreamEnabled": True})
    create(StreamSpecification={"StreamEnabled": True, "StreamViewType": "EVERYTHING"})
    create(LocalSecondaryIndexes=[{"IndexName": "local", "KeySchema": BY_ID["KeySchema"], "Projection": {"ProjectionType": "ALL"}}])
    create(GlobalSecondaryIndexes=[{"IndexName": "global", "KeySchema": [{"AttributeName": "spare", "KeyType": "HASH"}],
                                    "Projection": {"ProjectionType": "ALL"}}])
    create(TableClass="GOLD")
    aws("dynamodb", "CreateTable", TableName=NAME)


@sequence("dynamodb-billing", "dynamodb")
def billing(aws):
    table(aws, **UNITS)
    aws("dynamodb", "UpdateTable", TableName=NAME)
    change(aws, ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 8})
    aws("dynamodb", "UpdateTable", TableName=NAME, ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 8})
    change(aws, **ON_DEMAND)
    aws("dynamodb", "UpdateTable", TableName=NAME, **UNITS)
    change(aws, OnDemandThroughput={"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20})
    change(aws, BillingMode="PROVISIONED", **UNITS)
    gone(aws, NAME)


@sequence("dynamodb-protection", "dynamodb")
def protection(aws):
    table(aws, DeletionProtectionEnabled=True)
    aws("dynamodb", "DescribeTable", TableName=NAME)
    aws("dynamodb", "DeleteTable", TableName=NAME)
    change(aws, DeletionProtectionEnabled=False)
    aws("dynamodb", "DeleteTable", TableName=NAME)
    aws.settle(NAME)


@sequence("dynamodb-class", "dynamodb")
def table_class(aws):
    table(aws, TableClass="STANDARD_INFREQUENT_ACCESS")
    aws("dynamodb", "DescribeTable", TableName=NAME)
    change(aws, TableClass="STANDARD")
    gone(aws, NAME)


@sequence("dynamodb-encryption", "dynamodb")
def encryption(aws):
    table(aws)
    change(aws, SSESpecification={"Enabled": True, "SSEType": "KMS"})
    change(aws, SSESpecification={"Enabled": False})
    gone(aws, NAME)


@sequence("dynamodb-streams", "dynamodb")
def streams(aws):
    table(aws, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    aws("dynamodb", "DescribeTable", TableName=NAME)
    aws("dynamodb", "UpdateTable", TableName=NAME, StreamSpecification={"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"})
    change(aws, StreamSpecification={"StreamEnabled": False})
    change(aws, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    gone(aws, NAME)


BY_AGE = {"AttributeName": "age", "AttributeType": "N"}


def index(name, *keys, **more):
    kinds = ("HASH", "RANGE")
    return {"IndexName": name, "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds)], **more}


@sequence("dynamodb-indexes", "dynamodb")
def indexes(aws):
    definitions = BY_ID["AttributeDefinitions"] + [BY_AGE]
    keys = BY_ID["KeySchema"] + [{"AttributeName": "age", "KeyType": "RANGE"}]
    aws("dynamodb", "CreateTable", TableName=NAME, **ON_DEMAND, AttributeDefinitions=definitions + [
        {"AttributeName": "place", "AttributeType": "S"}], KeySchema=keys,
        LocalSecondaryIndexes=[index("by-place-local", "id", "place")],
        GlobalSecondaryIndexes=[index("by-place", "place"), index("by-age", "age", "id")])
    aws.settle(NAME)
    aws("dynamodb", "DescribeTable", TableName=NAME)
    change(aws, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-place"}}])
    aws("dynamodb", "UpdateTable", TableName=NAME, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-place"}}])
    change(aws, AttributeDefinitions=[{"AttributeName": "colour", "AttributeType": "S"}],
           GlobalSecondaryIndexUpdates=[{"Create": index("by-colour", "colour",
                                                         Projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["size"]})}])
    aws("dynamodb", "UpdateTable", TableName=NAME, AttributeDefinitions=definitions,
        GlobalSecondaryIndexUpdates=[{"Create": index("by-age", "age")}])
    aws("dynamodb", "UpdateTable", TableName=NAME, AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[
        {"Create": index("third", "age")}, {"Create": index("fourth", "age")}])
    gone(aws, NAME)


@sequence("dynamodb-index-units", "dynamodb")
def index_units(aws):
    definitions = BY_ID["AttributeDefinitions"] + [BY_AGE]
    table(aws, **UNITS, AttributeDefinitions=definitions, GlobalSecondaryIndexes=[index("by-age", "age", **UNITS)])
    aws("dynamodb", "DescribeTable", TableName=NAME)
    change(aws, GlobalSecondaryIndexUpdates=[{"Update": {
        "IndexName": "by-age", "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3}}}])
    aws("dynamodb", "UpdateTable", TableName=NAME, GlobalSecondaryIndexUpdates=[{"Update": {
        "IndexName": "nothing", **UNITS}}])
    gone(aws, NAME)


@sequence("dynamodb-tags", "dynamodb")
def tags(aws):
    aws("dynamodb", "ListTagsOfResource", ResourceArn=arn(aws))
    table(aws, Tags=[{"Key": "team", "Value": "a"}])
    of = {"ResourceArn": arn(aws)}
    aws("dynamodb", "ListTagsOfResource", **of)
    aws("dynamodb", "TagResource", **of, Tags=[{"Key": "team", "Value": "b"}, {"Key": "env", "Value": ""}])
    aws("dynamodb", "ListTagsOfResource", **of)
    aws("dynamodb", "UntagResource", **of, TagKeys=["team", "nothing"])
    aws("dynamodb", "ListTagsOfResource", **of)
    aws("dynamodb", "TagResource", **of, Tags=[])
    aws("dynamodb", "TagResource", ResourceArn=arn(aws, "nowhere"), Tags=[{"Key": "a", "Value": "b"}])
    aws("dynamodb", "UntagResource", ResourceArn=arn(aws, "nowhere"), TagKeys=["a"])
    aws("dynamodb", "ListTagsOfResource", ResourceArn="nonsense")
    gone(aws, NAME)


@sequence("dynamodb-expiry", "dynamodb")
def expiry(aws):
    of = {"TableName": NAME}
    aws("dynamodb", "DescribeTimeToLive", **of)
    table(aws)
    aws("dynamodb", "DescribeTimeToLive", **of)
    on = {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "until"}}
    off = {"TimeToLiveSpecification": {"Enabled": False, "AttributeName": "until"}}
    aws("dynamodb", "UpdateTimeToLive", **of, **off)
    aws("dynamodb", "UpdateTimeToLive", **of, **on)
    aws.settle(NAME)
    aws("dynamodb", "DescribeTimeToLive", **of)
    aws("dynamodb", "UpdateTimeToLive", **of, **on)
    aws("dynamodb", "UpdateTimeToLive", **of, **off)
    aws.settle(NAME)
    aws("dynamodb", "DescribeTimeToLive", **of)
    aws("dynamodb", "UpdateTimeToLive", TableName="nowhere", **on)
    gone(aws, NAME)


@sequence("dynamodb-recovery", "dynamodb")
def recovery(aws):
    of = {"TableName": NAME}
    aws("dynamodb", "DescribeContinuousBackups", **of)
    table(aws)
    aws("dynamodb", "DescribeContinuousBackups", **of)
    for on in (True, False):
        aws("dynamodb", "UpdateContinuousBackups", **of, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on})
        aws("dynamodb", "DescribeContinuousBackups", **of)
    aws("dynamodb", "UpdateContinuousBackups", **of, PointInTimeRecoverySpecification={
        "PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7})
    aws("dynamodb", "DescribeContinuousBackups", **of)
    aws("dynamodb", "UpdateContinuousBackups", **of, PointInTimeRecoverySpecification={
        "PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 36})
    gone(aws, NAME)


@sequence("dynamodb-policy", "dynamodb")
def policy(aws):
    aws("dynamodb", "GetResourcePolicy", ResourceArn=arn(aws))
    table(aws)
    of = {"ResourceArn": arn(aws)}
    document = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.account}:root"},
        "Action": "dynamodb:GetItem", "Resource": of["ResourceArn"]}]}
    aws("dynamodb", "GetResourcePolicy", **of)
    aws("dynamodb", "DeleteResourcePolicy", **of)
    aws("dynamodb", "PutResourcePolicy", **of, Policy=json.dumps(document))
    aws("dynamodb", "GetResourcePolicy", **of)
    aws("dynamodb", "PutResourcePolicy", **of, Policy=json.dumps(document), ExpectedRevisionId="nonsense")
    aws("dynamodb", "PutResourcePolicy", **of, Policy="{")
    aws("dynamodb", "DeleteResourcePolicy", **of)
    aws("dynamodb", "GetResourcePolicy", **of)
    gone(aws, NAME)


@sequence("dynamodb-insights", "dynamodb")
def insights(aws):
    of = {"TableName": NAME}
    aws("dynamodb", "DescribeContributorInsights", **of)
    table(aws)
    aws("dynamodb", "DescribeContributorInsights", **of)
    aws("dynamodb", "UpdateContributorInsights", **of, ContributorInsightsAction="ENABLE")
    aws.settle(NAME)
    aws("dynamodb", "DescribeContributorInsights", **of)
    aws("dynamodb", "UpdateContributorInsights", **of, ContributorInsightsAction="NONSENSE")
    aws("dynamodb", "UpdateContributorInsights", **of, ContributorInsightsAction="DISABLE")
    aws.settle(NAME)
    gone(aws, NAME)


@sequence("dynamodb-backups", "dynamodb")
def backups(aws):
    aws("dynamodb", "CreateBackup", TableName="nowhere", BackupName="first")
    table(aws)
    aws("dynamodb", "ListBackups", TableName=NAME)
    made = aws("dynamodb", "CreateBackup", TableName=NAME, BackupName="first")
    of = made.get("BackupDetails", {}).get("BackupArn") or f"{arn(aws)}/backup/01489602797149-73d8d5bc"
    aws("dynamodb", "DescribeBackup", BackupArn=of)
    aws("dynamodb", "ListBackups", TableName=NAME)
    aws("dynamodb", "DeleteBackup", BackupArn=of)
    aws("dynamodb", "DescribeBackup", BackupArn=of)
    aws("dynamodb", "DeleteBackup", BackupArn=of)
    gone(aws, NAME)


@sequence("dynamodb-replicas", "dynamodb")
def replicas(aws):
    table(aws)
    aws("dynamodb", "UpdateTable", TableName=NAME, ReplicaUpdates=[{"Create": {"RegionName": "us-west-1"}}])
    change(aws, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    change(aws, ReplicaUpdates=[{"Create": {"RegionName": "us-west-1"}}])
    aws("dynamodb", "DeleteTable", TableName=NAME)
    change(aws, ReplicaUpdates=[{"Delete": {"RegionName": "us-west-1"}}])
    gone(aws, NAME)


@sequence("dynamodb-global", "dynamodb")
def global_tables(aws):
    streamed = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}, **UNITS}
    regions = ("us-west-2", "us-west-1")
    for region in regions:
        table(aws, region=region, **streamed)
    aws("dynamodb", "DescribeGlobalTable", GlobalTableName=NAME)
    aws("dynamodb", "CreateGlobalTable", GlobalTableName="nowhere", ReplicationGroup=[{"RegionName": "us-west-2"}])
    aws("dynamodb", "CreateGlobalTable", GlobalTableName=NAME, ReplicationGroup=[{"RegionName": "us-west-2"}])
    aws("dynamodb", "DescribeGlobalTable", GlobalTableName=NAME)
    aws("dynamodb", "ListGlobalTables")
    aws("dynamodb", "UpdateGlobalTable", GlobalTableName=NAME, ReplicaUpdates=[{"Create": {"RegionName": "us-west-1"}}])
    for region in reversed(regions):
        aws("dynamodb", "UpdateGlobalTable", GlobalTableName=NAME, ReplicaUpdates=[{"Delete": {"RegionName": region}}])
    for region in regions:
        aws.ask("dynamodb", "DeleteTable", region=region, TableName=NAME)
        aws.settle(NAME, region=region)
