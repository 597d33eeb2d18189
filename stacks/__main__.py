from stacks.program import platform

platform()
