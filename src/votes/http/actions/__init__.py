"""What routes of the API and pages do alike."""
