"""The scan for fraud: pure mathematics on the votes in the log, in its order. No I/O, no clock."""
