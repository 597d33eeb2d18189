"""Amazon OpenSearch Service: OpenSearch nodes."""
