"""`mini`: a small backbone for 64x64 RGB that ships inside the package; CARD.md says what it is."""
