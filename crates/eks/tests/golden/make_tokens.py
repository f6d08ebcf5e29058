#!/usr/bin/env python3
"""Makes tokens.json: what botocore presigns for EKS, at fixed times with made-up credentials.

Run it with botocore installed: python3 make_tokens.py > tokens.json
"""

import base64
import datetime
import json
import os
from unittest import mock

import botocore
import botocore.auth
import botocore.session

# EKS wants the region's own endpoint; older versions of botocore take the global one unless told.
os.environ["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"

CASES = [
    {
        "name": "long-lived keys",
        "region": "eu-west-1",
        "cluster": "shop",
        "access_key": "AKIDEXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "session_token": None,
        "at": "2026-11-21T08:00:00Z",
    },
    {
        "name": "a session whose token needs encoding",
        "region": "us-gov-west-1",
        "cluster": "team-a_production",
        "access_key": "ASIAEXAMPLE",
        "secret_key": "another/secret+key",
        "session_token": "IQoJb3JpZ2luX2VjE==/+ two words",
        "at": "2031-02-03T23:59:59Z",
    },
    {
        "name": "China",
        "region": "cn-north-1",
        "cluster": "cluster.with.dots",
        "access_key": "AKIDEXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "session_token": None,
        "at": "2026-01-01T00:00:00Z",
    },
]


def presign(case):
    session = botocore.session.Session(profile=None)
    client = session.create_client(
        "sts",
        region_name=case["region"],
        aws_access_key_id=case["access_key"],
        aws_secret_access_key=case["secret_key"],
        aws_session_token=case["session_token"],
    )
    client.meta.events.register(
        "before-sign.sts.GetCallerIdentity",
        lambda request, **_: request.headers.__setitem__("x-k8s-aws-id", case["cluster"]),
    )
    at = datetime.datetime.fromisoformat(case["at"].replace("Z", "+00:00")).replace(tzinfo=None)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: at):
        return client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")


def main():
    cases = []
    for case in CASES:
        url = presign(case)
        token = "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
        cases.append({**case, "url": url, "token": token})
    print(json.dumps({"botocore": botocore.__version__, "cases": cases}, indent=2))


if __name__ == "__main__":
    main()
