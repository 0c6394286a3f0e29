"""What is heard by models: engines over 16 kHz sound, on one thread each, that open nothing once they are made."""
