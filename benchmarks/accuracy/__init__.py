"""How well the classifier does, beside classical models and in variants."""
