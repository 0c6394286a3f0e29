"""Who is enrolled, and whose face a camera sees."""
