"""`platform diagram`: an environment's components and what they need of each other, as Mermaid."""

from operations.graph.diagram import mermaid
from operations.graph.recorder import record_graph
from operations.terminal.console import Screen


def diagram(environment: str, screen: Screen) -> None:
    """Writes the flowchart of what the stack file describes; nothing has to run."""
    chart = mermaid(record_graph(environment))
    screen.write_json({"environment": environment, "mermaid": chart})
    screen.show(chart.rstrip("\n"))
