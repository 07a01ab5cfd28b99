"""Reports of enrolled robots, from the evidence that this host keeps: made once, signed, and handed on."""
