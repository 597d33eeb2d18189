"""Browser uploads: the policy that was signed decides what the form may say and what the file may be."""

import base64
import json
import re
from typing import Any

import pytest

PHOTO = bytes(range(256)) * 3 + b"\r\n--almost a boundary\r"
KEY = "uploads/018f"
EXTRA = "Invalid according to Policy: Extra input fields: "


class TestPostForm:
    @pytest.mark.requirement("A-07", "NOVA-05")
    def test_honest_upload_is_stored_with_type_and_hash(
        self, *, s3: Any, bucket: str, form: Any, post: Any, gate: Any, sha256: Any
    ):
        answer = post(form)
        assert (answer.status_code, answer.content) == (204, b"")
        head = s3.head_object(Bucket=bucket, Key=KEY, ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"] == answer.headers["x-amz-checksum-sha256"] == sha256(PHOTO)
        assert (head["ContentType"], head["ContentLength"]) == ("image/jpeg", len(PHOTO))
        assert answer.headers["etag"] == head["ETag"]
        assert answer.headers["location"] == f"{gate.endpoint}/{bucket}/uploads%2F018f"
        assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == PHOTO

    @pytest.mark.requirement("A-07", "A-08", "LX-63")
    @pytest.mark.parametrize(
        ("fields", "content", "expected", "message"),
        [
            ({"Content-Type": "text/html"}, PHOTO, (403, "AccessDenied"), "Policy Condition failed: "),
            ({}, PHOTO + b"!", (400, "EntityTooLarge"), f"<MaxSizeAllowed>{len(PHOTO)}</MaxSizeAllowed>"),
            ({}, PHOTO[:-1], (400, "EntityTooSmall"), f"<ProposedSize>{len(PHOTO) - 1}</ProposedSize>"),
            ({}, b"", (400, "EntityTooSmall"), "<ProposedSize>0</ProposedSize>"),
            ({}, PHOTO[::-1], (400, "BadDigest"), "The SHA256 you specified did not match the calculated checksum."),
            ({"key": "uploads/019a"}, PHOTO, (403, "AccessDenied"), '["eq", "$key", "uploads/018f"]'),
            ({"x-amz-checksum-sha256": None}, PHOTO, (403, "AccessDenied"), "Policy Condition failed: "),
            ({"Content-Type": None}, PHOTO, (403, "AccessDenied"), '["eq", "$Content-Type", "image/jpeg"]'),
            ({"x-amz-meta-role": "admin"}, PHOTO, (403, "AccessDenied"), EXTRA + "x-amz-meta-role"),
            ({"submit": "Send"}, PHOTO, (403, "AccessDenied"), EXTRA + "submit"),
            ({"x-amz-signature": "0" * 64}, PHOTO, (403, "SignatureDoesNotMatch"), "<StringToSign>eyJ"),
            ({"x-amz-signature": None}, PHOTO, (400, "InvalidArgument"), "a field named 'X-Amz-Signature'.  If"),
            ({"x-amz-algorithm": None}, PHOTO, (400, "InvalidArgument"), "'X-Amz-Algorithm'"),
            ({"x-amz-algorithm": "none"}, PHOTO, (400, "InvalidArgument"), "X-Amz-Algorithm"),
            ({"x-amz-credential": None}, PHOTO, (400, "InvalidArgument"), "'X-Amz-Credential'"),
            ({"x-amz-credential": "AKIA/us"}, PHOTO, (400, "InvalidArgument"), "mal-formed"),
            ({"x-amz-date": "now"}, PHOTO, (400, "InvalidArgument"), "ISO8601"),
            ({"x-amz-security-token": "FwoG"}, PHOTO, (400, "InvalidToken"), ""),
            ({"key": None}, PHOTO, (400, "InvalidArgument"), "a field named 'key'.  If"),
            ({"policy": None}, PHOTO, (403, "AccessDenied"), "Access Denied"),
            ({"AWSAccessKeyId": "AKIA", "signature": "x"}, PHOTO, (400, "InvalidRequest"), "AWS4-HMAC-SHA256"),
        ],
    )
    def test_abuse_is_refused(
        self,
        *,
        fields: Any,
        content: bytes,
        expected: Any,
        message: str,
        form: Any,
        post: Any,
        refusal: Any,
        absent: Any,
    ):
        sent = {name: value for name, value in (form | fields).items() if value is not None}
        answer = post(sent, content)
        assert refusal(answer) == expected
        assert message in answer.text.replace("&quot;", '"')
        assert absent()

    def test_edited_policy_is_refused(self, form: Any, post: Any, refusal: Any, absent: Any):
        policy = json.loads(base64.b64decode(form["policy"]))
        policy["expiration"] = "2099-01-01T00:00:00Z"
        form["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
        assert refusal(post(form)) == (403, "SignatureDoesNotMatch")
        assert absent()

    @pytest.mark.requirement("NOVA-43")
    def test_expired_policy_is_refused(self, signed: Any, post: Any, refusal: Any, absent: Any):
        answer = post(signed(lifetime=-5))
        assert refusal(answer) == (403, "AccessDenied")
        assert "Invalid according to Policy: Policy expired." in answer.text
        assert absent()

    def test_other_bucket_is_refused(self, s3: Any, form: Any, post: Any, refusal: Any):
        s3.create_bucket(Bucket="gate-somebody-elses")
        assert refusal(post(form, bucket="gate-somebody-elses")) == (403, "AccessDenied")
        assert "Contents" not in s3.list_objects_v2(Bucket="gate-somebody-elses")

    def test_other_verb_is_refused(self, gate: Any, bucket: str, form: Any, http: Any, refusal: Any):
        answer = http.put(f"{gate.endpoint}/{bucket}/{KEY}", content=PHOTO, headers={"content-type": "image/jpeg"})
        assert refusal(answer) == (403, "AccessDenied")

    def test_another_keys_signature_is_refused(self, gate: Any, bucket: str, post: Any, refusal: Any):
        form = gate.client(aws_access_key_id="AKIANOBODY").generate_presigned_post(bucket, KEY)["fields"]
        assert refusal(post(form)) == (403, "InvalidAccessKeyId")

    def test_another_regions_signature_is_refused(self, gate: Any, bucket: str, post: Any, refusal: Any):
        form = gate.client(region_name="eu-west-1").generate_presigned_post(bucket, KEY)["fields"]
        assert refusal(post(form)) == (400, "InvalidArgument")

    def test_unknown_bucket_is_not_made(self, s3: Any, post: Any, refusal: Any):
        form = s3.generate_presigned_post("gate-nowhere", KEY)["fields"]
        answer = post(form, bucket="gate-nowhere")
        assert (answer.status_code, re.search("<Code>(.+)</Code>", answer.text)[1]) == (404, "NoSuchBucket")

    def test_second_use_makes_another_version(self, s3: Any, bucket: str, form: Any, post: Any):
        """S3 has no form that works once only; whoever takes the upload over pins a version."""
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        first, second = post(form), post(form)
        assert first.headers["x-amz-version-id"] != second.headers["x-amz-version-id"]
        versions = [version["VersionId"] for version in s3.list_object_versions(Bucket=bucket)["Versions"]]
        assert set(versions) == {first.headers["x-amz-version-id"], second.headers["x-amz-version-id"]}


class TestFormFields:
    def test_metadata_tags_and_class_are_stored(self, s3: Any, bucket: str, signed: Any, post: Any):
        tags = "<Tagging><TagSet><Tag><Key>kind</Key><Value>raw + new</Value></Tag></TagSet></Tagging>"
        form = signed(
            *(["starts-with", f"${name}", ""] for name in ("tagging", "x-amz-meta-Note", "Cache-Control", "acl")),
            tagging=tags,
            Cache_Control="no-store",
            acl="private",
            **{"x-amz-meta-Note": "Gruß, 写真"},
        )
        assert post(form).status_code == 204
        head = s3.head_object(Bucket=bucket, Key=KEY)
        assert head["CacheControl"] == "no-store"
        assert head["Metadata"] == {"note": "=?utf-8?b?R3J1w58sIOWGmeecnw==?="}
        assert head["ContentType"] == "binary/octet-stream"
        tagging = s3.get_object_tagging(Bucket=bucket, Key=KEY)
        assert tagging["TagSet"] == [{"Key": "kind", "Value": "raw + new"}]

    def test_file_name_is_put_in_before_conditions_are_checked(
        self, s3: Any, bucket: str, signed: Any, post: Any, refusal: Any
    ):
        form = signed(key="user/${filename}")
        assert post(form, name="C:/Pictures/summer day.jpg").status_code == 204
        assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["user/summer day.jpg"]
        assert refusal(post(form | {"key": "${filename}"}, name="other.jpg")) == (403, "AccessDenied")

    def test_names_are_case_insensitive_and_ignored_fields_are_free(self, signed: Any, post: Any):
        form = signed(["starts-with", "$content-TYPE", "image/"], Content_Type="image/png")
        renamed = {name.upper(): value for name, value in form.items()}
        assert post(renamed | {"x-ignore-page": "7"}).status_code == 204

    def test_every_type_of_a_list_must_fit(self, signed: Any, post: Any, refusal: Any):
        condition = ["starts-with", "$Content-Type", "image/"]
        assert post(signed(condition, Content_Type="image/png,image/jpeg")).status_code == 204
        assert refusal(post(signed(condition, Content_Type="image/png,text/html"))) == (403, "AccessDenied")

    def test_bounds_may_be_texts_and_are_allowed_themselves(self, signed: Any, post: Any, refusal: Any):
        form = signed(["content-length-range", "5", "7"])
        assert [post(form, b"x" * size).status_code for size in (4, 5, 7, 8)] == [400, 204, 204, 400]

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"x-amz-checksum-sha256": "no checksum"}, "InvalidRequest"),
            ({"x-amz-checksum-sha256": "AAAA"}, "InvalidRequest"),
            ({"x-amz-checksum-algorithm": "SHA256"}, "InvalidRequest"),
            ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
            ({"x-amz-checksum-xxhash64": "AAAAAA=="}, "NotImplemented"),
            ({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "BadDigest"),
            ({"Content-MD5": "short"}, "InvalidDigest"),
            ({"tagging": "no xml"}, "MalformedXML"),
            ({"x-amz-meta-a": "two\nlines"}, "InvalidArgument"),
            ({"key": "k" * 1025}, "KeyTooLongError"),
        ],
    )
    def test_impossible_values_are_refused(
        self, *, fields: Any, code: str, signed: Any, post: Any, refusal: Any, absent: Any
    ):
        conditions = [["starts-with", f"${name}", ""] for name in fields]
        form = signed(*conditions, key=fields.get("key", KEY)) | fields
        assert refusal(post(form))[1] == code
        assert absent()

    def test_copy_source_is_no_field(self, s3: Any, bucket: str, signed: Any, post: Any):
        s3.put_object(Bucket=bucket, Key="secret", Body=b"secret")
        form = signed(["starts-with", "$x-amz-copy-source", ""]) | {"x-amz-copy-source": f"{bucket}/secret"}
        assert post(form).status_code == 204
        assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == PHOTO
