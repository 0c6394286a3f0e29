"""One script a peer: `NAME_crowd.py JOBS` runs so many jobs and prints how many a second; with 0 it says only whether it could."""
