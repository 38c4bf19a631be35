"""CT volumes and label maps: NIfTI files, the store of label maps, existing segmentations, and the job ledger."""
