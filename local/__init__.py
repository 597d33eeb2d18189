"""An AWS on this machine for a Pulumi program: it applies registrations and runs the compute they describe."""
