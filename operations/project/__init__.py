"""The checkout that the `platform` command belongs to, and the settings of its stacks."""
