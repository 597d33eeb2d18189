"""Lambda: functions in worker processes, and the Invoke API."""
