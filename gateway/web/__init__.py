"""The local page: for browsers in the home, and for programs with a token."""
