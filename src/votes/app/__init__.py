"""What the program does, without saying on what: handle commands, project events, answer reads."""
