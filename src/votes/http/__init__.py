"""What every request goes through: who asks, what may be asked, how it is answered."""
