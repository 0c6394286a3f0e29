"""Media: one decode of a file or live input, and every feature measured from it."""
