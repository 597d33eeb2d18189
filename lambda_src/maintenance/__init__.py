"""The maintenance function: scheduled tasks on the outbox, jobs, uploads, rate limits and the search index."""
