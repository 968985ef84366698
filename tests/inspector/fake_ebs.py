"""EBS's direct API as a handler within the SDK: where moto is too kind, or says less than AWS does."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.awsrequest import AWSResponse, HeadersDict

BLOCK = 512 * 1024


class _Raw:
    """What is left of a response to read."""

    def __init__(self, content):
        self._content = content

    def read(self, amount=None):
        amount = len(self._content) if amount is None else amount
        part, self._content = self._content[:amount], self._content[amount:]
        return part

    def stream(self, **_):
        yield self.read()


class FakeEbs:
    """One snapshot of the size in GiB, with some blocks; `failures` are answered first, one a request."""

    def __init__(self, blocks, size=1, longest_list=10_000):
        self.blocks = blocks
        self.size = size
        self.longest_list = longest_list
        self.failures = []
        self.asked = []
        self.generation = 0

    def client(self, config=None):
        """A client that asks us, and nobody else."""
        client = boto3.Session().client(  # tests may have put us into boto3.client's place
            "ebs",
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=config,
        )
        client.meta.events.register("before-send.ebs", self._answer)
        return client

    def _answer(self, request, **_):
        url = urlsplit(request.url)
        parts = url.path.strip("/").split("/")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.asked.append("/".join(parts[2:]))
        if self.failures:
            failure = self.failures.pop(0)
            if failure is not None:
                return failure
        return self._list(query) if parts[-1] == "blocks" else self._block(int(parts[-1]), query["blockToken"])

    def _list(self, query):
        start = int(query.get("pageToken") or query.get("startingBlockIndex") or 0)
        numbers = [number for number in sorted(self.blocks) if number >= start]
        listed = [{"BlockIndex": number, "BlockToken": f"{number}/{self.generation}"} for number in numbers]
        answer = {"Blocks": listed[: self.longest_list], "VolumeSize": self.size, "BlockSize": BLOCK}
        if len(numbers) > self.longest_list:
            answer["NextToken"] = str(numbers[self.longest_list])
        return answered(200, json.dumps(answer).encode())

    def _block(self, number, token):
        if token != f"{number}/{self.generation}":
            return refused("ValidationException", "INVALID_BLOCK_TOKEN")
        return block_of(self.blocks[number])


def answered(status, content, headers=()):
    """A response of AWS."""
    fields: Any = HeadersDict(headers)  # it wants a class that botocore itself does not give it
    return AWSResponse("https://ebs.us-east-1.amazonaws.com", status, fields, _Raw(content))


def block_of(content, checksum=None):
    """A block with its checksum."""
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    headers = {
        "x-amz-Data-Length": str(len(content)),
        "x-amz-Checksum": checksum or digest,
        "x-amz-Checksum-Algorithm": "SHA256",
        "Content-Length": str(len(content)),
    }
    return answered(200, content, headers)


def refused(name, reason="", status=400, message="so it is"):
    """An error of AWS."""
    body = {"Message": message, "Reason": reason}
    return answered(status, json.dumps(body).encode(), {"x-amzn-ErrorType": name})
