"""EventBridge Scheduler: schedules that invoke functions."""
