"""SQS: queues, their attributes and tags."""

import json

from . import sequence


def url(aws, name):
    return f"{aws.url}/{aws.account}/{name}"


def arn(aws, name):
    return f"arn:aws:sqs:us-west-2:{aws.account}:{name}"


def attributes(aws, of):
    # Of all attributes those that say what was set; counters and times are of no interest here.
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["All"])


@sequence("sqs-queues", "sqs")
def queues(aws):
    aws("sqs", "ListQueues")
    aws("sqs", "GetQueueUrl", QueueName="stranger")
    of = aws("sqs", "CreateQueue", QueueName="stranger").get("QueueUrl", url(aws, "stranger"))
    aws("sqs", "CreateQueue", QueueName="stranger")
    aws("sqs", "CreateQueue", QueueName="stranger", Attributes={"DelaySeconds": "7"})
    aws("sqs", "CreateQueue", QueueName="stranger-2", Attributes={"DelaySeconds": "7", "VisibilityTimeout": "45"},
        tags={"team": "a"})
    aws("sqs", "CreateQueue", QueueName="stranger-2", Attributes={"DelaySeconds": "7"})
    aws("sqs", "GetQueueUrl", QueueName="stranger-2")
    aws("sqs", "ListQueues")
    aws("sqs", "ListQueues", QueueNamePrefix="stranger-")
    aws("sqs", "ListQueues", QueueNamePrefix="other")
    attributes(aws, of)
    aws("sqs", "GetQueueAttributes", QueueUrl=of)
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["QueueArn", "DelaySeconds"])
    aws("sqs", "DeleteQueue", QueueUrl=of)
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["All"])
    aws("sqs", "ListQueueTags", QueueUrl=url(aws, "stranger-2"))
    aws("sqs", "DeleteQueue", QueueUrl=url(aws, "stranger-2"))
    aws("sqs", "ListQueues")


@sequence("sqs-wrong", "sqs")
def wrong(aws):
    def create(name="stranger", **attributes):
        more = {"Attributes": attributes} if attributes else {}
        of = aws("sqs", "CreateQueue", QueueName=name, **more).get("QueueUrl")
        # Whoever makes the queue all the same is to stumble over it only once.
        if of:
            aws.ask("sqs", "DeleteQueue", QueueUrl=of)

    create("not allowed!")
    create("x" * 81)
    create(Nonsense="1")
    create(DelaySeconds="901")
    create(VisibilityTimeout="43201")
    create(MaximumMessageSize="12")
    create(MessageRetentionPeriod="59")
    create(ReceiveMessageWaitTimeSeconds="21")
    create(FifoQueue="true")
    create("stranger.fifo")
    create(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn(aws, "nowhere"), "maxReceiveCount": 3}))
    nowhere = url(aws, "nowhere")
    aws("sqs", "DeleteQueue", QueueUrl=nowhere)
    aws("sqs", "GetQueueAttributes", QueueUrl=nowhere, AttributeNames=["All"])
    aws("sqs", "SetQueueAttributes", QueueUrl=nowhere, Attributes={"DelaySeconds": "1"})
    aws("sqs", "ListQueueTags", QueueUrl=nowhere)
    aws("sqs", "TagQueue", QueueUrl=nowhere, Tags={"a": "b"})
    aws("sqs", "UntagQueue", QueueUrl=nowhere, TagKeys=["a"])
    aws("sqs", "GetQueueUrl", QueueName="nowhere")


@sequence("sqs-attributes", "sqs")
def set_attributes(aws):
    aws.ask("sqs", "CreateQueue", QueueName="stranger")
    of = url(aws, "stranger")
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={
        "DelaySeconds": "5", "MaximumMessageSize": "2048", "MessageRetentionPeriod": "120",
        "ReceiveMessageWaitTimeSeconds": "3", "VisibilityTimeout": "60"})
    attributes(aws, of)
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"DelaySeconds": "901"})
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"Nonsense": "1"})
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["Nonsense"])
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["DelaySeconds"])
    aws("sqs", "DeleteQueue", QueueUrl=of)


@sequence("sqs-encryption", "sqs")
def encryption(aws):
    aws.ask("sqs", "CreateQueue", QueueName="stranger")
    of = url(aws, "stranger")
    wanted = ["KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"]
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=wanted)
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"KmsMasterKeyId": "alias/own"})
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=wanted)
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"KmsMasterKeyId": ""})
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=wanted)
    aws("sqs", "DeleteQueue", QueueUrl=of)


@sequence("sqs-policy", "sqs")
def policy(aws):
    aws.ask("sqs", "CreateQueue", QueueName="stranger")
    of = url(aws, "stranger")
    document = {"Version": "2012-10-17", "Statement": [{
        "Sid": "send", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.account}:root"},
        "Action": ["SQS:SendMessage", "SQS:ReceiveMessage"], "Resource": arn(aws, "stranger")}]}
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"Policy": json.dumps(document)})
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["Policy"])
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"Policy": "{"})
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"Policy": ""})
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["Policy"])
    aws("sqs", "DeleteQueue", QueueUrl=of)


@sequence("sqs-redrive", "sqs")
def redrive(aws):
    aws.ask("sqs", "CreateQueue", QueueName="stranger-dead")
    aws.ask("sqs", "CreateQueue", QueueName="stranger")
    of, dead = url(aws, "stranger"), url(aws, "stranger-dead")
    rules = {"deadLetterTargetArn": arn(aws, "stranger-dead"), "maxReceiveCount": 3}
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"RedrivePolicy": json.dumps(rules)})
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["RedrivePolicy"])
    for broken in ({**rules, "maxReceiveCount": 1001}, {"maxReceiveCount": 3}, {**rules, "more": 1}):
        aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"RedrivePolicy": json.dumps(broken)})
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [arn(aws, "stranger")]}
    aws("sqs", "SetQueueAttributes", QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(allowed)})
    aws("sqs", "GetQueueAttributes", QueueUrl=dead, AttributeNames=["RedriveAllowPolicy"])
    aws("sqs", "SetQueueAttributes", QueueUrl=dead, Attributes={"RedriveAllowPolicy": '{"redrivePermission":"some"}'})
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"RedrivePolicy": ""})
    aws("sqs", "GetQueueAttributes", QueueUrl=of, AttributeNames=["RedrivePolicy"])
    aws("sqs", "DeleteQueue", QueueUrl=of)
    aws("sqs", "DeleteQueue", QueueUrl=dead)


@sequence("sqs-fifo", "sqs")
def fifo(aws):
    of = url(aws, "stranger.fifo")
    aws("sqs", "CreateQueue", QueueName="stranger.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})
    aws("sqs", "CreateQueue", QueueName="stranger.fifo", Attributes={"FifoQueue": "true"})
    attributes(aws, of)
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={
        "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
    attributes(aws, of)
    aws("sqs", "SetQueueAttributes", QueueUrl=of, Attributes={"DeduplicationScope": "nonsense"})
    aws("sqs", "DeleteQueue", QueueUrl=of)


@sequence("sqs-tags", "sqs")
def tags(aws):
    aws.ask("sqs", "CreateQueue", QueueName="stranger")
    of = url(aws, "stranger")
    aws("sqs", "ListQueueTags", QueueUrl=of)
    aws("sqs", "TagQueue", QueueUrl=of, Tags={"team": "a", "env": "test"})
    aws("sqs", "TagQueue", QueueUrl=of, Tags={"team": "b"})
    aws("sqs", "ListQueueTags", QueueUrl=of)
    aws("sqs", "UntagQueue", QueueUrl=of, TagKeys=["env", "nothing"])
    aws("sqs", "ListQueueTags", QueueUrl=of)
    aws("sqs", "TagQueue", QueueUrl=of, Tags={f"k{number}": "v" for number in range(51)})
    aws("sqs", "DeleteQueue", QueueUrl=of)
