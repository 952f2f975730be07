"""Drivers for any device that keeps to its profile, one file per profile."""
