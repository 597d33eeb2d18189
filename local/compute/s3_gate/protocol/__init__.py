"""The S3 protocol: requests, signatures, checksums, POST policies and error responses."""
