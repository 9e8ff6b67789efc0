"""The read models in Redis, and their replica in an API process."""
