"""SNS: topics, who may speak on them, and who hears it. Attributes are maps whose keys the model does not list: they stand here."""

from local.provider.resource_types.table import Inputs, ResourceType

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

_OF_SUBSCRIPTION = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "ReplayPolicy",
    "SubscriptionRoleArn",
)


def _attributes(names: tuple[str, ...]) -> dict[str, str]:
    return {f"{name[0].lower()}{name[1:]}": f"Attributes[{name}]" for name in names}


def _as_attribute(inputs: Inputs) -> Inputs:
    return {**inputs, "attributeName": "Policy"}


TYPES = (
    ResourceType(
        "aws:sns/topic:Topic",
        "sns.create_topic",
        {
            **_attributes(_ATTRIBUTES),
            **{
                f"{receiver}{feedback}": f"Attributes[{attribute}{feedback}]"
                for receiver, attribute in _RECEIVERS.items()
                for feedback in _FEEDBACK
            },
        },
        id="{TopicArn}",
        outputs={"arn": "{TopicArn}", "owner": "{Account}"},
    ),
    ResourceType(
        "aws:sns/topicPolicy:TopicPolicy",
        "sns.set_topic_attributes",
        {"arn": "TopicArn", "policy": "AttributeValue"},
        id="{TopicArn}",
        prepare=_as_attribute,
        outputs={"owner": "{Account}"},
    ),
    ResourceType(
        "aws:sns/topicSubscription:TopicSubscription",
        "sns.subscribe",
        {"topic": "TopicArn", **_attributes(_OF_SUBSCRIPTION)},
        id="{SubscriptionArn}",
        ignore=("confirmationTimeoutInMinutes", "endpointAutoConfirms"),
        outputs={
            "arn": "{SubscriptionArn}",
            "ownerId": "{Account}",
            "confirmationWasAuthenticated": lambda *_: False,
            # Whoever gets mail has to agree by hand.
            "pendingConfirmation": lambda inputs, _: inputs["protocol"].startswith("email"),
        },
    ),
)
