"""Pictures of masks for a reviewer: selection of cases, rendering, the gallery page and the viewer."""
