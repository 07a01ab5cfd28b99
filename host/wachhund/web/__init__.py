"""API and dashboard: what people see, and by which way their browser may ask."""
