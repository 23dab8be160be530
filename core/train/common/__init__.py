"""What every kind of training shares: settings, epochs, curves, folds, records and cards."""
