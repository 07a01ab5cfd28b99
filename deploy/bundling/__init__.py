"""Makes the self-extracting bundles for robots and for the operators' machine (`make bundle`)."""
