"""A capture as a virtual device: what was said once is said again, to a gateway that does not know the difference."""
