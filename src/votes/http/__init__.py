"""What every request passes through: identity, limits, bodies, deadlines, problems and ETags."""
