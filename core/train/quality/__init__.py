"""How the quality network was made: what it learns from, its calibration, and how well it sees failures."""
