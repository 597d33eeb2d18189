"""CloudFront: distributions of buckets."""
