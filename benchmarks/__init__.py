"""Measures the product beside two throwaway pipelines, so that a figure means something on any machine."""
