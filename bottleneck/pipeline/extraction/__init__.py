"""From pending images to committed rows."""
