"""Segmenters trained on any cohort of images with masks."""
