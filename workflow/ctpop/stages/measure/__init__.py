"""Volume, attenuation and screening evidence of each structure in each scan."""
