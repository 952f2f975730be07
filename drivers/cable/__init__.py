"""Devices with a cable, one file each."""
