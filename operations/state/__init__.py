"""State of local platforms on disk: state files, locks, logs and current status."""
