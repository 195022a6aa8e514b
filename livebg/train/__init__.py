"""Training: pictures of people in folders become scenes as a webcam sees them, and scenes become weights."""
