"""What hinders the gateway on this machine, and what helps against it."""
