"""SNS: topics, topic policies and subscriptions. Their attributes are maps whose keys the service model does not list."""

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
# Protocols with delivery status logging, and its attributes.
_PROTOCOLS = {"application": "Application", "firehose": "Firehose", "http": "HTTP", "lambda": "Lambda", "sqs": "SQS"}
_FEEDBACK = ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")

_SUBSCRIPTION_ATTRIBUTES = (
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


def _name_attribute(inputs: Inputs) -> Inputs:
    return {**inputs, "attributeName": "Policy"}


TYPES = (
    ResourceType(
        "aws:sns/topic:Topic",
        "sns.create_topic",
        {
            **_attributes(_ATTRIBUTES),
            **{
                f"{protocol}{feedback}": f"Attributes[{attribute}{feedback}]"
                for protocol, attribute in _PROTOCOLS.items()
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
        prepare=_name_attribute,
        outputs={"owner": "{Account}"},
    ),
    ResourceType(
        "aws:sns/topicSubscription:TopicSubscription",
        "sns.subscribe",
        {"topic": "TopicArn", **_attributes(_SUBSCRIPTION_ATTRIBUTES)},
        id="{SubscriptionArn}",
        ignore=("confirmationTimeoutInMinutes", "endpointAutoConfirms"),
        outputs={
            "arn": "{SubscriptionArn}",
            "ownerId": "{Account}",
            "confirmationWasAuthenticated": lambda *_: False,
            # Subscribers by e-mail have to confirm.
            "pendingConfirmation": lambda inputs, _: inputs["protocol"].startswith("email"),
        },
    ),
)
