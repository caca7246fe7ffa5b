"""A data root in any layout, as split uint8 arrays."""
