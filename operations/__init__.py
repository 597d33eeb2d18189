"""The `platform` command: what people and CI do with a platform, over HTTP and AWS APIs."""
