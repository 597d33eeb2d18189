"""The object gate: a listener in front of the emulator's S3 that enforces what S3 enforces and moto does not.

moto takes any signature, any length, any hash and any form. Behind this gate a presigned URL or a form is worth what its
signature says, stored checksums are those of the stored bytes, and there is no public access.
"""

from local.compute.s3_gate.starter import ObjectGate

__all__ = ["ObjectGate"]
