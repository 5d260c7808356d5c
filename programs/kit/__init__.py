"""What step programs share: what they are given, how they speak, how they end."""
