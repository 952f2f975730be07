"""HealthVault's XML over HTTP, sans IO: envelopes, sessions, status codes, and what a record needs beyond its schema."""
