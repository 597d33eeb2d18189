"""Stored objects and rows after a request."""

from tests.runtime.features.api_platform import Api


def stored(api: Api, bucket: str) -> dict[str, bytes]:
    s3, name = api.account.client("s3"), api.buckets[bucket]
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=name).get("Contents", [])]
    return {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}


def rows(api: Api, table: str) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        row = connection.execute(f"SELECT count(*) AS rows FROM {table}").fetchone()  # noqa: S608  (a name from here)
    assert row
    return int(row["rows"])
