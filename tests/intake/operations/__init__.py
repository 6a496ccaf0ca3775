"""The commands that keep a votes log safe."""
