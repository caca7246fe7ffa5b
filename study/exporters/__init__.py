"""A study in the forms of TensorBoard and MLflow."""
