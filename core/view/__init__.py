"""Arrays to pictures, numbers to words: nothing here computes a result, it only shows what is stored."""
