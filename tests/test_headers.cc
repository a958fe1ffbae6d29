// Owns the tests' precompiled headers; it is linked, and never run.
