"""Measurements beside the pipeline: python -m benchmarks.accuracy, speed, loading, ablation, failures, model_card.

The first four print a table and write it, with all figures as JSON, to benchmarks/results.
"""
