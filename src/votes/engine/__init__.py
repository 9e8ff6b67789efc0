"""The event-sourcing kernel. It knows no vote and no tool: another product could use it."""
