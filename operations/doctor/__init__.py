"""Diagnosis of this machine, the checkout and a platform."""
