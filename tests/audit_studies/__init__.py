"""Synthetic cross-validations with and without a planted fault: how often does the audit find it?

python -m tests.audit_studies --studies 500 --first 1000000
"""
