"""`triptych demo`: one real job of each kind over the documented HTTP calls, beside what is known to be true."""
