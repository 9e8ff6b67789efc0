"""What is asked of a request: who sends it, from where, how often."""
