"""From the log to the read models and their store: folded, rebuilt, audited."""
