"""`platform diagram`: shows an environment's components and their dependencies in Mermaid."""

from operations.graph.diagram import mermaid
from operations.graph.recorder import record_graph
from operations.terminal.console import Screen


def show_diagram(environment: str, screen: Screen) -> None:
    """Show the flowchart of an environment. The platform need not be running."""
    chart = mermaid(record_graph(environment))
    screen.write_json({"environment": environment, "mermaid": chart})
    screen.show(chart.rstrip("\n"))
