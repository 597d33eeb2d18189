"""The AWS emulator: a moto server with fixes for its differences from AWS."""
