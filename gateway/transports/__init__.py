"""Ways to devices. Only this package touches radio libraries."""
