"""Makes the calls of the sequences against one AWS endpoint and writes what came back as JSON.

    python strangers.py --endpoint http://127.0.0.1:4566 --account 123456789012 dynamodb sqs

The same calls, made against two endpoints, are compared by `cargo xtask conformance aws`.
Answers are normalised here: times, generated identifiers, the account and the address become placeholders,
lists whose order says nothing are sorted, and JSON inside strings is read.
"""

import argparse
import datetime
import json
import re
import socket
import sys
import time
import urllib.parse

import boto3
import botocore
import botocore.config
import botocore.exceptions
import botocore.parsers

import sequences

REGION = "us-west-2"
# Signatures are checked by nobody here; access keys have to look like ones.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"

# Members whose values are made up by the endpoint.
GENERATED = {
    "AccessKeyId", "ArnSuffix", "AssumedRoleId", "BackupArn", "CreatedTimestamp",
    "LastModifiedTimestamp", "LatestStreamArn", "LatestStreamLabel", "LastUpdateDateTime",
    "PackedPolicySize", "PolicyId", "RevisionId", "RoleId", "SecretAccessKey", "SessionToken",
    "StackId", "TableId", "UserId",
}
# Members that hold JSON as text.
DOCUMENTS = {"AssumeRolePolicyDocument", "Policy", "RedriveAllowPolicy", "RedrivePolicy"}
# How entries of lists are told apart whose order says nothing.
KEYS = ("Key", "AttributeName", "IndexName", "ZoneName", "RegionName", "Id", "ID", "Sid", "PolicyName")
UNORDERED = {"BlockedEncryptionTypes", "Buckets", "GlobalTables", "Grants", "QueueUrls", "TableNames"}


# An answer that boto3 can't read, such as a page of HTML, is one of these.
UNREADABLE = (botocore.exceptions.BotoCoreError, botocore.parsers.ResponseParserError, ValueError)


class Endpoint:
    """Calls to one endpoint, one after the other, and what came back."""

    def __init__(self, url, account):
        self.url, self.account = url, account
        self.clients, self.steps, self.sequence, self.counts = {}, [], "", {}
        self.session = boto3.session.Session()

    def client(self, service, region, keys):
        wanted = (service, region, keys)
        if wanted not in self.clients:
            config = botocore.config.Config(
                # Wrong parameters are a part of the sequences: the endpoint is to refuse them.
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                read_timeout=300,
            )
            access, secret, token = keys or (ACCESS_KEY, SECRET_KEY, None)
            self.clients[wanted] = self.session.client(
                service, endpoint_url=self.url, region_name=region, config=config,
                aws_access_key_id=access, aws_secret_access_key=secret, aws_session_token=token)
        return self.clients[wanted]

    def begin(self, sequence):
        self.sequence, self.counts = sequence, {}

    def ask(self, service, operation, region=REGION, keys=None, **parameters):
        """Makes a call that is not compared; gives the answer, or None for an error."""
        call = getattr(self.client(service, region, keys), botocore.xform_name(operation))
        try:
            return call(**parameters)
        except (botocore.exceptions.ClientError, *UNREADABLE):
            return None

    def __call__(self, service, operation, region=REGION, keys=None, **parameters):
        """Makes a call that is compared; gives the answer, or an empty one for an error."""
        self.counts[operation] = self.counts.get(operation, 0) + 1
        number = self.counts[operation]
        name = operation if number == 1 else f"{operation}.{number}"
        call = getattr(self.client(service, region, keys), botocore.xform_name(operation))
        answer = {}
        try:
            answer = call(**parameters)
            result = {"status": answer.get("ResponseMetadata", {}).get("HTTPStatusCode"),
                      "answer": self.plain(answer, top=True)}
        except botocore.exceptions.ClientError as error:
            said = error.response
            result = {"status": said["ResponseMetadata"].get("HTTPStatusCode"),
                      "error": said.get("Error", {}).get("Code", "")}
        except UNREADABLE as error:
            result = {"error": f"unreadable: {type(error).__name__}"}
        self.steps.append({"sequence": self.sequence, "step": name, "service": service,
                           "operation": operation, **result})
        return answer

    def settle(self, table, region=REGION):
        """Waits until a table is at rest or gone."""
        for _ in range(200):
            answer = self.ask("dynamodb", "DescribeTable", region=region, TableName=table)
            if answer is None:
                return
            described = answer["Table"]
            parts = described.get("GlobalSecondaryIndexes", []) + described.get("Replicas", [])
            states = [described.get("TableStatus")]
            states += [part.get("IndexStatus") or part.get("ReplicaStatus") for part in parts]
            if all(state == "ACTIVE" for state in states):
                return
            time.sleep(0.05)
        raise SystemExit(f"the table {table} does not come to rest")

    # What is left of an answer.

    def plain(self, value, name="", top=False):
        if isinstance(value, dict):
            members = {key: self.plain(member, key) for key, member in sorted(value.items())
                       if not (top and key == "ResponseMetadata")}
            return members
        if isinstance(value, (list, tuple)):
            entries = [self.plain(entry) for entry in value]
            for key in KEYS:
                if entries and all(isinstance(entry, dict) and isinstance(entry.get(key), str) for entry in entries):
                    return sorted(entries, key=lambda entry: (entry[key], json.dumps(entry, sort_keys=True)))
            if name in UNORDERED:
                return sorted(entries, key=lambda entry: json.dumps(entry, sort_keys=True))
            return entries
        if name in GENERATED and value:
            return "<generated>"
        if isinstance(value, datetime.datetime):
            return "<time>"
        if isinstance(value, str):
            return self.text(value, name)
        if isinstance(value, (bool, int, float)) or value is None:
            return value
        return f"<{type(value).__name__}>"

    def text(self, value, name):
        if name in DOCUMENTS:
            try:
                return self.plain(json.loads(value))
            except ValueError:
                pass
        value = value.replace(self.url, "<endpoint>").replace(f"{int(self.account):064d}", "<owner>")
        value = value.replace(self.account, "<account>").replace(":ddblocal:", f":{REGION}:")
        if name in ("ID", "DisplayName") and re.fullmatch(r"[0-9a-f]{64}|<owner>", value):
            return "<owner>"
        return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>", value)


def resolve_below(host):
    """Lets names below the endpoint's resolve to it: the control plane of S3 puts the account in front."""
    resolve = socket.getaddrinfo
    socket.getaddrinfo = lambda name, *rest, **more: resolve(
        host if str(name).endswith(f".{host}") else name, *rest, **more)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("--endpoint", required=True)
    arguments.add_argument("--account", required=True)
    arguments.add_argument("services", nargs="+")
    arguments = arguments.parse_args()
    resolve_below(urllib.parse.urlsplit(arguments.endpoint).hostname)
    endpoint = Endpoint(arguments.endpoint, arguments.account)
    for name, services, run in sequences.ALL:
        if set(services) <= set(arguments.services):
            endpoint.begin(name)
            run(endpoint)
    json.dump(endpoint.steps, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
