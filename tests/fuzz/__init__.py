"""Octets that nobody would send, led by the lines they reach."""
