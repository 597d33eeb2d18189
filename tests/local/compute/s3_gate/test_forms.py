"""Browser uploads: the signed policy restricts the fields and the file."""

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
    def test_valid_upload_is_stored_with_type_and_checksum(
        self, *, s3: Any, bucket: str, form: Any, post_form: Any, gate: Any, sha256: Any
    ) -> None:
        response = post_form(form)
        assert (response.status_code, response.content) == (204, b"")
        head = s3.head_object(Bucket=bucket, Key=KEY, ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"] == response.headers["x-amz-checksum-sha256"] == sha256(PHOTO)
        assert (head["ContentType"], head["ContentLength"]) == ("image/jpeg", len(PHOTO))
        assert response.headers["etag"] == head["ETag"]
        assert response.headers["location"] == f"{gate.endpoint}/{bucket}/uploads%2F018f"
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
    def test_form_that_the_policy_does_not_allow_is_rejected(
        self,
        *,
        fields: Any,
        content: bytes,
        expected: Any,
        message: str,
        form: Any,
        post_form: Any,
        s3_error: Any,
        bucket_is_empty: Any,
    ) -> None:
        sent = {name: value for name, value in (form | fields).items() if value is not None}
        response = post_form(sent, content)
        assert s3_error(response) == expected
        assert message in response.text.replace("&quot;", '"')
        assert bucket_is_empty()

    def test_changed_policy_is_rejected(self, form: Any, post_form: Any, s3_error: Any, bucket_is_empty: Any) -> None:
        policy = json.loads(base64.b64decode(form["policy"]))
        policy["expiration"] = "2099-01-01T00:00:00Z"
        form["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
        assert s3_error(post_form(form)) == (403, "SignatureDoesNotMatch")
        assert bucket_is_empty()

    @pytest.mark.requirement("NOVA-43")
    def test_expired_policy_is_rejected(
        self, make_form: Any, post_form: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        response = post_form(make_form(lifetime=-5))
        assert s3_error(response) == (403, "AccessDenied")
        assert "Invalid according to Policy: Policy expired." in response.text
        assert bucket_is_empty()

    def test_other_bucket_is_rejected(self, s3: Any, form: Any, post_form: Any, s3_error: Any) -> None:
        s3.create_bucket(Bucket="gate-somebody-elses")
        assert s3_error(post_form(form, bucket="gate-somebody-elses")) == (403, "AccessDenied")
        assert "Contents" not in s3.list_objects_v2(Bucket="gate-somebody-elses")

    def test_other_method_is_rejected(self, gate: Any, bucket: str, form: Any, http: Any, s3_error: Any) -> None:
        response = http.put(f"{gate.endpoint}/{bucket}/{KEY}", content=PHOTO, headers={"content-type": "image/jpeg"})
        assert s3_error(response) == (403, "AccessDenied")

    def test_signature_of_an_unknown_key_is_rejected(
        self, gate: Any, bucket: str, post_form: Any, s3_error: Any
    ) -> None:
        form = gate.client(aws_access_key_id="AKIANOBODY").generate_presigned_post(bucket, KEY)["fields"]
        assert s3_error(post_form(form)) == (403, "InvalidAccessKeyId")

    def test_signature_for_another_region_is_rejected(
        self, gate: Any, bucket: str, post_form: Any, s3_error: Any
    ) -> None:
        form = gate.client(region_name="eu-west-1").generate_presigned_post(bucket, KEY)["fields"]
        assert s3_error(post_form(form)) == (400, "InvalidArgument")

    def test_unknown_bucket_is_not_created(self, s3: Any, post_form: Any, s3_error: Any) -> None:
        form = s3.generate_presigned_post("gate-nowhere", KEY)["fields"]
        response = post_form(form, bucket="gate-nowhere")
        assert (response.status_code, re.findall("<Code>(.+)</Code>", response.text)) == (404, ["NoSuchBucket"])

    def test_second_use_creates_another_version(self, s3: Any, bucket: str, form: Any, post_form: Any) -> None:
        """A form can be used more than once, so the receiver of an upload must refer to a version."""
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        first, second = post_form(form), post_form(form)
        assert first.headers["x-amz-version-id"] != second.headers["x-amz-version-id"]
        versions = [version["VersionId"] for version in s3.list_object_versions(Bucket=bucket)["Versions"]]
        assert set(versions) == {first.headers["x-amz-version-id"], second.headers["x-amz-version-id"]}


class TestFormFields:
    def test_metadata_and_tags_are_stored(self, s3: Any, bucket: str, make_form: Any, post_form: Any) -> None:
        tags = "<Tagging><TagSet><Tag><Key>kind</Key><Value>raw + new</Value></Tag></TagSet></Tagging>"
        form = make_form(
            *(["starts-with", f"${name}", ""] for name in ("tagging", "x-amz-meta-Note", "Cache-Control", "acl")),
            tagging=tags,
            Cache_Control="no-store",
            acl="private",
            **{"x-amz-meta-Note": "Gruß, 写真"},
        )
        assert post_form(form).status_code == 204
        head = s3.head_object(Bucket=bucket, Key=KEY)
        assert head["CacheControl"] == "no-store"
        assert head["Metadata"] == {"note": "=?utf-8?b?R3J1w58sIOWGmeecnw==?="}
        assert head["ContentType"] == "binary/octet-stream"
        tagging = s3.get_object_tagging(Bucket=bucket, Key=KEY)
        assert tagging["TagSet"] == [{"Key": "kind", "Value": "raw + new"}]

    def test_file_name_is_replaced_before_conditions_are_checked(
        self, s3: Any, bucket: str, make_form: Any, post_form: Any, s3_error: Any
    ) -> None:
        form = make_form(key="user/${filename}")
        assert post_form(form, name="C:/Pictures/summer day.jpg").status_code == 204
        assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["user/summer day.jpg"]
        assert s3_error(post_form(form | {"key": "${filename}"}, name="other.jpg")) == (403, "AccessDenied")

    def test_names_are_case_insensitive_and_ignored_fields_are_allowed(self, make_form: Any, post_form: Any) -> None:
        form = make_form(["starts-with", "$content-TYPE", "image/"], Content_Type="image/png")
        renamed = {name.upper(): value for name, value in form.items()}
        assert post_form(renamed | {"x-ignore-page": "7"}).status_code == 204

    def test_every_type_of_a_list_must_match(self, make_form: Any, post_form: Any, s3_error: Any) -> None:
        condition = ["starts-with", "$Content-Type", "image/"]
        assert post_form(make_form(condition, Content_Type="image/png,image/jpeg")).status_code == 204
        assert s3_error(post_form(make_form(condition, Content_Type="image/png,text/html"))) == (403, "AccessDenied")

    def test_length_bounds_may_be_strings_and_are_inclusive(
        self, make_form: Any, post_form: Any, s3_error: Any
    ) -> None:
        form = make_form(["content-length-range", "5", "7"])
        assert [post_form(form, b"x" * size).status_code for size in (4, 5, 7, 8)] == [400, 204, 204, 400]

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
    def test_invalid_values_are_rejected(
        self, *, fields: Any, code: str, make_form: Any, post_form: Any, s3_error: Any, bucket_is_empty: Any
    ) -> None:
        conditions = [["starts-with", f"${name}", ""] for name in fields]
        form = make_form(*conditions, key=fields.get("key", KEY)) | fields
        assert s3_error(post_form(form))[1] == code
        assert bucket_is_empty()

    def test_copy_source_field_is_ignored(self, s3: Any, bucket: str, make_form: Any, post_form: Any) -> None:
        s3.put_object(Bucket=bucket, Key="secret", Body=b"secret")
        form = make_form(["starts-with", "$x-amz-copy-source", ""]) | {"x-amz-copy-source": f"{bucket}/secret"}
        assert post_form(form).status_code == 204
        assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == PHOTO
