"""What keeps a store in order: status, verify, gc, doctor."""
