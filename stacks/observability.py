"""Observability: alarms, the dashboard, the budget, and monthly database archives."""

from components import alarm_rules, dashboard
from components.alarms import AlarmRule, Alarms, AlarmsArgs
from components.backup_plan import BackupPlan, BackupPlanArgs, BackupRule
from components.budget import Budget, BudgetArgs
from components.dashboard import Dashboard, DashboardArgs, Section
from components.search_domain import SearchDomain
from components.web_firewall import WebFirewall
from stacks.compute import Compute
from stacks.data import Data
from stacks.deployment import Deployment
from stacks.environment import EnvironmentSettings
from stacks.foundation import Foundation

# Cost anomalies below this amount are not worth the time to investigate.
ANOMALY_USD = 25
MONTHLY = "cron(0 7 1 * ? *)"


def create_observability(
    deployment: Deployment,
    *,
    foundation: Foundation,
    data: Data,
    compute: Compute,
    search: SearchDomain | None,
    firewall: WebFirewall | None,
    archives: BackupPlan | None,
) -> None:
    """Create the dashboard, alarms and budget that the settings ask for."""
    settings, naming, opts = deployment.settings, deployment.naming, deployment.opts
    monitoring = settings.monitoring
    topic_arn = None
    if monitoring.alarms:
        rules = _rules(settings, foundation=foundation, data=data, compute=compute, search=search, firewall=firewall)
        if archives is not None:
            rules += alarm_rules.backup_rules("archives", archives.vault_name)
        alarms = Alarms(
            "alarms",
            AlarmsArgs(naming=naming, recipients=monitoring.recipients, rules=rules, region=settings.region),
            opts,
        )
        topic_arn = alarms.topic_arn
    if monitoring.dashboard:
        sections = _sections(data, compute)
        Dashboard("dashboard", DashboardArgs(naming=naming, region=settings.region, sections=sections), opts)
    if monitoring.monthly_budget_usd is not None:
        Budget(
            "budget",
            BudgetArgs(
                naming=naming,
                monthly_usd=monitoring.monthly_budget_usd,
                recipients=monitoring.recipients,
                topic_arn=topic_arn,
                anomaly_usd=ANOMALY_USD,
            ),
            opts,
        )


def create_archives(deployment: Deployment, *, foundation: Foundation, data: Data) -> BackupPlan | None:
    """Create the plan of monthly database archives, which outlive the database's daily backups."""
    settings = deployment.settings
    if settings.backup is None:
        return None
    monthly = BackupRule(name="monthly", schedule=MONTHLY, delete_after_days=settings.backup.keep_days)
    return BackupPlan(
        "archives",
        BackupPlanArgs(
            naming=deployment.naming,
            rules=[monthly],
            resource_arns=[data.database.arn],
            key_arn=foundation.data_key_arn,
            protected=settings.protected,
        ),
        deployment.opts,
    )


def _rules(
    settings: EnvironmentSettings,
    *,
    foundation: Foundation,
    data: Data,
    compute: Compute,
    search: SearchDomain | None,
    firewall: WebFirewall | None,
) -> list[AlarmRule]:
    api, queue = compute.api, compute.queue
    timeouts = {
        "migrate": settings.migrate.timeout_seconds,
        "thumbnail-generator": settings.thumbnails.timeout_seconds,
        "maintenance": settings.maintenance.timeout_seconds,
    }
    rules = [
        *alarm_rules.queue_rules("thumbnail", queue.arn),
        *alarm_rules.dead_letter_rules("thumbnail", queue.dead_letter_arn),
        *alarm_rules.database_rules(
            "database", data.database.identifier, max_connections=settings.database.max_connections
        ),
    ]
    for resource_name, function in compute.functions.items():
        rules += alarm_rules.function_rules(resource_name, function.name, timeout_seconds=timeouts[resource_name])
    if api.gateway is not None and api.function is not None:
        rules += alarm_rules.http_api_rules("api", api.gateway.api_id)
        rules += alarm_rules.function_rules("api", api.function.name, timeout_seconds=settings.api.timeout_seconds)
    if api.balancer is not None and api.service is not None:
        rules += alarm_rules.load_balancer_rules(
            "api", api.balancer.arn_suffix, target_group_arn_suffix=api.balancer.target_group_arn_suffix
        )
        rules += alarm_rules.service_rules("api", api.service.cluster_name, api.service.service_name)
    if data.delivery is not None:
        rules += alarm_rules.distribution_rules("media", data.delivery.distribution_id)
    if search is not None and settings.search_domain is not None:
        replicas = settings.search_domain.instance_count > 1
        rules += alarm_rules.search_rules("search", search.name, foundation.account_id, replicas=replicas)
    if firewall is not None:
        rules += alarm_rules.firewall_rules("firewall", firewall.name, region=settings.region)
    return rules


def _sections(data: Data, compute: Compute) -> list[Section]:
    api, queue = compute.api, compute.queue
    requests = []
    if api.gateway is not None and api.function is not None:
        requests = [
            *dashboard.http_api_charts(api.gateway.api_id),
            *dashboard.function_charts("api", api.function.name),
        ]
    if api.balancer is not None and api.service is not None:
        requests = [
            *dashboard.load_balancer_charts(api.balancer.arn_suffix),
            *dashboard.service_charts("api", api.service.cluster_name, api.service.service_name),
        ]
    work = dashboard.queue_charts("thumbnails", queue.arn, queue.dead_letter_arn)
    for resource_name, function in compute.functions.items():
        work += dashboard.function_charts(resource_name, function.name)
    buckets = {"storage": data.storage.name, "thumbnails": data.thumbnails.name, "temp": data.temp.name}
    sections = [
        Section(title="Requests", charts=requests),
        Section(title="Work", charts=work),
        Section(title="Database", charts=dashboard.database_charts(data.database.identifier)),
        Section(title="Storage", charts=dashboard.storage_charts(buckets)),
    ]
    if data.delivery is not None:
        sections.append(Section(title="Delivery", charts=dashboard.distribution_charts(data.delivery.distribution_id)))
    return sections
