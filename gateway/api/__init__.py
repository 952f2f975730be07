"""What can be asked of a gateway: one set of functions, and the doors to them."""
