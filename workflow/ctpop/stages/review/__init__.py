"""Review of masks: selection of cases, rendering, the gallery page, and the viewer."""
