"""The life of a trained model: first start, retraining, trial in the shadow, promotion, way back, drift."""
