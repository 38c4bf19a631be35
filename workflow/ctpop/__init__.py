"""Organ volumes and attenuation across the adult lifespan, from CT."""

__version__ = "0.1.0"
