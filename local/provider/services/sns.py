"""SNS: topics. A topic's attributes are a map whose keys the model does not list, so they stand here."""

from local.provider.table import ResourceType

_ATTRIBUTES = (
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DeliveryPolicy",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
)
# Whom a topic delivers to: each has the same three attributes.
_RECEIVERS = {"application": "Application", "firehose": "Firehose", "http": "HTTP", "lambda": "Lambda", "sqs": "SQS"}
_FEEDBACK = ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")

TYPES = (
    ResourceType(
        "aws:sns/topic:Topic",
        "sns.create_topic",
        {
            **{f"{name[0].lower()}{name[1:]}": f"Attributes[{name}]" for name in _ATTRIBUTES},
            **{
                f"{receiver}{feedback}": f"Attributes[{attribute}{feedback}]"
                for receiver, attribute in _RECEIVERS.items()
                for feedback in _FEEDBACK
            },
        },
        id="{TopicArn}",
        outputs={"arn": "{TopicArn}", "owner": "{Account}"},
    ),
)
