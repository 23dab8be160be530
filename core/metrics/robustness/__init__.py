"""How much worse a model gets when its pictures do, with intervals over patients."""
