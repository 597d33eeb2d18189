"""The whole platform on one screen."""

from runtime.settings import NO_SEARCH_ENGINE
from stacks.compute import create_compute
from stacks.data import create_data, create_scanning
from stacks.deployment import Deployment
from stacks.edge import create_address, create_front_door
from stacks.foundation import create_foundation
from stacks.identity import create_identity
from stacks.observability import create_archives, create_observability
from stacks.published import publish
from stacks.search import create_search, prepare_search


def platform() -> None:
    """Register the environment described by the stack's config.

    Raises:
        SettingsError: The settings are invalid.
    """
    deployment = Deployment.of_this_stack()

    foundation = create_foundation(deployment)
    address = create_address(deployment)
    identity = create_identity(deployment, foundation)
    data = create_data(deployment, foundation=foundation, address=address)
    compute = create_compute(deployment, foundation=foundation, identity=identity, address=address, data=data)
    search = create_search(deployment, foundation=foundation, compute=compute)
    balancer = compute.api.balancer
    firewall = create_front_door(deployment, balancer, address) if balancer else None
    create_scanning(deployment, foundation=foundation, data=data)
    archives = create_archives(deployment, foundation=foundation, data=data)
    create_observability(
        deployment,
        foundation=foundation,
        data=data,
        compute=compute,
        search=search.domain if search else None,
        firewall=firewall,
        archives=archives,
    )

    parameters = publish(
        deployment,
        {
            "environment": deployment.settings.environment,
            "release": deployment.release,
            "region": deployment.settings.region,
            "api_url": compute.api.url,
            "search_endpoint": search.domain.endpoint.apply(lambda known: known or NO_SEARCH_ENGINE)
            if search
            else None,
            "cdn_url": data.delivery.url if data.delivery else None,
            "name_servers": address.name_servers,
            "user_pool_id": identity.pool_id,
            "user_pool_client_id": identity.client_id,
            "user_pool_endpoint": identity.pool_endpoint,
            "cognito_secret_arn": identity.secret_arn,
            "system_secret_arn": identity.machine.secret_arn if identity.machine else None,
            "storage_bucket": data.storage.name,
            "thumbnails_bucket": data.thumbnails.name,
            "temp_bucket": data.temp.name,
            "thumbnail_queue_url": compute.queue.url,
            "thumbnail_dead_letter_queue_url": compute.queue.dead_letter_url,
            "thumbnail_function_arn": compute.functions["thumbnail-generator"].arn,
            "database_endpoint": data.database.endpoint,
            "database_secret_arn": data.database_secret_arn,
            "vpc_id": foundation.network.vpc_id,
            "schema_head": compute.schema.head,
            "schema_digest": compute.schema.digest,
        },
    )
    if search is not None:
        prepare_search(deployment, search, compute, parameters)
