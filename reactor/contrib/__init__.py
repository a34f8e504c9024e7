"""What attaches reactor to other projects; each module needs an extra of its own."""
