"""The quality network: from a picture and a predicted mask to the chance that the mask is right."""
