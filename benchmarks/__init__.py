"""Figures that the documentation promises, measured; and the demo."""
