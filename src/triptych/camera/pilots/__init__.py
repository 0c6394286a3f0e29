"""The pilots: what each turns a head for; `camera/pilot.py` says what they have in common."""
