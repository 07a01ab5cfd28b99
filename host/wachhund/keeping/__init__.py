"""Keeping and forgetting: what is forgotten by age and size while the host serves, and what people ask to be."""
