"""Cables: what is plugged in (`plugs`), and the ways to speak through it, one file each."""
