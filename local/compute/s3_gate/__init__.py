"""The object gate: an S3 endpoint in front of the emulator that enforces the checks of S3 which moto lacks.

moto accepts any signature, length, hash and form. The gate verifies signatures, POST policies, sizes and checksums, and rejects
anonymous requests.
"""

from local.compute.s3_gate.process import ObjectGate

__all__ = ["ObjectGate"]
