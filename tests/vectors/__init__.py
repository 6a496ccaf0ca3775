"""Conformance vectors: published trees and what a client must make of them (docs/vectors)."""
