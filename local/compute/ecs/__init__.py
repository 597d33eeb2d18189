"""ECS: services whose tasks run as processes."""
