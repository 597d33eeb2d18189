"""SQS: queues. A queue's attributes are a map; most of its documented keys match Pulumi's names."""

from local.provider.resource_types.table import ResourceType

TYPES = (
    ResourceType(
        "aws:sqs/queue:Queue",
        "sqs.create_queue",
        {
            "name": "QueueName",
            "visibilityTimeoutSeconds": "Attributes[VisibilityTimeout]",
            "maxMessageSize": "Attributes[MaximumMessageSize]",
            "messageRetentionSeconds": "Attributes[MessageRetentionPeriod]",
            "receiveWaitTimeSeconds": "Attributes[ReceiveMessageWaitTimeSeconds]",
        },
        id="{QueueUrl}",
        # SQS's defaults, which the response to CreateQueue does not contain.
        defaults={
            "delaySeconds": 0,
            "messageRetentionSeconds": 345600,
            "receiveWaitTimeSeconds": 0,
            "visibilityTimeoutSeconds": 30,
        },
        outputs={"arn": "arn:aws:sqs:{Region}:{Account}:{QueueName}", "url": "{QueueUrl}"},
    ),
    ResourceType("aws:sqs/queuePolicy:QueuePolicy", "sqs.set_queue_attributes", id="{QueueUrl}"),
    ResourceType("aws:sqs/redrivePolicy:RedrivePolicy", "sqs.set_queue_attributes", id="{QueueUrl}"),
    ResourceType("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "sqs.set_queue_attributes", id="{QueueUrl}"),
)
