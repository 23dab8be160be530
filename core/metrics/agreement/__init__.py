"""Agreement of a predicted mask with a reference."""
