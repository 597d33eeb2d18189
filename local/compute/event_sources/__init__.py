"""Lambda event source mappings: SQS queues."""
