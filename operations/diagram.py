"""`platform diagram`: an environment's components and what they need of each other, as Mermaid."""

from operations.console import Screen
from operations.graph.diagram import mermaid
from operations.graph.recorder import record_graph


def diagram(environment: str, screen: Screen) -> None:
    """Writes the flowchart of what the stack file describes; nothing has to run."""
    chart = mermaid(record_graph(environment))
    screen.result({"environment": environment, "mermaid": chart})
    screen.show(chart.rstrip("\n"))
