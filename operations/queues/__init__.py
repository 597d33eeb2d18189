"""Work queues and dead-letter queues."""
