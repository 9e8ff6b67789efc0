"""How often what may be asked, counted in Redis for all API processes together."""
