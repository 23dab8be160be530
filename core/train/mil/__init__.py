"""How bag models are made and judged: data, bags, losses, epochs, cross-validation, tables."""
