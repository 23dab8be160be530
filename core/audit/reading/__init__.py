"""Files of a training to a study: reported results, predictions, logs of Lightning, MLflow and W&B."""
