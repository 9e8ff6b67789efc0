"""The read models in Redis: their store, and the subscription of an API process to it."""
