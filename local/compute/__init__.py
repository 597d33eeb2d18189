"""AWS services of a local platform that need running processes or listeners, one package per service."""
