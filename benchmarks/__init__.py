"""Measurements beside the pipeline: python -m benchmarks.accuracy, benchmarks.speed, benchmarks.loading.

Each prints a table and writes it, with all figures as JSON, to benchmarks/results.
"""
