"""What is seen by models: engines over pictures, on one thread each, that open nothing once they are made."""
