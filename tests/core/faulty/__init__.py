"""Toys with one fault each, by kind, and the test that must find it; test_contracts.py runs them."""
