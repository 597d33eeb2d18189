"""The local AWS provider: creates the resources of a Pulumi program in the emulator."""
