"""`python -m gateway` is `health-gateway`."""

from gateway.cli import main

main()
