"""What runs models: senses over pictures and sound, on one thread each, that open nothing once they are made."""
