"""The thumbnail function: renders image variants of uploads."""
