"""Pictures of masks for a reviewer: which cases, what is drawn of them, and the page that shows them."""
