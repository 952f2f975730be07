"""Ways out. Each sink is one file; `outlet` drives them, each at its own pace with its own cursor."""
