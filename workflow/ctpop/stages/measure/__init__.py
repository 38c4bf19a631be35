"""Volume, attenuation, and evidence for segmentation screening of each structure in each scan."""
