"""Functions that process queues and run on a schedule; they use the headless parts of the runtime."""
