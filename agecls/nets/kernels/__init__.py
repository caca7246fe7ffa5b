"""How a layer's product is computed on which machine."""
