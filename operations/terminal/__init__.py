"""Terminal output, exit codes and signal handling of the `platform` command."""
