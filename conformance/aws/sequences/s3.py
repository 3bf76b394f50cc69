"""S3: buckets, the documents that hang on them, and tags of the control plane."""

from . import sequence

HERE = {"LocationConstraint": "us-west-2"}
ACCOUNT = "123456789012"


def bucket(aws, name, **more):
    aws.ask("s3", "CreateBucket", Bucket=name, CreateBucketConfiguration=HERE, **more)


def gone(aws, *names):
    for name in names:
        aws.ask("s3", "DeleteBucket", Bucket=name)


def document(name, get, put, delete, values, wrong=()):
    """A document that is read, put, read again, put wrongly, deleted and read once more."""
    @sequence(f"s3-{name}", "s3")
    def run(aws):
        of = {"Bucket": f"stranger-{name}"}
        aws("s3", get, Bucket="stranger-nowhere")
        bucket(aws, **{"name": of["Bucket"]})
        aws("s3", get, **of)
        for value in values:
            aws("s3", put, **of, **value)
            aws("s3", get, **of)
        for value in wrong:
            aws("s3", put, **of, **value)
        if delete:
            aws("s3", delete, **of)
            aws("s3", get, **of)
            aws("s3", delete, **of)
        gone(aws, of["Bucket"])


@sequence("s3-buckets", "s3")
def buckets(aws):
    aws("s3", "ListBuckets")
    aws("s3", "CreateBucket", Bucket="stranger-one", CreateBucketConfiguration=HERE)
    aws("s3", "CreateBucket", Bucket="stranger-one", CreateBucketConfiguration=HERE)
    aws("s3", "CreateBucket", Bucket="stranger-two")
    aws("s3", "CreateBucket", Bucket="stranger-two", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3", "CreateBucket", Bucket="stranger-two", CreateBucketConfiguration={"LocationConstraint": "nowhere-1"})
    aws("s3", "CreateBucket", Bucket="Stranger_Two", CreateBucketConfiguration=HERE)
    aws("s3", "CreateBucket", Bucket="ab", CreateBucketConfiguration=HERE)
    aws("s3", "CreateBucket", region="us-east-1", Bucket="stranger-east")
    aws("s3", "CreateBucket", region="us-east-1", Bucket="stranger-east")
    aws("s3", "HeadBucket", Bucket="stranger-one")
    aws("s3", "HeadBucket", Bucket="stranger-nowhere")
    aws("s3", "GetBucketLocation", Bucket="stranger-one")
    aws("s3", "GetBucketLocation", region="us-east-1", Bucket="stranger-east")
    aws("s3", "GetBucketLocation", Bucket="stranger-nowhere")
    aws("s3", "ListBuckets")
    aws("s3", "ListBuckets", Prefix="stranger-o")
    aws("s3", "ListBuckets", MaxBuckets=1)
    aws("s3", "DeleteBucket", Bucket="stranger-one")
    aws("s3", "DeleteBucket", Bucket="stranger-one")
    aws("s3", "DeleteBucket", region="us-east-1", Bucket="stranger-east")
    aws("s3", "ListBuckets")


@sequence("s3-created-with", "s3")
def created_with(aws):
    aws("s3", "CreateBucket", Bucket="stranger-made", CreateBucketConfiguration=HERE,
        ObjectLockEnabledForBucket=True, ObjectOwnership="ObjectWriter", ACL="private")
    aws("s3", "GetBucketVersioning", Bucket="stranger-made")
    aws("s3", "GetObjectLockConfiguration", Bucket="stranger-made")
    aws("s3", "GetBucketOwnershipControls", Bucket="stranger-made")
    aws("s3", "GetPublicAccessBlock", Bucket="stranger-made")
    aws("s3", "GetBucketAcl", Bucket="stranger-made")
    gone(aws, "stranger-made")


@sequence("s3-objects", "s3")
def objects(aws):
    bucket(aws, "stranger-empty")
    for operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions"):
        aws("s3", operation, Bucket="stranger-empty")
        aws("s3", operation, Bucket="stranger-empty", Prefix="a/", MaxKeys=5)
        aws("s3", operation, Bucket="stranger-nowhere")
    gone(aws, "stranger-empty")


@sequence("s3-acl", "s3")
def acl(aws):
    of = {"Bucket": "stranger-acl"}
    bucket(aws, "stranger-acl", ObjectOwnership="BucketOwnerPreferred")
    aws.ask("s3", "DeletePublicAccessBlock", **of)
    aws("s3", "GetBucketAcl", **of)
    aws("s3", "PutBucketAcl", **of, ACL="public-read")
    aws("s3", "GetBucketAcl", **of)
    aws("s3", "PutBucketAcl", **of, ACL="log-delivery-write")
    aws("s3", "GetBucketAcl", **of)
    aws("s3", "PutBucketAcl", **of, GrantRead='uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"')
    aws("s3", "GetBucketAcl", **of)
    aws("s3", "PutBucketAcl", **of, ACL="private")
    aws("s3", "GetBucketAcl", **of)
    aws("s3", "PutBucketAcl", **of, ACL="nonsense")
    aws("s3", "GetBucketAcl", Bucket="stranger-nowhere")
    gone(aws, "stranger-acl")


POLICY = ('{"Version":"2012-10-17","Statement":[{"Sid":"read","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::'
          + ACCOUNT + ':root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::stranger-policy/*"}]}')

document("policy", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy",
         [{"Policy": POLICY}], wrong=[{"Policy": "{"}, {"Policy": '{"Version":"2012-10-17"}'}])


@sequence("s3-notification", "s3", "sqs", "sns")
def notification(aws):
    of = {"Bucket": "stranger-notification"}
    bucket(aws, of["Bucket"])
    aws("s3", "GetBucketNotificationConfiguration", **of)
    topic = (aws.ask("sns", "CreateTopic", Name="stranger-news") or {}).get("TopicArn")
    aws.ask("sqs", "CreateQueue", QueueName="stranger-events")
    queue = f"arn:aws:sqs:us-west-2:{aws.account}:stranger-events"
    aws("s3", "PutBucketNotificationConfiguration", **of, SkipDestinationValidation=True, NotificationConfiguration={
        "TopicConfigurations": [{"Id": "t", "TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}],
        "QueueConfigurations": [{"Id": "q", "QueueArn": queue, "Events": ["s3:ObjectRemoved:*"],
                                 "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a/"},
                                                                    {"Name": "suffix", "Value": ".txt"}]}}}],
    })
    aws("s3", "GetBucketNotificationConfiguration", **of)
    aws("s3", "PutBucketNotificationConfiguration", **of, SkipDestinationValidation=True, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:Nonsense"]}]})
    aws("s3", "PutBucketNotificationConfiguration", **of, SkipDestinationValidation=True, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": "arn:aws:sqs", "Events": ["s3:ObjectCreated:*"]}]})
    aws("s3", "PutBucketNotificationConfiguration", **of, NotificationConfiguration={})
    aws("s3", "GetBucketNotificationConfiguration", **of)
    gone(aws, of["Bucket"])
    aws.ask("sns", "DeleteTopic", TopicArn=topic)
    aws.ask("sqs", "DeleteQueue", QueueUrl=f"{aws.url}/{aws.account}/stranger-events")


@sequence("s3-logging", "s3")
def logging(aws):
    of = {"Bucket": "stranger-logging"}
    bucket(aws, of["Bucket"])
    bucket(aws, "stranger-logs", ObjectOwnership="BucketOwnerPreferred")
    enabled = {"LoggingEnabled": {"TargetBucket": "stranger-logs", "TargetPrefix": "a/"}}
    aws("s3", "GetBucketLogging", **of)
    aws("s3", "PutBucketLogging", **of, BucketLoggingStatus=enabled)
    aws.ask("s3", "PutBucketAcl", Bucket="stranger-logs", ACL="log-delivery-write")
    aws("s3", "PutBucketLogging", **of, BucketLoggingStatus=enabled)
    aws("s3", "GetBucketLogging", **of)
    aws("s3", "PutBucketLogging", **of, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "stranger-nowhere", "TargetPrefix": ""}})
    aws("s3", "PutBucketLogging", **of, BucketLoggingStatus={})
    aws("s3", "GetBucketLogging", **of)
    gone(aws, of["Bucket"], "stranger-logs")


@sequence("s3-replication", "s3")
def replication(aws):
    of = {"Bucket": "stranger-source"}
    role = f"arn:aws:iam::{aws.account}:role/copy"

    def rules(target, **more):
        return {"ReplicationConfiguration": {"Role": role, "Rules": [{
            "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{target}", **more}}]}}
    bucket(aws, of["Bucket"])
    bucket(aws, "stranger-target")
    aws("s3", "GetBucketReplication", **of)
    aws("s3", "PutBucketReplication", **of, **rules("stranger-target"))
    for name in (of["Bucket"], "stranger-target"):
        aws("s3", "PutBucketVersioning", Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    aws("s3", "PutBucketReplication", **of, **rules("stranger-target", StorageClass="STANDARD_IA"))
    aws("s3", "GetBucketReplication", **of)
    aws("s3", "PutBucketReplication", **of, **rules("stranger-nowhere"))
    aws("s3", "DeleteBucketReplication", **of)
    aws("s3", "GetBucketReplication", **of)
    gone(aws, of["Bucket"], "stranger-target")


@sequence("s3-object-lock", "s3")
def object_lock(aws):
    of = {"Bucket": "stranger-lock"}
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}}
    bucket(aws, of["Bucket"], ObjectLockEnabledForBucket=True)
    aws("s3", "GetObjectLockConfiguration", **of)
    aws("s3", "PutObjectLockConfiguration", **of, ObjectLockConfiguration=rule)
    aws("s3", "GetObjectLockConfiguration", **of)
    both = {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}
    aws("s3", "PutObjectLockConfiguration", **of, ObjectLockConfiguration={**rule, "Rule": {"DefaultRetention": both}})
    aws("s3", "PutBucketVersioning", **of, VersioningConfiguration={"Status": "Suspended"})
    gone(aws, of["Bucket"])
    bucket(aws, "stranger-unlocked")
    aws("s3", "GetObjectLockConfiguration", Bucket="stranger-unlocked")
    aws("s3", "PutObjectLockConfiguration", Bucket="stranger-unlocked", ObjectLockConfiguration=rule)
    gone(aws, "stranger-unlocked")


document("abac", "GetBucketAbac", "PutBucketAbac", None,
         [{"AbacStatus": {"Status": "Enabled"}}, {"AbacStatus": {"Status": "Disabled"}}],
         wrong=[{"AbacStatus": {"Status": "Sometimes"}}])
document("accelerate", "GetBucketAccelerateConfiguration", "PutBucketAccelerateConfiguration", None,
         [{"AccelerateConfiguration": {"Status": "Enabled"}}, {"AccelerateConfiguration": {"Status": "Suspended"}}],
         wrong=[{"AccelerateConfiguration": {"Status": "Sometimes"}}])
document("cors", "GetBucketCors", "PutBucketCors", "DeleteBucketCors", [
    {"CORSConfiguration": {"CORSRules": [
        {"ID": "a", "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://example.com"],
         "AllowedHeaders": ["x-*"], "ExposeHeaders": ["etag"], "MaxAgeSeconds": 60},
        {"AllowedMethods": ["HEAD"], "AllowedOrigins": ["*"]}]}},
], wrong=[{"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]}},
          {"CORSConfiguration": {"CORSRules": []}}])
document("encryption", "GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption", [
    {"ServerSideEncryptionConfiguration": {"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/own"},
         "BucketKeyEnabled": True}]}},
    {"ServerSideEncryptionConfiguration": {"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}},
], wrong=[{"ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}]}}])
document("lifecycle", "GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle", [
    {"LifecycleConfiguration": {"Rules": [
        {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}},
        {"ID": "tagged", "Status": "Disabled",
         "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}},
         "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
         "NoncurrentVersionExpiration": {"NoncurrentDays": 5},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}]}},
], wrong=[
    {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}}]}},
    {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Expiration": {"Days": 1}}]}},
    {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 0}}]}},
])
document("ownership", "GetBucketOwnershipControls", "PutBucketOwnershipControls", "DeleteBucketOwnershipControls",
         [{"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}],
         wrong=[{"OwnershipControls": {"Rules": [{"ObjectOwnership": "Nobody"}]}}])
document("public-access", "GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock",
         [{"PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "IgnorePublicAcls": False}},
          {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "IgnorePublicAcls": True,
                                              "BlockPublicPolicy": True, "RestrictPublicBuckets": True}}])
document("payment", "GetBucketRequestPayment", "PutBucketRequestPayment", None,
         [{"RequestPaymentConfiguration": {"Payer": "Requester"}},
          {"RequestPaymentConfiguration": {"Payer": "BucketOwner"}}],
         wrong=[{"RequestPaymentConfiguration": {"Payer": "Nobody"}}])
document("tagging", "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging",
         [{"Tagging": {"TagSet": [{"Key": "team", "Value": "a"}, {"Key": "env", "Value": ""}]}},
          {"Tagging": {"TagSet": [{"Key": "team", "Value": "b"}]}}],
         wrong=[{"Tagging": {"TagSet": [{"Key": "aws:x", "Value": "b"}]}},
                {"Tagging": {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}}])
document("versioning", "GetBucketVersioning", "PutBucketVersioning", None,
         [{"VersioningConfiguration": {"Status": "Enabled"}}, {"VersioningConfiguration": {"Status": "Suspended"}}],
         wrong=[{"VersioningConfiguration": {"Status": "Sometimes"}}])
document("website", "GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite", [
    {"WebsiteConfiguration": {
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [{"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}]}},
    {"WebsiteConfiguration": {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}},
], wrong=[{"WebsiteConfiguration": {"ErrorDocument": {"Key": "error.html"}}}])


def listed(name, noun, member, value, plural=None):
    """Documents of which a bucket has many, each with an id."""
    @sequence(f"s3-{name}", "s3")
    def run(aws):
        of = {"Bucket": f"stranger-{name}"}
        bucket(aws, of["Bucket"])
        aws("s3", f"ListBucket{noun}s", **of)
        aws("s3", f"GetBucket{noun}", **of, Id="one")
        for number in ("one", "two"):
            aws("s3", f"PutBucket{noun}", **of, Id=number, **{member: value(number, aws)})
        aws("s3", f"GetBucket{noun}", **of, Id="one")
        aws("s3", f"ListBucket{noun}s", **of)
        aws("s3", f"PutBucket{noun}", **of, Id="other", **{member: value("one", aws)})
        aws("s3", f"DeleteBucket{noun}", **of, Id="one")
        aws("s3", f"DeleteBucket{noun}", **of, Id="one")
        aws("s3", f"ListBucket{noun}s", **of)
        gone(aws, of["Bucket"])


listed("analytics", "AnalyticsConfiguration", "AnalyticsConfiguration",
       lambda number, aws: {"Id": number, "Filter": {"Prefix": "a/"}, "StorageClassAnalysis": {}})
listed("tiering", "IntelligentTieringConfiguration", "IntelligentTieringConfiguration",
       lambda number, aws: {"Id": number, "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]})
listed("inventory", "InventoryConfiguration", "InventoryConfiguration",
       lambda number, aws: {
           "Id": number, "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
           "OptionalFields": ["Size"],
           "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::stranger-inventory", "Format": "CSV"}}})
listed("metrics", "MetricsConfiguration", "MetricsConfiguration",
       lambda number, aws: {"Id": number, "Filter": {"Prefix": "a/"}})


@sequence("s3-control-tags", "s3control", "s3")
def control_tags(aws):
    of = {"AccountId": aws.account, "ResourceArn": "arn:aws:s3:::stranger-controlled"}
    bucket(aws, "stranger-controlled")
    aws("s3control", "ListTagsForResource", **of)
    aws("s3control", "TagResource", **of, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    aws("s3control", "TagResource", **of, Tags=[{"Key": "a", "Value": "3"}])
    aws("s3control", "ListTagsForResource", **of)
    aws("s3control", "UntagResource", **of, TagKeys=["b"])
    aws("s3control", "ListTagsForResource", **of)
    gone(aws, "stranger-controlled")


@sequence("s3-directory", "s3", "s3control")
def directory(aws):
    name = "stranger--usw2-az1--x-s3"
    aws("s3", "CreateBucket", Bucket=name, CreateBucketConfiguration={
        "Location": {"Type": "AvailabilityZone", "Name": "usw2-az1"},
        "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"}})
    aws("s3", "ListDirectoryBuckets")
    aws("s3", "CreateSession", Bucket=name)
    aws("s3", "DeleteBucket", Bucket=name)
    aws("s3", "ListDirectoryBuckets")
