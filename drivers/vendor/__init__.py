"""Devices of one maker or one family, one file each."""
