"""A kept model at work: predictions, ONNX, model card."""
