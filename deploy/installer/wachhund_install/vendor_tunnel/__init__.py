"""A vendor's tunnel: disabled when somebody asks for it, and put back as it was (docs/flash.md, decision 0051)."""
