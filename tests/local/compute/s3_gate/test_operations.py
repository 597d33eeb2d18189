"""Common boto3 operations work through the gate, which corrects moto's deviations from S3."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024


def status(caught: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


class TestOrdinaryOperations:
    @pytest.mark.requirement("P2-44")
    def test_object_is_put_read_listed_and_deleted(self, s3: Any, bucket: str) -> None:
        key = "a//b c+%~é/?x=1&y#z"
        s3.put_object(
            Bucket=bucket, Key=key, Body=b"0123456789", Metadata={"note": "two  words"}, CacheControl="no-store"
        )
        head = s3.head_object(Bucket=bucket, Key=key)
        assert (head["ContentLength"], head["Metadata"], head["CacheControl"]) == (
            10,
            {"note": "two  words"},
            "no-store",
        )
        part = s3.get_object(Bucket=bucket, Key=key, Range="bytes=2-5")
        assert (part["Body"].read(), part["ContentRange"]) == (b"2345", "bytes 2-5/10")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="a//b c+", Delimiter="#")
        assert [entry["Prefix"] for entry in listed["CommonPrefixes"]] == ["a//b c+%~é/?x=1&y#"]
        deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
        assert [entry["Key"] for entry in deleted["Deleted"]] == [key]
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key=key)
        assert status(caught) == (404, "NoSuchKey")

    def test_response_has_a_request_id(self, s3: Any, bucket: str) -> None:
        assert s3.list_objects_v2(Bucket=bucket)["ResponseMetadata"]["RequestId"]

    def test_bucket_configuration_is_forwarded(self, s3: Any, bucket: str) -> None:
        policy = {"Version": "2012-10-17", "Statement": []}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b c"}]})
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
        rule = {"ID": "temp", "Status": "Enabled", "Filter": {"Prefix": "uploads/"}, "Expiration": {"Days": 1}}
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
        assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b c"}]
        assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["ID"] == "temp"
        assert bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]

    def test_object_tags_are_stored(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b%20c")
        assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b c"}]
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "d", "Value": "é"}]})
        assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "d", "Value": "é"}]

    def test_object_versions_are_distinguished(self, s3: Any, bucket: str) -> None:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        first, second = (s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2"))
        assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
        marker = s3.delete_object(Bucket=bucket, Key="k")
        listed = s3.list_object_versions(Bucket=bucket)
        assert {entry["VersionId"] for entry in listed["Versions"]} == {first, second}
        assert [entry["VersionId"] for entry in listed["DeleteMarkers"]] == [marker["VersionId"]]

    @pytest.mark.requirement("LX-24")
    def test_multipart_upload_has_a_composite_checksum(self, s3: Any, bucket: str, tmp_path: Any) -> None:
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(bytes(range(256)) * (12 * MIB // 256))
        transfer = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
        s3.upload_file(str(source), bucket, "large", ExtraArgs={"ChecksumAlgorithm": "SHA256"}, Config=transfer)
        head = s3.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
        assert (head["ContentLength"], head["ETag"][-3:]) == (12 * MIB, '-3"')
        assert (head["ChecksumSHA256"][-2:], head["ChecksumType"]) == ("-3", "COMPOSITE")
        s3.download_file(bucket, "large", str(target), Config=transfer)
        assert target.read_bytes() == source.read_bytes()

    def test_part_with_a_wrong_checksum_is_rejected(self, s3: Any, bucket: str, sha256: Any) -> None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
        part = {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumber": 1}
        with pytest.raises(ClientError) as caught:
            s3.upload_part(**part, Body=b"other", ChecksumSHA256=sha256(b"bytes"))
        assert status(caught) == (400, "BadDigest")
        assert "Parts" not in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)

    def test_upload_notifies_the_queue(self, s3: Any, bucket: str, gate: Any, http: Any) -> None:
        sqs = gate.client("sqs", gate.emulator, signature_version="v4")
        queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
        )
        form = s3.generate_presigned_post(bucket, "raw/form")
        s3.put_object(Bucket=bucket, Key="raw/put", Body=b"x")
        http.post(form["url"], data=form["fields"], files={"file": ("a", b"x")})
        s3.copy_object(Bucket=bucket, Key="raw/copy", CopySource=f"{bucket}/raw/put")
        notified_keys: set[str] = set()
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                notified_keys |= {r["s3"]["object"]["key"] for r in json.loads(message["Body"]).get("Records", [])}
        assert notified_keys == {"raw%2Fput", "raw%2Fform", "raw%2Fcopy"}


class TestCopy:
    def test_copy_of_a_version_keeps_its_checksum(self, s3: Any, bucket: str, sha256: Any) -> None:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        pinned = s3.put_object(Bucket=bucket, Key="a+b é", Body=b"right", ChecksumAlgorithm="SHA256")["VersionId"]
        s3.put_object(Bucket=bucket, Key="a+b é", Body=b"wrong", ChecksumAlgorithm="SHA256")
        source = {"Bucket": bucket, "Key": "a+b é", "VersionId": pinned}
        copied = s3.copy_object(Bucket=bucket, Key="raw/x", CopySource=source)
        assert copied["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"right")
        head = s3.head_object(Bucket=bucket, Key="raw/x", ChecksumMode="ENABLED")
        assert (head["ChecksumSHA256"], head["VersionId"]) == (sha256(b"right"), copied["VersionId"])

    def test_copy_computes_the_requested_checksum(self, s3: Any, bucket: str, sha256: Any) -> None:
        s3.put_object(Bucket=bucket, Key="a", Body=b"bytes")
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", ChecksumAlgorithm="SHA256")
        assert s3.head_object(Bucket=bucket, Key="b", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256(b"bytes")

    @pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME"])
    def test_copy_has_no_checksum_if_moto_cannot_compute_it(self, algorithm: str, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="a", Body=b"bytes")
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", ChecksumAlgorithm=algorithm)
        assert f"Checksum{algorithm}" not in s3.head_object(Bucket=bucket, Key="b", ChecksumMode="ENABLED")

    def test_copy_of_a_multipart_object_gets_a_full_checksum(self, s3: Any, bucket: str, sha256: Any) -> None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm="SHA256")["UploadId"]
        where = {"Bucket": bucket, "Key": "a", "UploadId": upload}
        part = s3.upload_part(**where, PartNumber=1, Body=b"bytes", ChecksumAlgorithm="SHA256")
        parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        assert s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")["ChecksumSHA256"][-2:] == "-1"
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
        assert s3.head_object(Bucket=bucket, Key="b", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256(b"bytes")

    def test_copy_conditions_on_the_target_apply(self, s3: Any, bucket: str) -> None:
        etag = s3.put_object(Bucket=bucket, Key="a", Body=b"bytes")["ETag"]
        copy = {"Bucket": bucket, "CopySource": f"{bucket}/a"}
        s3.copy_object(**copy, Key="b", IfNoneMatch="*")
        for conditions, expected in (
            ({"Key": "b", "IfNoneMatch": "*"}, (412, "PreconditionFailed")),
            ({"Key": "b", "IfMatch": '"other"'}, (412, "PreconditionFailed")),
            ({"Key": "c", "IfMatch": etag}, (404, "NoSuchKey")),
        ):
            with pytest.raises(ClientError) as caught:
                s3.copy_object(**copy, **conditions)
            assert status(caught) == expected
        s3.copy_object(**copy, Key="b", IfMatch=etag)

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("/moto-api/reset", (404, "NoSuchBucket")),
            ("A_B/k", (400, "InvalidBucketName")),
            ("abc", (400, "InvalidArgument")),
        ],
    )
    def test_invalid_copy_source_is_rejected(self, source: str, expected: Any, put_signed: Any, s3_error: Any) -> None:
        response = put_signed(b"", {"x-amz-copy-source": source}, payload="UNSIGNED-PAYLOAD")
        assert s3_error(response) == expected


class TestAddresses:
    def test_emulators_control_api_is_not_reachable(self, s3: Any, bucket: str, gate: Any, http: Any) -> None:
        for name, key in (("moto-api", "reset"), ("moto-api", "seed"), ("latest", "meta-data/")):
            with pytest.raises(ClientError) as caught:
                s3.put_object(Bucket=name, Key=key, Body=b"")
            assert status(caught) == (404, "NoSuchBucket")
        assert http.post(f"{gate.endpoint}/%6doto-api/reset").status_code == 404
        assert bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/us-east-1_pool/.well-known/jwks.json", (400, "InvalidBucketName")),
            ("/ab/k", (400, "InvalidBucketName")),
            ("/a..b/k", (400, "InvalidBucketName")),
            ("/abc/%ff", (400, "InvalidURI")),
            ("//abc", (400, "InvalidURI")),
            ("/abc/" + "%C3%A9" * 513, (400, "KeyTooLongError")),
        ],
    )
    def test_invalid_path_is_rejected(self, path: str, expected: Any, gate: Any, http: Any, s3_error: Any) -> None:
        assert s3_error(http.get(gate.endpoint + path)) == expected

    def test_unknown_method_is_not_allowed(self, gate: Any, bucket: str, http: Any, s3_error: Any) -> None:
        assert s3_error(http.request("PATCH", f"{gate.endpoint}/{bucket}/k")) == (405, "MethodNotAllowed")


class TestConditionalWrite:
    @pytest.mark.parametrize("kind", ["put", "copy"])
    def test_one_of_several_concurrent_writes_succeeds(self, kind: str, s3: Any, bucket: str) -> None:
        start = threading.Barrier(8)
        for number in range(8):
            s3.put_object(Bucket=bucket, Key=f"source-{number}", Body=str(number).encode())

        def write(number: int) -> bool:
            target = {"Bucket": bucket, "Key": "k", "IfNoneMatch": "*"}
            start.wait()
            try:
                if kind == "put":
                    s3.put_object(**target, Body=str(number).encode())
                else:
                    s3.copy_object(**target, CopySource=f"{bucket}/source-{number}")
            except ClientError as error:
                assert error.response["Error"]["Code"] == "PreconditionFailed"
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            succeeded = [str(number).encode() for number, done in enumerate(threads.map(write, range(8))) if done]
        assert [s3.get_object(Bucket=bucket, Key="k")["Body"].read()] == succeeded
