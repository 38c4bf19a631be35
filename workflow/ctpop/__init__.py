"""Organ volume and attenuation across the adult lifespan, measured on CT."""

__version__ = "0.1.0"
