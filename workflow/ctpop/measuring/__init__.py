"""What is in a scan, structure by structure: size, attenuation and the evidence that screening needs."""
