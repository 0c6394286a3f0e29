"""The tracking camera: see, follow, record, show."""
